/** The gates of a run as one: closed while any of them is, and asked again when it may open. */
import type { OpenGate } from '../combinators/gate.js'
import type { Clock } from '../core/clock.js'
import type { Outcome } from '../core/outcome.js'

export interface Gatekeeper {
  /** If so, `onOpen` is called when it is worth to ask again. */
  readonly isClosed: () => boolean
  readonly closedBy: () => string | undefined
  readonly onStart: () => void
  readonly onOutcome: (outcome: Outcome) => void
  readonly stop: () => void
}

export const gatekeeper = (open: readonly OpenGate[], clock: Clock, onOpen: () => void): Gatekeeper => {
  const gates = open.map((each) => each(clock))
  let cancel: (() => void) | undefined
  return {
    isClosed: () => {
      const closedMs = Math.max(...gates.map((gate) => gate.closedMs()))
      if (closedMs > 0 && closedMs < Infinity)
        cancel ??= clock.after(Math.ceil(closedMs), () => {
          cancel = undefined
          onOpen()
        })
      return closedMs > 0
    },
    closedBy: () => gates.find((gate) => gate.closedMs() > 0)?.name,
    onStart: () => {
      for (const gate of gates) gate.onStart()
    },
    onOutcome: (outcome) => {
      for (const gate of gates) gate.onOutcome(outcome)
    },
    stop: () => cancel?.()
  }
}
