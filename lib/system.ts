/** This machine's clock and randomness: the defaults of what the core takes as arguments. */
import type { Clock } from './core/clock.js'

/** The clock and the randomness of this machine: the default wherever a `clock` can be given. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, call) => {
    if (delayMs === 0) {
      const immediate = setImmediate(call)
      return () => clearImmediate(immediate)
    }
    const timeout = setTimeout(call, delayMs)
    return () => clearTimeout(timeout)
  },
  random: () => Math.random()
}
