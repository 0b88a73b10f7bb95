/** Observers: told what happens, and unable to disturb it. */
import { hush } from '../core/captured.js'
import type { OnEvent } from '../ports/interpreter.js'

/**
 * Several listeners as one, for `onEvent`: each is told, in turn and whatever the others do. What they throw or reject
 * with is nobody's.
 *
 * @example
 * const watched = health()
 * const tags: string[] = []
 * const onEvent = telling(watched.onEvent, ({ _tag }) => void tags.push(_tag))
 * onEvent({ _tag: 'Ready', inFlight: () => [] })
 * assert.equal([watched.status().isReady, tags], [true, ['Ready']])
 *
 * @since 0.1.0
 */
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
