/** A source in memory: messages that are at hand, brought back as often as they are nacked. */
import { type Clock, sleep } from '../core/clock.js'
import { type Message, amend, fromOrigin, interruption } from '../core/message.js'
import { Resource } from '../core/resource.js'
import type { Delivery, OpenSource, Settle } from '../core/source.js'
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
  (messages: Iterable<Message>, clock: Clock = systemClock): OpenSource =>
  () =>
    Resource.make(
      'memory',
      async () => {
        const fresh = messages[Symbol.iterator]()
        const due: Message[] = []
        let isExhausted = false
        let unsettled = 0
        let parked = 0
        let changed = new AbortController()
        const change = (): void => {
          changed.abort()
          changed = new AbortController()
        }

        const next = (): Message | undefined => {
          const again = due.shift()
          if (again !== undefined || isExhausted) return again
          const { done, value } = fresh.next()
          isExhausted = done === true
          return done === true ? undefined : value
        }

        const settle = ({ delivery: { message }, action }: Settle): 'ok' => {
          unsettled -= 1
          if (action._tag === 'Release') due.push(message)
          else if (action._tag === 'Retry') {
            parked += 1
            clock.after(action.afterMs, () => {
              parked -= 1
              due.push(amend(message, { deliveryCount: message.deliveryCount + 1 }))
              change()
            })
          }
          change()
          return 'ok'
        }

        return right({
          traits: { redelivers: true, delay: 'hold', exclusive: true },
          pull: (max, signal) => async () => {
            for (;;) {
              const items: Delivery[] = []
              for (let message = next(); message !== undefined; message = next()) {
                items.push(deliveryOf(message))
                if (items.length === max) break
              }
              unsettled += items.length
              if (items.length > 0 || signal.aborted) return right({ _tag: 'Batch', items })
              if (isExhausted && unsettled === 0 && parked === 0) return right({ _tag: 'End' })
              await sleep(clock, maxWaitMs, AbortSignal.any([signal, changed.signal]))
            }
          },
          settle: (batch) => async () => batch.map(settle)
        })
      },
      async () => undefined
    )

// helpers

const maxWaitMs = 60_000

/** Each delivery has a signal and a trace of its own; the count begins at what the message says. */
const deliveryOf = (message: Message): Delivery => {
  const controller = new AbortController()
  return {
    message: fromOrigin(amend(message, { signal: controller.signal, redelivers: true })),
    interrupt: (reason) => controller.abort(interruption(reason))
  }
}
