/** Retry policies: how long to wait before a failed message is tried again, and when to give up. */
import type { Option } from 'fp-ts/lib/Option.js'
import type { Failure } from '../core/failure.js'
import { none, some } from '../core/result.js'

// model

/** What a policy decides on: the status of retry-ts, by its names, and three fields more. */
export interface RetryStatus {
  /** How often the message was tried again already: 0 after its first attempt. */
  readonly iterNumber: number
  /** Milliseconds: all delays so far. */
  readonly cumulativeDelay: number
  /** Milliseconds; none after the first attempt. */
  readonly previousDelay: Option<number>
  /** Milliseconds since the first attempt began. */
  readonly elapsedMs: number
  readonly failure: Failure
  /** From 0 to 1, without 1: for jitter. */
  readonly random: number
}

/**
 * The delay in milliseconds before the next attempt; none: no more. Pure, as a policy is asked again about attempts
 * of earlier deliveries. Policies of retry-ts are such policies.
 */
export type RetryPolicy = (status: RetryStatus) => Option<number>

// constructors

/**
 * The same delay each time, without end. A delay of 0 changes nothing in `bothPolicies`.
 *
 * @example
 * const processor = pipe(
 *   receive(text),
 *   handle(otherwise(async () => failed(timedOut(500)))),
 *   withRetry(pipe(constantDelay(1), limitAttempts(3)))
 * )
 * const delivered = message('Hello')
 * assert.equal(await processor(delivered)(), failed(timedOut(500)))
 * assert.is(delivered.trace.attempts.length, 2)
 *
 * @throws RangeError if the delay makes no sense
 * @since 0.1.0
 */
export const constantDelay = (delayMs: number): RetryPolicy => {
  const delay = some(duration('constantDelay', delayMs))
  return () => delay
}

/**
 * Delays that double from `baseMs`, without end.
 *
 * @example
 * const policy = exponentialDelay(50)
 * const status = { cumulativeDelay: 0, previousDelay: none, elapsedMs: 0, failure: timedOut(500), random: 0.5 }
 * assert.equal([0, 1, 2].map((iterNumber) => policy({ ...status, iterNumber })), [some(50), some(100), some(200)])
 *
 * @throws RangeError if the delay makes no sense
 * @since 0.1.0
 */
export const exponentialDelay = (baseMs: number): RetryPolicy => {
  duration('exponentialDelay', baseMs)
  return ({ iterNumber }) => some(baseMs * 2 ** Math.min(iterNumber, maxDoublings))
}

/**
 * Delays that double from `baseMs` to at most `maxDelayMs`, each drawn at random from nothing to its full length, for
 * `attempts` attempts in all, the first included: `exponentialDelay`, `capDelay`, `fullJitter` and `limitAttempts`.
 *
 * @example
 * const policy = exponentialBackoff({ baseMs: 50, maxDelayMs: 2_000, attempts: 3 })
 * const status = { cumulativeDelay: 0, previousDelay: none, elapsedMs: 0, failure: timedOut(500), random: 0.5 }
 * assert.equal([0, 1, 2].map((iterNumber) => policy({ ...status, iterNumber })), [some(25), some(50), none])
 *
 * @throws RangeError if a number makes no sense
 * @since 0.1.0
 */
export const exponentialBackoff = ({
  baseMs,
  maxDelayMs,
  attempts
}: {
  readonly baseMs: number
  readonly maxDelayMs: number
  readonly attempts: number
}): RetryPolicy => {
  if (!(baseMs >= 0 && maxDelayMs >= baseMs && isFinite(maxDelayMs) && isCount(attempts)))
    throw new RangeError(
      'exponentialBackoff: give 0 <= baseMs <= maxDelayMs, and whole attempts of at least 1'
    )
  return limitAttempts(attempts)(fullJitter(capDelay(maxDelayMs)(exponentialDelay(baseMs))))
}

// combinators

/**
 * Draws each delay at random from nothing to its full length, so that what failed together does not come back
 * together: the "full jitter" of Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. A cap
 * belongs inside it.
 *
 * @example
 * const policy = fullJitter(constantDelay(1_000))
 * const status = { iterNumber: 0, cumulativeDelay: 0, previousDelay: none, elapsedMs: 0, failure: timedOut(500) }
 * assert.equal(policy({ ...status, random: 0.25 }), some(250))
 *
 * @since 0.1.0
 */
