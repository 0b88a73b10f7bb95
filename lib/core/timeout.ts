/** Time limits for handlers, which cannot be stopped from outside: what to do while one still runs. */
import type { Clock } from './clock.js'
import { type Failure, timedOut } from './failure.js'
import { withAbandonment } from './message.js'
import { type Outcome, failed, unlessInterrupted } from './outcome.js'
import { type Processor, type Unsettled, described, fromRun, runOf } from './processor.js'
import { type Run, concluded } from './run.js'

/** Fails a message that takes longer than `afterMs`, and gives its handler `graceMs` more to settle. */
export const withTimeout =
  (afterMs: number, graceMs: number, clock: Clock) =>
  (processor: Unsettled): Processor => {
    const inner = runOf(processor)
    const run: Run = (message) => {
      const expired = new AbortController()
      const abandoned = defer<Failure>()
      const signal = AbortSignal.any([message.signal, expired.signal])
      const outcome = concluded(inner(withAbandonment(message, signal, abandoned.promise)))
      if (!(outcome instanceof Promise)) return outcome

      const given = defer<Outcome>()
      let hasExpired = false
      let cancel = clock.after(afterMs, () => {
        hasExpired = true
        expired.abort(
          Object.assign(new Error(`timed out after ${afterMs} ms`), { _tag: 'TimedOut', afterMs })
        )
        cancel = clock.after(graceMs, () => {
          abandoned.resolve(timedOut(afterMs, true))
          cancel = clock.after(graceMs, () => given.resolve(failed(timedOut(afterMs, true))))
        })
      })
      return Promise.race([outcome, given.promise]).then((result) => {
        cancel()
        const isLate = hasExpired && result._tag === 'Failed' && result.failure._tag !== 'TimedOut'
        return unlessInterrupted(message, isLate ? failed(timedOut(afterMs)) : result)
      })
    }
    return fromRun(run, described(processor, 'withTimeout'))
  }

// helpers

const defer = <A>(): { readonly promise: Promise<A>; readonly resolve: (value: A) => void } => {
  let resolve: (value: A) => void = () => undefined
  const promise = new Promise<A>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
