/** A clock whose time is set by hand; its timers are the machine's, so that nothing which waits is held up. */
import type { Clock } from '../core/clock.js'
import { machineClock } from './machine-clock.js'

// model

export interface SettableClock extends Clock {
  /** Lets time pass. */
  readonly pass: (ms: number) => void
}

// constructors

/** Begins at a full hour of a day in 2023. */
export const settableClock = (): SettableClock => {
  let passed = 0
  return {
    ...machineClock,
    now: () => 1_699_999_200_000 + passed,
    monotonic: () => passed,
    pass: (ms) => void (passed += ms)
  }
}
