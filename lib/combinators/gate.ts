/** Gates: what slows or pauses a source, so that no message fails for it. */
import { hush } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import type { Outcome } from '../core/outcome.js'
import { isTransient } from './retry.js'

// model

/** Asked before each start, told of each start and of each outcome. One that throws counts as open. */
export interface Gate {
  readonly name: string
  /** How long nothing may be started, in milliseconds: 0 if something may, `Infinity` until an outcome is told. */
  readonly closedMs: () => number
  /** Told before each handler starts. A run gives an object that stands for this start. */
  readonly onStart: (start?: object) => void
  /** Told what became of each message that was started, with the object of its start. */
  readonly onOutcome: (outcome: Outcome, start?: object) => void
}

/** A gate's settings: each run has a gate of its own. */
export type OpenGate = (clock: Clock) => Gate

// constructors

/**
 * Lets at most `count` messages start in each `perMs` milliseconds, evenly, after a `burst` (`count` unless said) that
 * may start at once. A token bucket. That it holds up a run is told by `Measured` alone, as `gauges.pausedBy`.
 *
 * @example
 * const processor = pipe(receive(text), handle(otherwise(async () => ack)), withDlq(memoryDlq()))
 * const limited = consume(memory([message('Hello'), message('Goodbye')]), {
 *   gates: [rateLimit({ count: 100, perMs: 1_000, burst: 1 })]
 * })
 * const report = await limited(processor)(new AbortController().signal)()
 * assert.ok(report.acked === 2 && report.durationMs >= 9)
 *
 * @throws RangeError if a number makes no sense
 * @since 0.1.0
 */
export const rateLimit = ({
  count,
  perMs,
  burst = count
}: {
  readonly count: number
  readonly perMs: number
  readonly burst?: number
}): OpenGate => {
  if (!(count > 0 && count < Infinity && perMs > 0 && perMs < Infinity))
    throw new RangeError('rateLimit: count and perMs are numbers above 0')
  if (!(burst >= 1 && burst < Infinity))
    throw new RangeError('rateLimit: burst, or count, is a number of at least 1')
  return (clock) => {
    let tokens = burst
    let filledAt = clock.monotonic()
    const fill = (): void => {
      const now = clock.monotonic()
      tokens = Math.min(burst, tokens + ((now - filledAt) * count) / perMs)
      filledAt = now
    }
    return {
      name: 'rateLimit',
      closedMs: () => {
        fill()
        // Sums of fractions may stay a hair below what they should be.
        return tokens >= 1 - 1e-9 ? 0 : ((1 - tokens) * perMs) / count
      },
      onStart: () => void (tokens -= 1),
      onOutcome: () => undefined
    }
  }
}

/**
 * Starts nothing for `openMs` once so many messages in a row have failed for what is not their own fault, as a service
 * that handlers need is down; then one is tried, and if that is acked all go on. What was started before it opened
 * counts for nothing while it is open. Counted are nacks, and `Defect`, `TimedOut` and `HookFailed`, stored or not,
 * unless `isFailure` says otherwise. Others neither open nor close it. That it is open is told by `Measured` alone, as
 * `gauges.pausedBy`. Where `isFailure` throws, it is counted as if it were not given, and the event `GateFailed` tells.
 *
 * @example
 * const breaker = circuitBreaker({ failures: 2, openMs: 30_000 })(virtualClock())
 * for (const outcome of [failed(timedOut(500)), failed(timedOut(500))]) {
 *   breaker.onStart()
 *   breaker.onOutcome(outcome)
 * }
 * assert.is(breaker.closedMs(), 30_000)
 *
 * @throws RangeError if a number makes no sense
 * @since 0.1.0
 */
export const circuitBreaker = ({
  failures,
  openMs,
  isFailure = isNoFaultOfTheMessage
}: {
  readonly failures: number
  readonly openMs: number
  readonly isFailure?: (outcome: Outcome) => boolean
}): OpenGate => {
  if (!(Number.isInteger(failures) && failures >= 1))
    throw new RangeError('circuitBreaker: failures is a whole number of at least 1')
  if (!(openMs > 0 && openMs < Infinity)) throw new RangeError('circuitBreaker: openMs is a number above 0')
  return (clock) => {
    let inRow = 0
    let openUntil: number | undefined
    let isTrying = false
    /** The start that is tried. */
    let trial: object | undefined
    return {
      name: 'circuitBreaker',
      closedMs: () => {
        if (openUntil === undefined) return 0
        const leftMs = openUntil - clock.monotonic()
        if (leftMs > 0) return leftMs
        return isTrying ? Infinity : 0
      },
      onStart: (start) => {
        isTrying = openUntil !== undefined
        trial = isTrying ? start : undefined
      },
      onOutcome: (outcome, start) => {
        if (openUntil !== undefined && start !== trial) return
        isTrying = false
        trial = undefined
        if (outcome._tag === 'Acked') {
          inRow = 0
          openUntil = undefined
        } else {
          let counts = isNoFaultOfTheMessage(outcome)
          try {
            counts = judged(isFailure, outcome)
          } finally {
            if (counts) inRow += 1
            if (counts && inRow >= failures) openUntil = clock.monotonic() + openMs
          }
        }
      }
    }
  }
}

// helpers

const judged = (isFailure: (outcome: Outcome) => boolean, outcome: Outcome): boolean => {
  const given: unknown = isFailure(outcome)
  if (typeof given === 'boolean') return given
  hush(given)
  throw new TypeError('isFailure of circuitBreaker gave something that is no boolean')
}

const isNoFaultOfTheMessage = (outcome: Outcome): boolean => {
  if (outcome._tag === 'Nacked') return true
  if (outcome._tag !== 'Failed' && outcome._tag !== 'DeadLettered') return false
  return isTransient(outcome.failure)
}
