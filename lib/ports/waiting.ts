/** Waiting, by the clock that one is given. */
import type { Clock } from '../core/clock.js'

/** Waits `delayMs`, or until the signal aborts. */
export const sleep = (clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const all = sleepers.get(signal) ?? new Sleepers()
    const wake = () => {
      cancel()
      all.delete(wake)
      if (all.size === 0) signal.removeEventListener('abort', all)
      resolve()
    }
    const cancel = clock.after(delayMs, wake)
    all.add(wake)
    sleepers.set(signal, all)
    signal.addEventListener('abort', all)
  })

/** What the promise gives, or `undefined` if it takes longer than `delayMs`. */
export const within = <A>(clock: Clock, delayMs: number, promise: Promise<A>): Promise<A | undefined> =>
  new Promise((resolve, reject) => {
    const cancel = clock.after(delayMs, () => resolve(undefined))
    promise.then(resolve, reject).finally(cancel)
  })

/** Calls again and again, `delayMs` between the end of one call and the next, until the answer is called. */
export const every = (clock: Clock, delayMs: number, call: () => Promise<void>): (() => void) => {
  let isStopped = false
  let cancel = (): void => undefined
  const again = (): void => {
    if (!isStopped) cancel = clock.after(delayMs, () => void call().then(again))
  }
  again()
  return () => {
    isStopped = true
    cancel()
  }
}

/** Resolves when the signal aborts. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

// helpers

/** All who sleep until a signal are one listener together: Node takes many for a leak, and says so. */
class Sleepers extends Set<() => void> {
  handleEvent() {
    for (const wake of this) wake()
  }
}

const sleepers = new WeakMap<AbortSignal, Sleepers>()
