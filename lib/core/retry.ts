/** Retries: trying the whole pipeline again, within the same delivery. */
import type { Option } from 'fp-ts/lib/Option.js'
import { hush } from './captured.js'
import { type Clock, sleep } from './clock.js'
import { type Defect, type Failure, defect } from './failure.js'
import { type Message, interruptionOf } from './message.js'
import { type Outcome, failed, nack, released } from './outcome.js'
import { type Processor, type Unsettled, described, fromRun, runOf } from './processor.js'
import { type Run, concluded, stepped } from './run.js'
import { none, some } from './result.js'

// model

/** What a policy decides on. */
export interface RetryStatus {
  /** How many attempts were made, from 1. */
  readonly attempts: number
  readonly failure: Failure
  /** From 0 to 1, without 1; for jitter. */
  readonly random: number
}

/** The delay in milliseconds before the next attempt; none: no more. */
export type RetryPolicy = (status: RetryStatus) => Option<number>

// constructors

/**
 * Delays that double from `baseMs` to at most `maxDelayMs`, each drawn at random from nothing to its full length
 * ("full jitter", AWS Architecture Blog, 2015), for `attempts` attempts in all, the first included. Only failures
 * that may pass by themselves are tried again (`isTransient`), or those that `when` says.
 *
 * @example
 * const policy = exponentialBackoff({ baseMs: 50, maxDelayMs: 2_000, attempts: 3 })
 * const delays = [1, 2, 3].map((attempts) => policy({ attempts, failure: timedOut(500), random: 0.5 }))
 * assert.equal(delays, [some(25), some(50), none])
 *
 * @throws RangeError if a number makes no sense
 * @since 0.1.0
 */
export const exponentialBackoff = ({
  baseMs,
  maxDelayMs,
  attempts,
  when = isTransient
}: {
  readonly baseMs: number
  readonly maxDelayMs: number
  readonly attempts: number
  readonly when?: (failure: Failure) => boolean
}): RetryPolicy => {
  if (!(baseMs >= 0 && maxDelayMs >= baseMs && Number.isInteger(attempts) && attempts >= 1)) {
    throw new RangeError(
      'exponentialBackoff: give 0 <= baseMs <= maxDelayMs, and whole attempts of at least 1'
    )
  }
  return (status) =>
    status.attempts < attempts && when(status.failure)
      ? some(Math.min(maxDelayMs, baseMs * 2 ** Math.min(status.attempts - 1, maxDoublings)) * status.random)
      : none
}

/** Failures that another attempt may not meet: what threw, and what took too long. */
export const isTransient = ({ _tag }: Failure): boolean =>
  _tag === 'Defect' || _tag === 'HookFailed' || _tag === 'TimedOut'

// combinators

/** Tries a failed message again as the policy says. */
export const withRetry =
  (policy: RetryPolicy, clock: Clock) =>
  (processor: Unsettled): Processor => {
    const inner = runOf(processor)
    const run: Run = (message) => {
      const startedAt = clock.now()
      return stepped(inner(message), message, (_, outcome) =>
        outcome._tag === 'Failed' ? again(inner, policy, clock, message, outcome, startedAt) : outcome
      )
    }
    return fromRun(run, described(processor, 'withRetry'))
  }

// helpers

/** More would make infinity of the largest base. */
const maxDoublings = 50

/** What the policy says, or a defect where it says nothing that can be waited for. */
const asked = (policy: RetryPolicy, status: RetryStatus): Option<number> | Defect => {
  try {
    const delay: unknown = policy(status)
    if (isDelay(delay)) return delay
    hush(delay)
    throw new TypeError('gave something that is no Option of a delay in milliseconds')
  } catch (thrown) {
    return defect('the retry policy', thrown)
  }
}

const isDelay = (value: unknown): value is Option<number> => {
  const { _tag, value: delayMs } = (value ?? {}) as { readonly _tag?: unknown; readonly value?: unknown }
  return _tag === 'None' || (_tag === 'Some' && typeof delayMs === 'number' && delayMs >= 0)
}

const again = async (
  inner: Run,
  policy: RetryPolicy,
  clock: Clock,
  message: Message,
  first: Outcome,
  firstStartedAt: number
): Promise<Outcome> => {
  let outcome = first
  let startedAt = firstStartedAt
  for (let attempts = 1; outcome._tag === 'Failed'; attempts += 1) {
    const { failure } = outcome
    const isRunning = failure._tag === 'TimedOut' && failure.abandoned
    if (isRunning && !message.redelivers) return outcome
    const delay = asked(policy, { attempts, failure, random: clock.random() })
    if (delay._tag === 'None') return outcome
    if (delay._tag === 'Defect') return failed(delay)
    if (isRunning) return nack({ reason: `timed out after ${failure.afterMs} ms`, afterMs: delay.value })
    const attempt = { startedAt, durationMs: clock.now() - startedAt, failure }
    message.trace.attempts = [...message.trace.attempts, attempt]
    await sleep(clock, delay.value, message.signal)
    const reason = interruptionOf(message)
    if (reason !== undefined) return released(reason)
    startedAt = clock.now()
    message.trace.startedAt = startedAt
    outcome = await concluded(inner(message))
  }
  return outcome
}
