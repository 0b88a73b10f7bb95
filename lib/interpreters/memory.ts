/** A source in memory: messages that are at hand, brought back as often as they are nacked. */
import { type Clock, sleep } from '../core/clock.js'
import { Interruptible } from '../core/interruptible.js'
import { type Message, type Origin, fromOrigin, textOf } from '../core/message.js'
import { Resource } from '../core/resource.js'
import type { Delivery, OpenSource, Settle, Settlement } from '../core/source.js'
import { systemClock } from '../system.js'
import { right } from '../core/result.js'

/**
 * A source of these messages, which ends when all are done. It brings back what is nacked, after its delay and
 * with the next delivery count, and what is released.
 *
 * @example
 * const processor = pipe(receive(text), handle(otherwise(async () => ack)), withDlq(memoryDlq()))
 * const source = memory([message('Hello'), message('Goodbye')])
 * const report = await consume(source)(processor)(new AbortController().signal)()
 * assert.equal([report.received, report.acked, report.ended], [2, 2, { _tag: 'Drained' }])
 *
 * @since 0.1.0
 */
export const memory =
  (messages: Iterable<Message>, { clock = systemClock }: { readonly clock?: Clock } = {}): OpenSource =>
  () =>
    Resource.make(
      'memory',
      async () => {
        const fresh = messages[Symbol.iterator]()
        const due: MemoryDelivery[] = []
        const held = new Set<Delivery>()
        let isExhausted = false
        let parked = 0
        /** Of who waits for a change. */
        let wake: AbortController | undefined

        const next = (): MemoryDelivery | undefined => {
          const again = due.shift()
          if (again !== undefined || isExhausted) return again
          const { done, value } = fresh.next()
          isExhausted = done === true
          return done === true ? undefined : new MemoryDelivery(value, value.deliveryCount)
        }

        const settle = ({ delivery, action }: Settle): Settlement => {
          if (!held.delete(delivery)) return 'lost'
          const { original, deliveryCount } = delivery as MemoryDelivery
          if (action._tag === 'Release') due.push(new MemoryDelivery(original, deliveryCount))
          else if (action._tag === 'Retry') {
            parked += 1
            clock.after(action.afterMs, () => {
              parked -= 1
              due.push(new MemoryDelivery(original, deliveryCount + 1))
              wake?.abort()
            })
          }
          wake?.abort()
          return 'ok'
        }

        return right({
          traits: { redelivers: true, delay: 'hold', exclusive: true },
          pull: (max, signal) => async () => {
            for (;;) {
              const items: Delivery[] = []
              if (signal.aborted) return right({ _tag: 'Batch', items })
              for (let delivery = next(); delivery !== undefined; delivery = next()) {
                items.push(delivery)
                held.add(delivery)
                if (items.length === max) break
              }
              if (items.length > 0) return right({ _tag: 'Batch', items })
              if (isExhausted && held.size === 0 && parked === 0) return right({ _tag: 'End' })
              wake = new AbortController()
              await sleep(clock, maxWaitMs, AbortSignal.any([signal, wake.signal]))
              wake = undefined
            }
          },
          settle: (batch) => async () => batch.map(settle)
        })
      },
      async () => undefined
    )

// helpers

const maxWaitMs = 60_000

/** Each delivery has a signal, a trace and headers of its own; the count begins at what the message says. */
class MemoryDelivery extends Interruptible implements Delivery, Origin {
  readonly message: Message
  private copied: Readonly<Record<string, string>> | undefined = undefined
  constructor(
    readonly original: Message,
    readonly deliveryCount: number
  ) {
    super()
    this.message = fromOrigin(this)
  }
  get id() {
    return this.original.id
  }
  get bytes() {
    return this.original.bytes
  }
  get headers() {
    return (this.copied ??= { ...this.original.headers })
  }
  get source() {
    return this.original.source
  }
  get redelivers() {
    return true
  }
  get receivedAt() {
    return this.original.receivedAt
  }
  get raw() {
    return this.original.raw
  }
  get fault() {
    return this.original.fault
  }
  get letter() {
    return this.original.letter
  }
  text() {
    return textOf(this.original)
  }
}
