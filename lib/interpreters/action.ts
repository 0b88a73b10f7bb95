/** What a source is to do with a delivery, by its outcome. */
import type { Failed, Outcome } from '../core/outcome.js'
import type { Action, Delivery } from '../ports/source.js'

export const done: Action = { _tag: 'Done' }

/** `onFailed` is for what no queue took; a letter that could not be stored is never done. */
export const actionOf = (
  outcome: Outcome,
  { message }: Pick<Delivery, 'message'>,
  started: boolean,
  onFailed: 'stop' | 'report' | 'park'
): Action => {
  switch (outcome._tag) {
    case 'Acked':
    case 'DeadLettered':
      return done
    case 'Nacked':
      return { _tag: 'Retry', afterMs: outcome.afterMs ?? 0 }
    case 'Released':
      return { _tag: 'Release', started }
    case 'Failed':
      if (isUnstored(outcome) || onFailed === 'stop') return { _tag: 'Release', started }
      if (onFailed === 'report') return done
      return { _tag: 'Retry', afterMs: Math.min(1_000 * 2 ** (message.deliveryCount - 1), maxParkMs) }
  }
}

export const isUnstored = (outcome: Outcome): outcome is Failed =>
  outcome._tag === 'Failed' && outcome.failure._tag === 'DlqUnavailable'

// helpers

const maxParkMs = 3_600_000
