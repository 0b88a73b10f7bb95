/** The gates of a run as one: closed while any of them is, and asked again when it may open. */
import type { Gate, OpenGate } from '../combinators/gate.js'
import { type Captured, capture } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import type { Outcome } from '../core/outcome.js'

export interface Gatekeeper {
  /** If so, `onOpen` is called when it is worth to ask again. */
  readonly isClosed: () => boolean
  readonly closedBy: () => string | undefined
  readonly onStart: (start: object) => void
  readonly onOutcome: (outcome: Outcome, start: object) => void
  readonly stop: () => void
}

/** Told what a gate threw. */
type OnGateFailed = (gate: string, error: Captured) => void

export const gatekeeper = (
  open: readonly OpenGate[],
  clock: Clock,
  onOpen: () => void,
  onFailed: OnGateFailed
): Gatekeeper => {
  const gates = open.map((each) => guarded(each(clock), onFailed))
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
    onStart: (start) => {
      for (const gate of gates) gate.onStart(start)
    },
    onOutcome: (outcome, start) => {
      for (const gate of gates) gate.onOutcome(outcome, start)
    },
    stop: () => cancel?.()
  }
}

// helpers

/** What it throws, or rejects with, holds nobody up: it counts as open. The first that it throws is told. */
const guarded = (gate: Gate, onFailed: OnGateFailed): Gate => {
  let isTold = false
  const fail = (thrown: unknown): void => {
    if (!isTold) onFailed(gate.name, capture(thrown))
    isTold = true
  }
  const attempted = (call: () => unknown): unknown => {
    try {
      const given = call()
      if (given instanceof Promise) given.catch(fail)
      return given
    } catch (thrown) {
      return fail(thrown)
    }
  }
  return {
    name: gate.name,
    closedMs: () => {
      const closedMs = attempted(() => gate.closedMs())
      return typeof closedMs === 'number' && closedMs > 0 ? closedMs : 0
    },
    onStart: (start) => void attempted(() => gate.onStart(start)),
    onOutcome: (outcome, start) => void attempted(() => gate.onOutcome(outcome, start))
  }
}
