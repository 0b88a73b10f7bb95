/** A clock that stands still until a spec moves it. */
import type { Clock } from '../../lib/core/clock.js'

export interface VirtualClock extends Clock {
  /** Lets everything happen that is due within these milliseconds, in its order. */
  readonly advance: (ms: number) => Promise<void>
  /** Moves from timer to timer until the promise settles; throws if it cannot, or not within `maxMs`. */
  readonly finish: <A>(promise: Promise<A>, maxMs?: number) => Promise<A>
}

/** Lets everything happen that waits for no clock. */
export const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

export const virtualClock = (random: () => number = () => 0.5): VirtualClock => {
  const timers = new Set<{ readonly at: number; readonly call: () => void }>()
  let time = 0

  /** Of those that are due at the same time, the one that was set first. */
  const earliest = () => {
    let first: { readonly at: number; readonly call: () => void } | undefined
    for (const timer of timers) if (first === undefined || timer.at < first.at) first = timer
    return first
  }

  /** Calls the next timer, if it is due by then. */
  const step = async (until: number): Promise<boolean> => {
    const timer = earliest()
    if (timer === undefined || timer.at > until) return false
    timers.delete(timer)
    time = timer.at
    timer.call()
    await turn()
    return true
  }

  return {
    now: () => 1_700_000_000_000 + time,
    monotonic: () => time,
    after: (delayMs, call) => {
      const timer = { at: time + delayMs, call }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    random,
    advance: async (ms) => {
      const until = time + ms
      await turn()
      while (await step(until));
      time = until
    },
    finish: async (promise, maxMs = 3_600_000) => {
      const until = time + maxMs
      let isSettled = false
      const settle = (): void => void (isSettled = true)
      promise.then(settle, settle)
      await turn()
      while (!isSettled && (await step(until)));
      if (isSettled) return promise
      throw new Error(`did not end within ${maxMs} ms; ${timers.size} timers are left`)
    }
  }
}
