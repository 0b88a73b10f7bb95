/** Observers: told what happens, and unable to disturb it. */
import { hush } from './captured.js'
import type { OnEvent } from './interpreter.js'

/** Tells each, whatever the others do: what they throw or reject with is nobody's. */
export const telling =
  (...observers: readonly OnEvent[]): OnEvent =>
  (event) => {
    for (const onEvent of observers) {
      try {
        hush(onEvent(event))
      } catch {
        // there is nowhere left to report it to
      }
    }
  }
