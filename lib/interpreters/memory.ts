/** A source in memory: messages that are at hand, brought back as often as they are nacked. */
import type { Clock } from '../core/clock.js'
import { type Message, type Origin, fromOrigin, textOf } from '../core/message.js'
import { left, right } from '../core/result.js'
import { Interruptible } from '../ports/interruptible.js'
import { Resource } from '../ports/resource.js'
import type { Delivery, OpenSource, Settle, Settlement, Source } from '../ports/source.js'
import { systemClock } from '../system.js'

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
    Resource.map(({ source }: Opened) => source)(
      Resource.make(
        'memory',
        async () => right(opened(messages, clock)),
        async ({ close }) => close()
      )
    )

// helpers

interface Opened {
  readonly source: Source
  readonly close: () => void
}

const opened = (messages: Iterable<Message>, clock: Clock): Opened => {
  const fresh = messages[Symbol.iterator]()
  const due: MemoryDelivery[] = []
  const held = new Set<Delivery>()
  /** Cancels the return of each that is parked. */
  const parked = new Set<() => void>()
  let isExhausted = false
  /** What the messages threw when they were asked for the next. */
  let broken: { readonly cause: unknown } | undefined
  /** Of who waits for a change. */
  let wake = (): void => undefined

  const next = (): MemoryDelivery | undefined => {
    const again = due.shift()
    if (again !== undefined || isExhausted) return again
    try {
      const { done, value } = fresh.next()
      isExhausted = done === true
      return done === true ? undefined : new MemoryDelivery(value, value.deliveryCount)
    } catch (cause) {
      isExhausted = true
      broken = { cause }
      return undefined
    }
  }

  const settle = ({ delivery, action }: Settle): Settlement => {
    if (!held.delete(delivery)) return 'lost'
    const { original, deliveryCount } = delivery as MemoryDelivery
    if (action._tag === 'Release') due.push(new MemoryDelivery(original, deliveryCount))
    else if (action._tag === 'Retry') {
      const cancel = clock.after(action.afterMs, () => {
        parked.delete(cancel)
        due.push(new MemoryDelivery(original, deliveryCount + 1))
        wake()
      })
      parked.add(cancel)
    }
    wake()
    return 'ok'
  }

  const changed = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        signal.removeEventListener('abort', end)
        resolve()
      }
      wake = end
      signal.addEventListener('abort', end)
    })

  return {
    source: {
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
          if (broken !== undefined) return left({ _tag: 'Fatal', cause: broken.cause })
          if (isExhausted && held.size === 0 && parked.size === 0) return right({ _tag: 'End' })
          await changed(signal)
        }
      },
      settle: (batch) => async () => batch.map(settle)
    },
    close: () => {
      for (const cancel of parked) cancel()
    }
  }
}

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
