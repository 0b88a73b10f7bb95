/** Retries: trying the whole pipeline again, within the same delivery as long as that does not take long. */
import { capture, hush } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { type Defect, type Failure, type TimedOut, defect } from '../core/failure.js'
import type { Attempt } from '../core/letter.js'
import type { Message } from '../core/message.js'
import { type Failed, type Outcome, failed, nack, unlessInterrupted } from '../core/outcome.js'
import { type Processor, type Unsettled, described, fromRun, runOf } from '../core/processor.js'
import { none, some } from '../core/result.js'
import { type Run, concluded, stepped } from '../core/run.js'
import { renderFailure } from '../failures/render.js'
import { sleep } from '../ports/waiting.js'
import type { RetryPolicy, RetryStatus } from './retry-policy.js'

// model

/** What is tried again, and how long a message may wait for it here. */
export interface RetryOptions {
  /** Which failures are tried again: `isTransient`, unless it is said. */
  readonly when?: (failure: Failure) => boolean
  /** What is to wait longer is given back to a source that can bring it back. 30 s, unless it is said. */
  readonly maxWaitMs?: number
}

// guards

/** Failures that another attempt may not meet: what threw, and what took too long. */
export const isTransient = ({ _tag }: Failure): boolean =>
  _tag === 'Defect' || _tag === 'HookFailed' || _tag === 'TimedOut'

// combinators

/** Tries a failed message again as the policy says. */
export const withRetry = (
  policy: RetryPolicy,
  clock: Clock,
  { when = isTransient, maxWaitMs = 30_000 }: RetryOptions = {}
): ((processor: Unsettled) => Processor) => {
  if (typeof policy !== 'function')
    throw new TypeError(
      'withRetry: give a policy, as exponentialBackoff({ baseMs: 50, maxDelayMs: 2_000, attempts: 5 })'
    )
  if (!(maxWaitMs >= 0)) throw new RangeError('withRetry: maxWaitMs is a number of at least 0')
  return (processor) => {
    const inner = runOf(processor)
    const retries: Retries = { inner, policy, clock, when, maxWaitMs }
    const run: Run = (message) => {
      const begunAt = clock.monotonic()
      return stepped(inner(message), message, (_, outcome) =>
        outcome._tag === 'Failed' ? again(retries, message, outcome, begunAt) : outcome
      )
    }
    return fromRun(run, described(processor, 'withRetry'))
  }
}

// helpers

interface Retries extends Required<RetryOptions> {
  readonly inner: Run
  readonly policy: RetryPolicy
  readonly clock: Clock
}

/** Where a policy is. */
type Place = Pick<RetryStatus, 'iterNumber' | 'cumulativeDelay' | 'previousDelay'>

/** Where a delivery begins. `isSpent`: there were more before it than the policy can have asked for. */
interface Begun {
  readonly place: Place
  readonly isSpent: boolean
}

type Decision =
  | { readonly _tag: 'Waits'; readonly delayMs: number; readonly place: Place }
  | { readonly _tag: 'Ends'; readonly outcome: Outcome }

const again = async (
  retries: Retries,
  message: Message,
  first: Failed,
  firstBegunAt: number
): Promise<Outcome> => {
  const { inner, clock } = retries
  let outcome: Outcome = first
  let begunAt = firstBegunAt
  let begun = resumed(retries, message, first.failure)
  const beforeMs = begun.place.cumulativeDelay
  while (outcome._tag === 'Failed' && !message.signal.aborted) {
    const now = clock.monotonic()
    const attempt = attemptOf(outcome.failure, clock.now(), now - begunAt)
    const decision = decide(retries, message, outcome, begun, beforeMs + now - firstBegunAt)
    if (decision._tag === 'Ends') {
      outcome = decision.outcome
      if (outcome._tag === 'Nacked') note(message, attempt)
      break
    }
    await sleep(clock, Math.min(decision.delayMs, maxTimerMs), message.signal)
    if (message.signal.aborted) break
    note(message, attempt)
    begun = { ...begun, place: decision.place }
    begunAt = clock.monotonic()
    message.trace.startedAt = clock.now()
    outcome = await concluded(inner(message))
  }
  return unlessInterrupted(message, outcome)
}

