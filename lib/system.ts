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
    // Node takes a longer one for 1 ms.
    const timeout = setTimeout(call, Math.min(delayMs, maxDelayMs))
    return () => clearTimeout(timeout)
  },
  random: () => Math.random()
}

// helpers

/** 24 days, to which longer waits are cut. */
const maxDelayMs = 2 ** 31 - 1