export const fullJitter = (policy: RetryPolicy): RetryPolicy =>
  refined(policy, (delayMs, { random }) => some(delayMs * random))

/**
 * Makes delays `maxDelayMs` that are longer; it ends nothing.
 *
 * @example
 * const policy = pipe(exponentialDelay(50), capDelay(80))
 * const status = { cumulativeDelay: 0, previousDelay: none, elapsedMs: 0, failure: timedOut(500), random: 0.5 }
 * assert.equal([0, 1, 2].map((iterNumber) => policy({ ...status, iterNumber })), [some(50), some(80), some(80)])
 *
 * @throws RangeError if the delay makes no sense
 * @since 0.1.0
 */
export const capDelay = (maxDelayMs: number): ((policy: RetryPolicy) => RetryPolicy) => {
  duration('capDelay', maxDelayMs)
  return (policy) => refined(policy, (delayMs) => some(Math.min(delayMs, maxDelayMs)))
}

/**
 * Gives up after `attempts` attempts in all, the first included.
 *
 * @example
 * const policy = pipe(constantDelay(50), limitAttempts(2))
 * const status = { cumulativeDelay: 0, previousDelay: none, elapsedMs: 0, failure: timedOut(500), random: 0.5 }
 * assert.equal([0, 1].map((iterNumber) => policy({ ...status, iterNumber })), [some(50), none])
 *
 * @throws RangeError if `attempts` is no whole number of at least 1
 * @since 0.1.0
 */
export const limitAttempts = (attempts: number): ((policy: RetryPolicy) => RetryPolicy) => {
  if (!isCount(attempts)) throw new RangeError('limitAttempts: give a whole number of at least 1')
  return (policy) => (status) => (status.iterNumber + 1 < attempts ? policy(status) : none)
}

/**
 * Gives up where the next attempt would begin more than `maxMs` after the first one did. It comes last: what is put
 * around it may make the delay longer.
 *
 * @example
 * const policy = pipe(constantDelay(50), limitTime(200))
 * const status = { iterNumber: 1, cumulativeDelay: 50, previousDelay: some(50), failure: timedOut(5), random: 0.5 }
 * assert.equal([150, 151].map((elapsedMs) => policy({ ...status, elapsedMs })), [some(50), none])
 *
 * @throws RangeError if the time makes no sense
 * @since 0.1.0
 */
export const limitTime = (maxMs: number): ((policy: RetryPolicy) => RetryPolicy) => {
  duration('limitTime', maxMs)
  return (policy) =>
    refined(policy, (delayMs, { elapsedMs }) => (elapsedMs + delayMs > maxMs ? none : some(delayMs)))
}

/**
 * What both policies agree to: the later of their delays, until one of them gives up. Their order makes no difference.
 *
 * @example
 * const policy = bothPolicies(constantDelay(80), pipe(exponentialDelay(50), limitAttempts(3)))
 * const status = { cumulativeDelay: 0, previousDelay: none, elapsedMs: 0, failure: timedOut(500), random: 0.5 }
 * assert.equal([0, 1, 2].map((iterNumber) => policy({ ...status, iterNumber })), [some(80), some(100), none])
 *
 * @since 0.1.0
 */
export const bothPolicies = (first: RetryPolicy, second: RetryPolicy): RetryPolicy =>
  refined(first, (delayMs, status) => {
    const other = second(status)
    return other._tag === 'None' ? none : some(Math.max(delayMs, other.value))
  })

// helpers

/** More would make infinity of the largest base. */
const maxDoublings = 50

const refined =
  (policy: RetryPolicy, refine: (delayMs: number, status: RetryStatus) => Option<number>): RetryPolicy =>
  (status) => {
    const delay = policy(status)
    return delay._tag === 'None' ? none : refine(delay.value, status)
  }

const isCount = (count: number): boolean => Number.isInteger(count) && count >= 1

const duration = (what: string, ms: number): number => {
  if (ms >= 0 && isFinite(ms)) return ms
  throw new RangeError(`${what}: give milliseconds of at least 0`)
}