const decide = (
  retries: Retries,
  message: Message,
  outcome: Failed,
  begun: Begun,
  elapsedMs: number
): Decision => {
  const { policy, clock, when, maxWaitMs } = retries
  const { failure } = outcome
  const isWanted = wantedBy(when, failure)
  if (isWanted === false) return ends(outcome)
  if (isWanted !== true) return ends(failed(isWanted))

  const { place, isSpent } = isAbandoned(failure)
    ? furthest(begun, resumed(retries, message, failure))
    : begun
  const delay = delayBy(policy, {
    ...place,
    elapsedMs: Math.max(elapsedMs, place.cumulativeDelay),
    failure,
    random: clock.random()
  })
  if (delay === undefined) return ends(outcome)
  if (typeof delay === 'object') return ends(failed(delay))

  if (comesBack(message) && (isAbandoned(failure) || delay > maxWaitMs))
    return ends(isSpent ? outcome : nack({ reason: reasonOf(failure), afterMs: delay }))
  return isAbandoned(failure) ? ends(outcome) : { _tag: 'Waits', delayMs: delay, place: beyond(place, delay) }
}

const ends = (outcome: Outcome): Decision => ({ _tag: 'Ends', outcome })

const attemptOf = (failure: Failure, now: number, tookMs: number): Attempt => {
  const durationMs = Math.round(tookMs)
  return { startedAt: now - durationMs, durationMs, failure }
}

const note = ({ trace }: Message, attempt: Attempt): void => {
  trace.attempts = [...trace.attempts.slice(1 - maxNoted), attempt]
}

/** The newest attempts are kept of a message that is tried for ever. */
const maxNoted = 1_000

/** Timers of Node that are set for longer fire at once. */
const maxTimerMs = 2 ** 31 - 1

const isAbandoned = (failure: Failure): failure is TimedOut =>
  failure._tag === 'TimedOut' && failure.abandoned

/** A replay would take what is given back for a failure. */
const comesBack = (message: Message): boolean => message.redelivers && message.letter === undefined

const reasonOf = (failure: Failure): string =>
  isAbandoned(failure) ? `timed out after ${failure.afterMs} ms` : `to be tried again after ${failure._tag}`

// places

const start: Place = { iterNumber: 0, cumulativeDelay: 0, previousDelay: none }

const beyond = ({ iterNumber, cumulativeDelay }: Place, delayMs: number): Place => ({
  iterNumber: iterNumber + 1,
  cumulativeDelay: cumulativeDelay + delayMs,
  previousDelay: some(delayMs)
})

const furthest = (one: Begun, { place, isSpent }: Begun): Begun => ({
  place: place.iterNumber > one.place.iterNumber ? place : one.place,
  isSpent
})

/**
 * Where the policy was when it gave the message back. A delivery knows only its number, so the policy is asked again,
 * with the longest draws: each earlier delivery ended at a delay too long to wait for, or was a handler given up.
 */
const resumed = ({ policy, maxWaitMs }: Retries, message: Message, failure: Failure): Begun => {
  const longMs = isAbandoned(failure) ? -1 : maxWaitMs
  let earlier = comesBack(message) ? message.deliveryCount - 1 : 0
  let asked = start
  let place = start
  while (earlier > 0 && asked.iterNumber < maxAsked) {
    const elapsedMs = asked.cumulativeDelay
    const delay = delayBy(policy, { ...asked, elapsedMs, failure, random: 1 - Number.EPSILON })
    if (typeof delay !== 'number') break
    asked = beyond(asked, delay)
    if (delay <= longMs) continue
    earlier -= 1
    place = asked
  }
  return { place, isSpent: earlier > 0 }
}

/** A policy that never gives up would move a message to and fro for ever. */
const maxAsked = 1_000

// the user's functions

/** What the policy says, or a defect where it says nothing that can be waited for. */
const delayBy = (policy: RetryPolicy, status: RetryStatus): number | undefined | Defect => {
  try {
    const given: unknown = policy(status)
    const { _tag, value } = (given ?? {}) as { readonly _tag?: unknown; readonly value?: unknown }
    if (_tag === 'None') return undefined
    if (_tag === 'Some' && typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value
    hush(given)
    throw new TypeError('gave something that is no Option of a delay in milliseconds')
  } catch (thrown) {
    return defectAfter(status.failure, 'the retry policy', thrown)
  }
}

const wantedBy = (when: (failure: Failure) => boolean, failure: Failure): boolean | Defect => {
  try {
    const given: unknown = when(failure)
    if (typeof given === 'boolean') return given
    hush(given)
    throw new TypeError('gave something that is no boolean')
  } catch (thrown) {
    return defectAfter(failure, 'when of withRetry', thrown)
  }
}

/** What was thrown, with the message's own failure among its causes. */
const defectAfter = (failure: Failure, where: string, thrown: unknown): Defect => {
  const found = defect(where, thrown)
  const own = capture({ name: failure._tag, message: renderFailure(failure) })
  return { ...found, causes: [...(found.causes ?? []), own] }
}
