/** The combinators that ask the time, on this machine's clock unless they are given another. */
import { type BatchHandler, batched as batchedOn } from './combinators/batch.js'
import { type DedupeOptions, withDedupe as dedupeOn } from './combinators/dedupe.js'
import { type Health, health as healthOn } from './combinators/health.js'
import { type Logger, type LoggingOptions, withLogging as loggingOn } from './combinators/logging.js'
import type { RetryPolicy } from './combinators/retry-policy.js'
import { type RetryOptions, withRetry as retryOn } from './combinators/retry.js'
import { withTimeout as timeoutOn } from './combinators/timeout.js'
import type { Clock } from './core/clock.js'
import { withDlq as dlqOn } from './core/dlq.js'
import type { Dlq } from './core/letter.js'
import type { Message } from './core/message.js'
import type { Processor, Settled, Unsettled } from './core/processor.js'
import type { Handler } from './core/route.js'
import type { IdempotencyStore } from './ports/idempotency.js'
import { systemClock } from './system.js'

/**
 * Tries a failed message again as the policy says; the whole pipeline runs anew, hooks included. Tried again are the
 * failures that `when` says, by default those that may pass by themselves (`isTransient`); the rest, and outcomes other
 * than `Failed`, pass through. The outcome is that of the last attempt; the letter of `withDlq` has them all, with
 * their times. When the delivery is interrupted while it waits the outcome is `Released`, at once.
 *
 * A delay longer than `maxWaitMs` (30 s) holds no slot: where the source can bring the message back it is `Nacked` with
 * the delay; elsewhere, and in a replay, it waits in place. When the message comes back the policy goes on after that
 * delay. All there is to go by is `deliveryCount`, so each earlier delivery counts as one that the next long delay
 * ended, whatever ended it, and what came more often than the policy has long delays, or than 1,001 times, is given back
 * no more. A sender over HTTP is told when to come back, but no one counts how often it does. A handler that was given
 * up as hanging is never tried beside itself: it is `Nacked`, with each earlier delivery counted as an attempt, or stays
 * `Failed` where the message cannot come back.
 *
 * A policy or `when` that throws or gives nonsense (no Option, a delay that is negative, infinite or NaN) makes it
 * `Failed(Defect)`, with the message's own failure among the causes.
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
 * @example
 * const busy = async () => failed(rejected('busy'))
 * const patient = withRetry(pipe(constantDelay(60_000), limitAttempts(3)), {
 *   when: (failure) => failure._tag === 'Rejected' && failure.code === 'busy'
 * })
 * const processor = pipe(receive(text), handle(otherwise(busy)), patient)
 * const outcomes = [await processor(message('Hello'))()]
 * outcomes.push(await processor(message('Hello', { deliveryCount: 3 }))())
 * assert.equal(outcomes, [
 *   nack({ reason: 'to be tried again after Rejected', afterMs: 60_000 }),
 *   failed(rejected('busy'))
 * ])
 *
 * @throws RangeError if `maxWaitMs` makes no sense
 * @throws TypeError if there is no policy
 * @since 0.1.0
 */
export const withRetry = (
  policy: RetryPolicy,
  { clock = systemClock, ...options }: RetryOptions & { readonly clock?: Clock } = {}
): ((processor: Unsettled) => Processor) => retryOn(policy, clock, options)

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
 * @throws RangeError if a number makes no sense
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
 * @throws TypeError if `dlq` is none, as a Resource of one is
 * @since 0.1.0
 */
export const withDlq = (
  dlq: Dlq,
  { clock = systemClock }: { readonly clock?: Clock } = {}
): ((processor: Processor) => Settled) => dlqOn(dlq, clock)

/**
 * The health of a run, by what its `onEvent` is told: live while something is heard, at least every `staleMs` (15 s),
 * and until it has ended; ready while messages are taken. `healthListener` and `healthFile` show it to others.
 *
 * @example
 * const watched = health()
 * assert.is(watched.status().isReady, false)
 * watched.onEvent({ _tag: 'Ready', inFlight: () => [] })
 * assert.is(watched.status().isReady, true)
 *
 * @throws RangeError if `staleMs` makes no sense
 * @since 0.1.0
 */
export const health = ({
  staleMs = 15_000,
  clock = systemClock
}: { readonly staleMs?: number; readonly clock?: Clock } = {}): Health => healthOn(staleMs, clock)

/**
 * Acks a message that was handled before under its key, and does not handle it again. A key is marked once its message
 * is acked, and at no other time: what failed, was nacked or died is handled when it comes again. While one is being
 * handled another of its key waits for it, if it is handled in this process, and is acked only if that was; if it is
 * handled elsewhere it is nacked, for a second at first and later for as long as it is held there, or waits where the
 * source could not bring it back. A message without a key is handled each time, and so is one whose key is an empty
 * text. `keyOf` gets the message before its format: headers and bytes, and no body. While the store does not answer, or
 * not within `leaseMs` (30 s), a message is nacked, for 1 s, 2 s, 4 s and so on by its delivery count, a minute at
 * most, or fails where that would lose it. Such nacks count as deliveries. Between an effect and its mark a crash means a duplicate. All that use one store
 * share its keys, so two of these over one store need keys that differ.
 *
 * @example
 * let calls = 0
 * const counting = async () => {
 *   calls += 1
 *   return ack
 * }
 * const processor = pipe(
 *   receive(json),
 *   handle(otherwise(counting)),
 *   withDedupe(memoryIdempotency(), ({ headers }) => headers['order-id'])
 * )
 * const order = message({ total: 3 }, { headers: { 'order-id': '17' } })
 * const outcomes = [await processor(order)(), await processor(order)()]
 * assert.equal([outcomes, calls], [[ack, ackWith({ note: 'it was handled before' })], 1])
 *
 * @throws RangeError if `leaseMs` makes no sense
 * @throws TypeError if `store` is none, as a Resource of one is, or `keyOf` is no function
 * @since 0.1.0
 */
