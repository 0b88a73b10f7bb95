/** Deliveries that can be interrupted, whose signal is made when somebody first asks for it. */
import { type Interruption, interruption } from '../core/message.js'

/** For sources: most messages are done before anybody has looked at their signal, and a signal costs some µs. */
export abstract class Interruptible {
  // Declared and not initialised: what is made for each message is not to grow by what few of them need.
  declare private controller: AbortController | undefined
  declare private reason: Interruption | undefined

  /** Aborts with the first `interrupt`. Made when it is asked for. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.reason !== undefined) this.controller.abort(interruption(this.reason))
    }
    return this.controller.signal
  }

  /** The first reason stays. */
  interrupt(reason: Interruption): void {
    if (this.reason !== undefined) return
    this.reason = reason
    this.controller?.abort(interruption(reason))
  }

  /** Why the delivery was interrupted, if it was. */
  interrupted(): Interruption | undefined {
    return this.reason
  }
}
