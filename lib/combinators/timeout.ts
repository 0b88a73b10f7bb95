/** Time limits for handlers, which cannot be stopped from outside: what to do while one still runs. */
import type { Clock } from '../core/clock.js'
import { type Failure, timedOut } from '../core/failure.js'
import { type Limit, type Message, abandonmentOf, withLimit } from '../core/message.js'
import { type Outcome, failed, unlessInterrupted } from '../core/outcome.js'
import { type Processor, type Unsettled, described, fromRun, runOf } from '../core/processor.js'
import { type Run, concluded } from '../core/run.js'

/** Fails a message that takes longer than `afterMs`, and gives its handler `graceMs` more to settle. */
export const withTimeout = (
  afterMs: number,
  graceMs: number,
  clock: Clock
): ((processor: Unsettled) => Processor) => {
  if (!(afterMs > 0 && afterMs < 2 ** 31 && graceMs >= 0 && graceMs < 2 ** 31))
    throw new RangeError(
      'withTimeout: afterMs is milliseconds above 0, graceMs of at least 0, and neither more than 24 days'
    )
  return (processor) => {
    const inner = runOf(processor)
    const run: Run = (message) => {
      const limit = new Expiry(message)
      const outcome = concluded(inner(withLimit(message, limit)))
      if (!(outcome instanceof Promise)) {
        limit.end()
        return outcome
      }

      const { trace } = message
      const given = defer<Outcome>()
      let hasExpired = false
      let cancel = clock.after(afterMs, () => {
        hasExpired = true
        limit.expire(Object.assign(new Error(`timed out after ${afterMs} ms`), { _tag: 'TimedOut', afterMs }))
        cancel = clock.after(graceMs, () => {
          limit.abandon(timedOut(afterMs, true))
          cancel = clock.after(graceMs, () => {
            trace.abandoned = Promise.all([trace.abandoned, outcome])
            given.resolve(failed(timedOut(afterMs, true)))
          })
        })
      })
      // What an outer limit has given up is that one's to answer for.
      void abandonmentOf(message)?.then(() => cancel())
      return Promise.race([outcome, given.promise]).then((result) => {
        cancel()
        limit.end()
        const isLate = hasExpired && result._tag === 'Failed' && result.failure._tag !== 'TimedOut'
        return unlessInterrupted(message, isLate ? failed(timedOut(afterMs)) : result)
      })
    }
    return fromRun(run, described(processor, 'withTimeout'))
  }
}

// helpers

/** Most messages are done in time before anybody has looked at their signal, and a signal costs some µs. */
class Expiry implements Limit {
  private readonly giveUp = defer<Failure>()
  private controller: AbortController | undefined = undefined
  private reason: Error | undefined = undefined
  constructor(readonly outer: Message) {}
  /** By this limit or by one around it, whichever is first. */
  get abandoned(): Promise<Failure> {
    const outer = abandonmentOf(this.outer)
    return outer === undefined ? this.giveUp.promise : Promise.race([this.giveUp.promise, outer])
  }
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      const { signal } = this.outer
      const controller = new AbortController()
      this.controller = controller
      if (signal.aborted) controller.abort(signal.reason)
      else if (this.reason !== undefined) controller.abort(this.reason)
      else signal.addEventListener('abort', this)
    }
    return this.controller.signal
  }
  /** The outer signal aborts. */
  handleEvent(): void {
    this.controller?.abort(this.outer.signal.reason)
    this.end()
  }
  expire(reason: Error): void {
    this.reason = reason
    this.controller?.abort(reason)
    this.end()
  }
  /** Listens no more to the outer signal, which all attempts at a delivery share. */
  end(): void {
    if (this.controller !== undefined) this.outer.signal.removeEventListener('abort', this)
  }
  abandon(failure: Failure): void {
    this.giveUp.resolve(failure)
  }
}

const defer = <A>(): { readonly promise: Promise<A>; readonly resolve: (value: A) => void } => {
  let resolve: (value: A) => void = () => undefined
  const promise = new Promise<A>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
