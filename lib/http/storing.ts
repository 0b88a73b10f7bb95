/** Storing what its sender does not wait for, or would not send again. */
import type { Clock } from '../core/clock.js'
import type { Failure } from '../core/failure.js'
import { type Message, amend } from '../core/message.js'
import type { Outcome } from '../core/outcome.js'
import { type Run, concluded } from '../core/run.js'

// model

/** Until `signal` aborts, whatever has interrupted the message itself. */
export type Store = (message: Message, failure: Failure, signal?: AbortSignal) => Outcome | Promise<Outcome>

// constructors

/**
 * As a last attempt that is not stored yet, which `withDlq` stores without running anything. It begins now, so that it
 * is another one than that of a handler which goes on.
 */
export const storing =
  (begin: Run, clock: Clock): Store =>
  (message, failure, signal = new AbortController().signal) => {
    message.trace.unstored = { startedAt: clock.now(), durationMs: 0, failure }
    return concluded(begin(amend(message, { signal })))
  }
