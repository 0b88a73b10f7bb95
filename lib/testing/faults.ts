/** Faults to be laid around processors: messages that fail, hang, come twice or come late. */
import type { Clock } from '../core/clock.js'
import type { Defect, Failure } from '../core/failure.js'
import { type Message, abandonmentOf, amend, fromOrigin, withLimit } from '../core/message.js'
import { failed } from '../core/outcome.js'
import { type Processor, type Unsettled, combinator } from '../core/processor.js'
import { sleep } from '../ports/waiting.js'
import { systemClock } from '../system.js'
import type { When } from './when.js'

// model

/** What an injected fault leaves behind. */
export interface FaultOptions {
  /** Does what is struck run before? Then its effects stand, and what it gave is lost. It does not by default. */
  readonly ran?: boolean
}

/** What an injected failure is, unless another is asked for: one that `withRetry` tries again. */
export const injectedFault: Defect = {
  _tag: 'Defect',
  where: 'a test',
  name: 'InjectedFault',
  message: 'injected'
}

// combinators

/**
 * Fails messages instead of running them, or after they ran. Inside of `withRetry` each attempt is asked about.
 *
 * @example
 * const policy = exponentialBackoff({ baseMs: 50, maxDelayMs: 2_000, attempts: 3 })
 * const clock = virtualClock()
 * const acking = pipe(receive(text), handle(otherwise(async () => ack)))
 * const processor = pipe(acking, failing(nth(1, 2)), withRetry(policy, { clock }))
 * assert.equal(await clock.finish(processor(message('Hello'))()), ack)
 *
 * @since 0.1.0
 */
export const failing = (
  when: When<Message>,
  { failure = injectedFault, ran = false }: FaultOptions & { readonly failure?: Failure } = {}
): ((processor: Unsettled) => Processor) =>
  combinator('failing', (processor) => (message) => async () => {
    if (!when(message)) return processor(message)()
    if (ran) await processor(message)()
    return failed(failure)
  })

/**
 * Never settles, instead of running or after it ran: a handler that hangs, or a process that dies before anybody
 * hears of the outcome. Whoever runs it must give it up (`withTimeout`, a stop), or the source bring the message back.
 *
 * @example
 * const clock = virtualClock()
 * const acking = pipe(receive(text), handle(otherwise(async () => ack)))
 * const processor = pipe(acking, crashing(nth(1)), withTimeout(500, { graceMs: 100, clock }))
 * assert.equal(await clock.finish(processor(message('Hello'))()), failed(timedOut(500, true)))
 * assert.equal(await clock.finish(processor(message('Hello'))()), ack)
 *
 * @since 0.1.0
 */
export const crashing = (
  when: When<Message>,
  { ran = false }: FaultOptions = {}
): (<P extends Processor>(processor: P) => P) =>
  combinator('crashing', (processor) => (message) => async () => {
    if (!when(message)) return processor(message)()
    if (ran) await processor(message)()
    return new Promise(() => undefined)
  })

/**
 * Runs messages twice, one after the other, and gives the second outcome: what a source does whose acknowledgement
 * was lost. The second has the next delivery count. Every message is struck unless `when` says which.
 *
 * @example
 * const sent = new Set<string>()
 * let mails = 0
 * const mail = async ({ body }: Message<string>) => {
 *   if (!sent.has(body)) mails += 1
 *   sent.add(body)
 *   return ack
 * }
 * const processor = pipe(receive(text), handle(otherwise(mail)), duplicating())
 * assert.equal([await processor(message('Hello'))(), mails], [ack, 1])
 *
 * @since 0.1.0
 */
export const duplicating = (when: When<Message> = () => true): (<P extends Processor>(processor: P) => P) =>
  combinator('duplicating', (processor) => (message) => async () => {
    if (!when(message)) return processor(message)()
    const first = await processor(delivered(message))()
    // Nothing starts once the delivery is interrupted.
    if (first._tag === 'Released') return first
    return processor(amend(message, { deliveryCount: message.deliveryCount + 1 }))()
  })

/**
 * Waits before it runs a message, on this clock. It hears the message's signal: what is interrupted or timed out
 * meanwhile is not run. (What does not hear it is `crashing`.)
 *
 * @example
 * const clock = virtualClock()
 * const acking = pipe(receive(text), handle(otherwise(async () => ack)))
 * const processor = pipe(acking, delaying(900, { clock }), withTimeout(500, { clock }))
 * assert.equal(await clock.finish(processor(message('Hello'))()), failed(timedOut(500)))
 *
 * @since 0.1.0
 */
export const delaying = (
  delayMs: number | ((message: Message) => number),
  { clock = systemClock }: { readonly clock?: Clock } = {}
): (<P extends Processor>(processor: P) => P) =>
  combinator('delaying', (processor) => (message) => async () => {
    await sleep(clock, typeof delayMs === 'number' ? delayMs : delayMs(message), message.signal)
    message.signal.throwIfAborted()
    return processor(message)()
  })

// helpers

/** The message as a delivery of its own, which shares no record with this one. */
const delivered = (message: Message): Message => {
  const other = amend(fromOrigin(message), { body: message.body })
  const abandoned = abandonmentOf(message)
  if (abandoned === undefined) return other
  return withLimit(other, {
    outer: message,
    abandoned,
    get signal() {
      return message.signal
    }
  })
}
