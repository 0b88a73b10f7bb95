/** Handlers that were given up as hanging, counted until they settle after all. */
import type { Trace } from '../core/message.js'

export interface Hanging {
  readonly count: () => number
  /** Counts the handler of a delivery, if that was given up. */
  readonly add: (trace: Trace) => void
}

/** `onTooMany` is told once there are `max` of them. */
export const hanging = (max: number, onTooMany: (count: number) => void): Hanging => {
  let count = 0
  const end = (): void => void (count -= 1)
  return {
    count: () => count,
    add: (trace) => {
      if (trace.abandoned === undefined) return
      count += 1
      void trace.abandoned.then(end, end)
      // A delivery that is tried again in its place has the same trace.
      trace.abandoned = undefined
      if (count >= max) onTooMany(count)
    }
  }
}
