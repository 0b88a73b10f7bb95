/** What failed in a replay, counted by kind. */
import { nacked } from '../core/dlq.js'
import type { Failure } from '../core/failure.js'
import type { Outcome } from '../core/outcome.js'
import { type Processor, combinator } from '../core/processor.js'
import { fingerprintOf, summaryOf } from '../dlq/fingerprint.js'
import type { LetterGroup } from '../ports/letters.js'

export interface Failures {
  /** A processor that tells here what becomes of its letters. */
  readonly watched: (processor: Processor) => Processor
  /** The largest first. */
  readonly groups: () => readonly LetterGroup[]
}

/** `onDone`: told how many letters there were so far. */
export const failures = (now: () => number, onDone: (done: number) => void): Failures => {
  const groups = new Map<string, LetterGroup>()
  let done = 0
  const note = (failure: Failure, route: string | undefined): void => {
    const message = summaryOf(failure)
    const fingerprint = fingerprintOf(failure._tag, route, message)
    const { firstSeenAt = now(), count = 0 } = groups.get(fingerprint) ?? {}
    const { _tag: tag } = failure
    groups.set(fingerprint, {
      fingerprint,
      tag,
      route,
      message,
      count: count + 1,
      firstSeenAt,
      lastSeenAt: now()
    })
  }
  return {
    watched: combinator('missive', (inner) => (message) => async () => {
      const outcome = await inner(message)()
      const failure = failureOf(outcome)
      // What its queue could not store is run once more.
      if (failure?._tag === 'DlqUnavailable') return outcome
      if (failure !== undefined) note(failure, message.trace.route)
      done += 1
      onDone(done)
      return outcome
    }),
    groups: () => [...groups.values()].toSorted((a, b) => b.count - a.count)
  }
}

// helpers

const failureOf = (outcome: Outcome): Failure | undefined => {
  switch (outcome._tag) {
    case 'Acked':
    case 'Released':
      return undefined
    case 'Nacked':
      return nacked(outcome)
    default:
      return outcome.failure
  }
}
