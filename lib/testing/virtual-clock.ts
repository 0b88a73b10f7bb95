/** A clock that stands still until a test moves it. */
import type { Clock } from '../core/clock.js'
import { pause, turn } from './machine-clock.js'

// model

/** A clock that stands still until a test moves it. */
export interface VirtualClock extends Clock {
  /**
   * Lets these milliseconds pass: calls what is due, in its order, each at its own time, and lets promises settle
   * before the next. `advance(0)` lets happen what waits for nothing.
   */
  readonly advance: (ms: number) => Promise<void>
  /**
   * Moves from timer to timer until the promise settles, and gives what it gives. Rejects, saying what still waits,
   * if it does not settle within `maxMs` of this clock (an hour); where no timer is left, it may have a second of the
   * machine's time for what needs no clock.
   */
  readonly finish: <A>(promise: Promise<A>, maxMs?: number) => Promise<A>
  /** Milliseconds from now until each timer that is set, the next one first. */
  readonly waiting: () => readonly number[]
}

/** When a virtual clock begins, and what it draws. */
export interface VirtualClockOptions {
  /** What `now` says at first, in milliseconds since the epoch. A day in November 2023 by default. */
  readonly startAt?: number
  /** From 0 to 1, without 1; like `seededRandom(7)`. Always a half by default. */
  readonly random?: () => number
}

// constructors

/**
 * A clock for tests of what waits: give it to `withRetry`, `withTimeout`, `consume` or a store, and hours pass at
 * once, the same way in each run. Between two timers promises have one turn of the event loop to settle: what waits
 * for a file, a socket or a thread may take longer, so finish that before you move the clock past a timer that it
 * is to be in time for.
 *
 * @example
 * const clock = virtualClock({ startAt: Date.UTC(2026, 0, 1) })
 * const slow = () => new Promise<Verdict>((resolve) => void clock.after(60_000, () => resolve(ack)))
 * const processor = pipe(receive(text), handle(otherwise(slow)), withTimeout(500, { graceMs: 100, clock }))
 * const outcome = processor(message('Hello'))()
 * await clock.advance(499)
 * assert.equal(clock.waiting(), [1, 59_501])
 * assert.equal(await clock.finish(outcome), failed(timedOut(500, true)))
 * assert.is(clock.now(), Date.UTC(2026, 0, 1) + 600)
 *
 * @since 0.1.0
 */
export const virtualClock = ({
  startAt = 1_700_000_000_000,
  random = () => 0.5
}: VirtualClockOptions = {}): VirtualClock => {
  const set = new Set<Timer>()
  let time = 0

  /** Calls the next timer, if it is due by then. */
  const step = async (until: number): Promise<boolean> => {
    const timer = earliest(set)
    if (timer === undefined || timer.at > until) return false
    set.delete(timer)
    time = timer.at
    timer.call()
    await turn()
    return true
  }

  const waiting = (): readonly number[] =>
    Array.from(set, ({ at }) => at - time).toSorted((one, other) => one - other)

  return {
    now: () => Math.floor(startAt + time),
    monotonic: () => time,
    after: (delayMs, call) => {
      // Never back in time, whatever is asked for: NaN is no delay, as it is to setTimeout.
      const timer = { at: time + (delayMs > 0 ? delayMs : 0), call }
      set.add(timer)
      return () => void set.delete(timer)
    },
    random,
    waiting,
    advance: async (ms) => {
      if (!(ms >= 0 && ms < Infinity)) throw new RangeError(`advance: give milliseconds from 0 on, not ${ms}`)
      const until = time + ms
      await turn()
      while (await step(until));
      // Another `advance` may have gone further meanwhile.
      time = Math.max(time, until)
    },
    finish: async (promise, maxMs = 3_600_000) => {
      if (!(maxMs >= 0)) throw new RangeError(`finish: give milliseconds from 0 on, not ${maxMs}`)
      const until = time + maxMs
      let isSettled = false
      const settle = (): void => void (isSettled = true)
      promise.then(settle, settle)
      await turn()
      for (let idleMs = 0; !isSettled && idleMs < patienceMs;) {
        if (await step(until)) idleMs = 0
        else {
          await pause()
          idleMs += 1
        }
      }
      if (isSettled) return promise
      throw new Error(
        `the promise did not settle within maxMs, ${maxMs} ms of this clock; ${left(waiting())}`
      )
    }
  }
}

// helpers

interface Timer {
  readonly at: number
  readonly call: () => void
}

const patienceMs = 1_000

/** Of those that are due at the same time, the one that was set first. */
const earliest = (set: ReadonlySet<Timer>): Timer | undefined => {
  let first: Timer | undefined
  for (const timer of set) if (first === undefined || timer.at < first.at) first = timer
  return first
}

const left = (waiting: readonly number[]): string => {
  if (waiting.length === 0)
    return 'no timer of it is set, so it waits for something else, or on another clock: is { clock } given to all that waits?'
  const more = waiting.length > 5 ? ` and ${waiting.length - 5} more` : ''
  return `timers are set for ${waiting.slice(0, 5).join(', ')} ms from now${more}`
}