export const withDedupe = (
  store: IdempotencyStore,
  keyOf: (message: Message) => string | undefined,
  { clock = systemClock, ...options }: DedupeOptions & { readonly clock?: Clock } = {}
): (<P extends Processor>(processor: P) => P) => dedupeOn(store, keyOf, clock, options)

/**
 * Logs one line for each outcome, and changes none, whatever the logger does. `logger` is a pino, a bunyan, `console`,
 * or what has their `debug`, `info`, `warn` and `error`. A line has the outcome's tag, the message's id and source, the
 * route, `deliveryCount`, the attempt within it, `durationMs`, and of a failure what a sender might see, with what was
 * thrown. Where it stands decides what it sees: `Failed` before `withDlq` and `DeadLettered` after it; each attempt
 * before `withRetry`, and the last after it.
 *
 * Of payloads and headers only those are logged that `fields` and `headers` name. What an error, or a schema such as
 * arktype's, says by itself may quote what it was given; that of a schema marked with `sensitive` does not.
 *
 * @example
 * const lines: unknown[] = []
 * const write = (fields: LogFields, text: string) => void lines.push([fields.outcome, fields.body, text])
 * const logger = { debug: write, info: write, warn: write, error: write }
 *
 * const Order = t.type({ total: t.number, card: sensitive(t.string) })
 * const processor = pipe(
 *   receive(json),
 *   handle(route(Order, async () => nack())),
 *   withLogging(logger, { fields: ['total', 'card'] })
 * )
 * await processor(message({ total: 3, card: '4111 1111' }))()
 * assert.equal(lines, [['Nacked', { total: 3, card: '[sensitive]' }, 'message nacked']])
 *
 * @throws TypeError if there is no logger
 * @since 0.1.0
 */
export const withLogging = (
  logger: Logger,
  { clock = systemClock, ...options }: LoggingOptions & { readonly clock?: Clock } = {}
): (<P extends Processor>(processor: P) => P) => loggingOn(logger, options, clock)

/**
 * Makes a handler of one that wants many messages at once: it is called for `max` of those that are in flight, or for
 * as many as there are `withinMs` after the first. It gives a verdict for each, in their order, or one for all. What
 * throws, or gives another number of verdicts, is a `Defect` of each message of that batch; an entry that is no verdict
 * is one of its own message. The next batch goes on, and beside one that still runs.
 *
 * Each message keeps its hooks, its slot and its key until its batch is done. One whose signal aborts while it waits
 * leaves the batch, `Released` if it was interrupted; once the batch is started its message stays in it, and the
 * verdict counts. `withTimeout` gives up messages and not the batch: one that hangs counts as many abandoned handlers
 * as it has messages.
 *
 * A batch is full only where `max` messages are in flight: `consume` and `http` refuse a `concurrency` below it. With
 * `orderBy` they are messages of as many keys. Each route gathers apart, also where two are given the same value.
 *
 * @example
 * const inserts: unknown[] = []
 * const Order = t.type({ type: t.literal('order.placed'), total: t.number })
 * const inserting = route(
 *   Order,
 *   batched(100, 5, async (items) => {
 *     inserts.push(items.map(({ input }) => input.total))
 *     return ack
 *   })
 * )
 * const processor = pipe(receive(json), handle(inserting))
 * const orders = [3, 4].map((total) => message({ type: 'order.placed', total }))
 * assert.equal(await Promise.all(orders.map((order) => processor(order)())), [ack, ack])
 * assert.equal(inserts, [[3, 4]])
 *
 * @example
 * const Order = t.type({ type: t.literal('order.placed'), total: t.number })
 * const checked = route(
 *   Order,
 *   batched(2, 5, async (items) =>
 *     items.map(({ input }) => (input.total > 0 ? ack : failed(rejected('nothing-to-pay'))))
 *   )
 * )
 * const processor = pipe(receive(json), handle(checked))
 * const orders = [3, 0].map((total) => message({ type: 'order.placed', total }))
 * const outcomes = await Promise.all(orders.map((order) => processor(order)()))
 * assert.equal(outcomes, [ack, failed(rejected('nothing-to-pay'))])
 *
 * @throws RangeError if `max` or `withinMs` makes no sense
 * @since 0.1.0
 */
export const batched = <A, C>(
  max: number,
  withinMs: number,
  handler: BatchHandler<A, C>,
  { clock = systemClock }: { readonly clock?: Clock } = {}
): Handler<A, C & { readonly message: Message<any> }> => batchedOn(max, withinMs, handler, clock)
