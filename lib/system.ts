/** This machine's clock and randomness: the defaults of what the core takes as arguments. */
import type { Clock } from './core/clock.js'

type Timers = Pick<typeof globalThis, 'setImmediate' | 'clearImmediate' | 'setTimeout' | 'clearTimeout'>

/** 24 days, to which longer waits are cut: Node takes a longer one for 1 ms. */
const maxDelayMs = 2 ** 31 - 1

/** Calls later, by these timers. */
export const afterBy =
  (timers: Timers): Clock['after'] =>
  (delayMs, call) => {
    if (delayMs === 0) {
      const immediate = timers.setImmediate(call)
      return () => timers.clearImmediate(immediate)
    }
    const timeout = timers.setTimeout(call, Math.min(delayMs, maxDelayMs))
    return () => timers.clearTimeout(timeout)
  }

/** The clock and the randomness of this machine: the default wherever a `clock` can be given. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: afterBy(globalThis),
  random: () => Math.random()
}
