/** What a run has counted so far, and the report made of it. */
import type { Ended, Report } from '../core/interpreter.js'
import type { Outcome } from '../core/outcome.js'

// model

export interface Tally {
  received: number
  readonly outcomes: Record<Outcome['_tag'], number>
  /** Deliveries that neither are done nor stay with the source. */
  unsettled: number
  readonly storedIn: Set<string>
}

// constructors

export const emptyTally = (): Tally => ({
  received: 0,
  outcomes: { Acked: 0, Nacked: 0, Failed: 0, DeadLettered: 0, Released: 0 },
  unsettled: 0,
  storedIn: new Set()
})

// conversions

export const toReport = (
  { received, outcomes, unsettled, storedIn }: Tally,
  unreadBytes: number,
  durationMs: number,
  ended: Ended
): Report => ({
  received,
  acked: outcomes.Acked,
  nacked: outcomes.Nacked,
  failed: outcomes.Failed,
  deadLettered: outcomes.DeadLettered,
  released: outcomes.Released,
  unsettled,
  unreadBytes,
  durationMs,
  storedIn: [...storedIn],
  ended
})
