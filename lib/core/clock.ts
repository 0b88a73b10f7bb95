/** Clocks: what the core asks for instead of reading time and randomness by itself. */

// model

export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds from any beginning; never goes back. */
  readonly monotonic: () => number
  /** Calls once after `delayMs`, unless the answer is called before. */
  readonly after: (delayMs: number, call: () => void) => () => void
  /** From 0 to 1, without 1. */
  readonly random: () => number
}
