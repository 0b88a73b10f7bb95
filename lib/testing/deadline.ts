/** Deadlines: what is waited for is not waited for in vain, and leaves no timer behind. */
import { setMaxListeners } from 'node:events'
import type { Clock } from '../core/clock.js'
import { broken } from './comparing.js'
import { machineClock } from './machine-clock.js'

// model

/** When an answer is late, and what is said of it then. */
export interface Limit {
  /** Calls when it is, unless the answer is called before. */
  readonly wait: (call: () => void) => () => void
  readonly words: string
}

// constructors

/** Aborts when something is over that any number may wait for. */
export const ending = (): AbortController => {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}

/** Never aborts. */
export const never: AbortSignal = ending().signal

/** So much time from now on. */
export const after = (clock: Clock, ms: number): Limit => ({
  wait: (call) => clock.after(ms, call),
  words: `within ${ms} ms`
})

/** So much time from when the signal has aborted. */
export const afterAbort = (signal: AbortSignal, clock: Clock, ms: number): Limit => ({
  wait: (call) => {
    let cancelTimer = (): void => undefined
    const onAbort = (): void => void (cancelTimer = clock.after(ms, call))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    return () => {
      cancelTimer()
      signal.removeEventListener('abort', onAbort)
    }
  },
  words: `${ms} ms after its signal had aborted`
})

// waiting

/** What the promise gives; `undefined` where it is late, or the signal aborts before. */
export const inTime = <A>(
  promise: Promise<A>,
  wait: Limit['wait'],
  signal: AbortSignal
): Promise<{ readonly value: A } | undefined> =>
  new Promise((resolve, reject) => {
    const forget = (): void => {
      cancel()
      signal.removeEventListener('abort', giveUp)
    }
    const giveUp = (): void => {
      forget()
      resolve(undefined)
    }
    const cancel = wait(giveUp)
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp)
    promise.then((value) => resolve({ value }), reject).finally(forget)
  })

/** What the promise gives; the law is broken where it is late. */
export const answered = async <A>(name: string, promise: Promise<A>, ms: number): Promise<A> => {
  const { wait, words } = after(machineClock, ms)
  const given = await inTime(promise, wait, never)
  return given === undefined ? broken(`${name}: no answer ${words}`) : given.value
}

/** The same store, whose Tasks break the law where they are late. */
export const answering = <S extends object>(store: S, ms: number): S =>
  new Proxy({} as S, {
    get: (_, name) => {
      const field: unknown = Reflect.get(store, name)
      if (typeof field !== 'function') return field
      return (...parts: readonly unknown[]) => {
        const task: () => Promise<unknown> = field.apply(store, parts)
        return async () => answered(String(name), task(), ms)
      }
    }
  })
