/** Verdicts and outcomes: what a handler says, and what became of the message. */
import { type Failure, isFailure } from './failure.js'
import { type Cases, matchTag } from './match.js'
import { type Interruption, type Message, interruptionOf } from './message.js'

// model

/** The message is done. `reply` goes back to a sender that waits for one. */
export interface Acked {
  readonly _tag: 'Acked'
  readonly note?: string
  readonly reply?: unknown
}

/** Not now: the source is to bring the message back, not before `afterMs` milliseconds. */
export interface Nacked {
  readonly _tag: 'Nacked'
  readonly reason?: string
  readonly afterMs?: number
}

/** The message cannot be handled. */
export interface Failed {
  readonly _tag: 'Failed'
  readonly failure: Failure
}

/** The message lies in a dead letter queue, durably. */
export interface DeadLettered {
  readonly _tag: 'DeadLettered'
  readonly failure: Failure
}

/** The message was given back unfinished: no failure, and no attempt. Made by the library alone. */
export interface Released {
  readonly _tag: 'Released'
  readonly reason: Interruption
}

/** What a handler may say. */
export type Verdict = Acked | Nacked | Failed

/** What became of a message, exactly one. */
export type Outcome = Verdict | DeadLettered | Released

// constructors

export const ack: Verdict = { _tag: 'Acked' }

export const ackWith = (fields: { readonly note?: string; readonly reply?: unknown }): Verdict => ({
  _tag: 'Acked',
  ...fields
})

export const nack = (fields: { readonly reason?: string; readonly afterMs?: number } = {}): Verdict => ({
  _tag: 'Nacked',
  ...fields
})

export const failed = (failure: Failure): Verdict => ({ _tag: 'Failed', failure })

export const deadLettered = (failure: Failure): Outcome => ({ _tag: 'DeadLettered', failure })

export const released = (reason: Interruption): Outcome => ({ _tag: 'Released', reason })

// destructors

/** Takes a verdict apart: one case for each tag, or some and an `otherwise`. */
export const matchVerdict =
  <A>(cases: Cases<Verdict, A>) =>
  (verdict: Verdict): A =>
    matchTag(verdict, cases)

/**
 * Takes an outcome apart: one case for each tag, or some and an `otherwise`.
 *
 * @example
 * const status = matchOutcome({ Acked: () => 200, DeadLettered: () => 202, otherwise: () => 500 })
 * assert.equal([status(ack), status(nack())], [200, 500])
 *
 * @since 0.1.0
 */
export const matchOutcome =
  <A>(cases: Cases<Outcome, A>) =>
  (outcome: Outcome): A =>
    matchTag(outcome, cases)

// guards

export const isVerdict = (value: unknown): value is Verdict => {
  const tag = tagOf(value)
  return tag === 'Acked' || tag === 'Nacked' || (tag === 'Failed' && isFailure((value as Failed).failure))
}

export const isOutcome = (value: unknown): value is Outcome => {
  const tag = tagOf(value)
  return (
    isVerdict(value) ||
    (tag === 'DeadLettered' && isFailure((value as DeadLettered).failure)) ||
    (tag === 'Released' && ['shutdown', 'leaseLost'].includes((value as Released).reason))
  )
}

// combinators

/** Interruption is no failure: what did not finish before it is `Released`. */
export const unlessInterrupted = (message: Message, outcome: Outcome): Outcome => {
  if (outcome._tag !== 'Failed' && outcome._tag !== 'Nacked') return outcome
  const reason = interruptionOf(message)
  return reason === undefined ? outcome : released(reason)
}

// helpers

const tagOf = (value: unknown): string | undefined =>
  typeof value === 'object' && value !== null && typeof (value as { _tag?: unknown })._tag === 'string'
    ? (value as { _tag: string })._tag
    : undefined
