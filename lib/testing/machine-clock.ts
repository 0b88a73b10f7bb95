/** This machine's time, taken here and now, as test frameworks put a time of their own in its place. */
import * as timers from 'node:timers'
import type { Clock } from '../core/clock.js'
import { afterBy, systemClock } from '../system.js'

const { setImmediate, clearImmediate, setTimeout, clearTimeout } = timers
const { now } = Date
const monotonic = performance.now.bind(performance)

/** What deadlines are measured by: under fake timers of a framework, too. */
export const machineClock: Clock = {
  ...systemClock,
  now,
  monotonic,
  after: afterBy({ setImmediate, clearImmediate, setTimeout, clearTimeout })
}

/** Lets everything happen that waits for no clock. */
export const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** A thousandth of a second. */
export const pause = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 1))

/** What the clocks of two may differ by when they are rounded. */
export const clockMs = 5
