/** What a run has counted so far, and the report made of it. */
import type { Outcome } from '../core/outcome.js'
import type { Ended, Report } from '../ports/interpreter.js'

// model

export interface Tally {
  received: number
  acked: number
  nacked: number
  failed: number
  deadLettered: number
  released: number
  /** Deliveries that neither are done nor stay with the source. */
  unsettled: number
  readonly storedIn: Set<string>
}

// constructors

export const emptyTally = (): Tally => ({
  received: 0,
  acked: 0,
  nacked: 0,
  failed: 0,
  deadLettered: 0,
  released: 0,
  unsettled: 0,
  storedIn: new Set()
})

// updates

export const count = (tally: Tally, outcome: Outcome): void => {
  switch (outcome._tag) {
    case 'Acked':
      tally.acked += 1
      break
    case 'Nacked':
      tally.nacked += 1
      break
    case 'Failed':
      tally.failed += 1
      break
    case 'DeadLettered':
      tally.deadLettered += 1
      break
    case 'Released':
      tally.released += 1
  }
}

// conversions

export const toReport = (tally: Tally, unreadBytes: number, durationMs: number, ended: Ended): Report => ({
  ...tally,
  storedIn: [...tally.storedIn],
  unreadBytes,
  durationMs,
  ended
})
