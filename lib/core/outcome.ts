/** Verdicts and outcomes: what a handler says, and what became of the message. */
import { type Failure, isFailure } from './failure.js'
import { type TagCases, matchTag } from './match.js'
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

/** The message is done, and there is nothing more to say. */
export const ack: Verdict = { _tag: 'Acked' }

/** The message is done, with a note for the log or a reply for a sender that waits. */
export const ackWith = (fields: { readonly note?: string; readonly reply?: unknown }): Verdict => ({
  _tag: 'Acked',
  ...fields
})

/**
 * Asks the source to bring the message back, not before `afterMs` milliseconds; a time that is over is none.
 *
 * @throws RangeError if `afterMs` is no finite number
 */
export const nack = (fields: { readonly reason?: string; readonly afterMs?: number } = {}): Verdict => {
  const { afterMs = 0 } = fields
  if (!Number.isFinite(afterMs)) throw new RangeError(`nack: afterMs is ${afterMs}`)
  return { _tag: 'Nacked', ...fields, ...(afterMs < 0 && { afterMs: 0 }) }
}

/** The message cannot be handled, for this reason. */
export const failed = (failure: Failure): Verdict => ({ _tag: 'Failed', failure })

/** The message lies in a dead letter queue, for this reason. */
export const deadLettered = (failure: Failure): Outcome => ({ _tag: 'DeadLettered', failure })

/** The message was given back unfinished, as its run or its lease ended. */
export const released = (reason: Interruption): Outcome => ({ _tag: 'Released', reason })

// destructors

/** Takes a verdict apart: one case for each tag, or some and an `otherwise`. */
export const matchVerdict =
  <A>(cases: TagCases<Verdict, A>) =>
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
  <A>(cases: TagCases<Outcome, A>) =>
  (outcome: Outcome): A =>
    matchTag(outcome, cases)

// conversions

/**
 * What a handler gave, as a verdict of plain fields; `undefined` if it is none. Fields are read once, so that what
 * was checked is what is used; reading them may throw.
 */
export const toVerdict = (value: unknown): Verdict | undefined =>
  value === ack ? ack : verdictOf(fieldsOf(value))

/** The same for an outcome. */
export const toOutcome = (value: unknown): Outcome | undefined =>
  value === ack ? ack : outcomeOf(fieldsOf(value))

// combinators

/** Interruption is no failure: what did not finish before it is `Released`. */
export const unlessInterrupted = (message: Message, outcome: Outcome): Outcome => {
  if (outcome._tag !== 'Failed' && outcome._tag !== 'Nacked') return outcome
  const reason = interruptionOf(message)
  return reason === undefined ? outcome : released(reason)
}

// helpers

interface Fields {
  readonly _tag?: unknown
  readonly note?: unknown
  readonly reply?: unknown
  readonly reason?: unknown
  readonly afterMs?: unknown
  readonly failure?: unknown
}

const fieldsOf = (value: unknown): Fields => {
  if (typeof value !== 'object' || value === null) return {}
  const { _tag, note, reply, reason, afterMs, failure } = value as Fields
  return { _tag, note, reply, reason, afterMs, failure }
}

const verdictOf = ({ _tag, note, reply, reason, afterMs, failure }: Fields): Verdict | undefined => {
  switch (_tag) {
    case 'Acked':
      if (!isText(note)) return undefined
      return { _tag, ...(note !== undefined && { note }), ...(reply !== undefined && { reply }) }
    case 'Nacked':
      if (!isText(reason) || !isDelay(afterMs)) return undefined
      return { _tag, ...(reason !== undefined && { reason }), ...(afterMs !== undefined && { afterMs }) }
    case 'Failed':
      return isFailure(failure) ? { _tag, failure } : undefined
    default:
      return undefined
  }
}

const outcomeOf = (fields: Fields): Outcome | undefined => {
  const { _tag, failure, reason } = fields
  if (_tag === 'DeadLettered') return isFailure(failure) ? { _tag, failure } : undefined
  if (_tag === 'Released')
    return reason === 'shutdown' || reason === 'leaseLost' ? { _tag, reason } : undefined
  return verdictOf(fields)
}

const isText = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string'

const isDelay = (value: unknown): value is number | undefined =>
  value === undefined || (typeof value === 'number' && value >= 0 && value < Infinity)
