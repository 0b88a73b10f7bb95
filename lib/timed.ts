/** The combinators that ask the time, on this machine's clock unless they are given another. */
import type { Clock } from './core/clock.js'
import { withDlq as dlqOn } from './core/dlq.js'
import type { Dlq } from './core/letter.js'
import type { Processor, Settled, Unsettled } from './core/processor.js'
import { type RetryPolicy, withRetry as retryOn } from './core/retry.js'
import { withTimeout as timeoutOn } from './core/timeout.js'
import { systemClock } from './system.js'

/**
 * Tries a failed message again as the policy says; the whole pipeline runs anew, hooks included. Outcomes other
 * than `Failed` pass through. A handler that timed out and may still be running is not tried beside itself: where
 * the source can bring the message back it is `Nacked` with the delay, else it stays `Failed`. When the delivery
 * is interrupted while waiting the outcome is `Released`.
 *
 * @example
 * let calls = 0
 * const flaky = async () => {
 *   if (++calls < 3) throw new Error('busy')
 *   return ack
 * }
 * const policy = exponentialBackoff({ baseMs: 1, maxDelayMs: 1, attempts: 5 })
 * const processor = pipe(receive(text), handle(otherwise(flaky)), withRetry(policy))
 * assert.equal([await processor(message('Hello'))(), calls], [ack, 3])
 *
 * @since 0.1.0
 */
export const withRetry = (
  policy: RetryPolicy,
  clock: Clock = systemClock
): ((processor: Unsettled) => Processor) => retryOn(policy, clock)

/**
 * Fails a message with `TimedOut` when it takes longer than `afterMs`: its signal aborts, and its handler has
 * `graceMs` to settle, during which hooks and slot stay held. A handler that acks within grace has done its work,
 * and that stands. One that has not settled by then is abandoned: hooks are released with `abandoned: true`, and
 * it may overlap with what comes after. Defaults to 5 s of grace.
 *
 * @example
 * const slow = () => new Promise<Verdict>(() => undefined)
 * const processor = pipe(receive(text), handle(otherwise(slow)), withTimeout(10, { graceMs: 10 }))
 * assert.equal(await processor(message('Hello'))(), failed(timedOut(10, true)))
 *
 * @since 0.1.0
 */
export const withTimeout = (
  afterMs: number,
  { graceMs = 5_000, clock = systemClock }: { readonly graceMs?: number; readonly clock?: Clock } = {}
): ((processor: Unsettled) => Processor) => timeoutOn(afterMs, graceMs, clock)

/**
 * Turns `Failed` into `DeadLettered` once `dlq` has stored the message. `Nacked` is stored too where the source
 * cannot bring the message back, as the rejection `nacked`; other outcomes pass through. If the queue cannot
 * store it the outcome is `Failed(DlqUnavailable)`, so the source keeps the message, and when the same delivery
 * is run again the letter is stored without running the handler a second time. A message that is brought back
 * though its letter was resolved or discarded is acked without running; if it is handled after all, its letter
 * is resolved. A second `withDlq` around it is a fallback queue.
 *
 * @example
 * const queue = memoryDlq()
 * const processor = pipe(
 *   receive(text),
 *   handle(otherwise(async () => failed(rejected('unknown-customer')))),
 *   withDlq(queue)
 * )
 * assert.equal(await processor(message('Hello'))(), deadLettered(rejected('unknown-customer')))
 * assert.equal(queue.letters().length, 1)
 *
 * @since 0.1.0
 */
export const withDlq = (dlq: Dlq, clock: Clock = systemClock): ((processor: Processor) => Settled) =>
  dlqOn(dlq, clock)
