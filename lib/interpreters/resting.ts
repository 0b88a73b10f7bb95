/** What is tried again here and not by its source, as the key that it holds must not go on without it. */
import type { Clock } from '../core/clock.js'
import { type Message, amend } from '../core/message.js'
import type { Outcome } from '../core/outcome.js'
import type { Delivery } from '../ports/source.js'

// model

export interface Resting {
  /** The message of a delivery as it is to be handled now: tried again it has another delivery count. */
  readonly messageOf: (delivery: Delivery) => Message
  /** Lets a delivery wait for its next attempt; the outcome is that of the last one. */
  readonly rest: (delivery: Delivery, outcome: Outcome, afterMs: number) => void
  /** Says that a delivery is tried no more. */
  readonly end: (delivery: Delivery) => void
  readonly all: () => readonly Delivery[]
  readonly isEmpty: () => boolean
  /** All that wait, with their last outcomes, which wait no more. */
  readonly giveUp: () => readonly (readonly [Delivery, Outcome])[]
}

// constructors

/** `onDue` is told when a delivery has waited long enough. */
export const restingPlace = (clock: Clock, onDue: (delivery: Delivery) => void): Resting => {
  const waiting = new Map<Delivery, { readonly outcome: Outcome; readonly cancel: () => void }>()
  const again = new Map<Delivery, Message>()
  const messageOf = (delivery: Delivery): Message => again.get(delivery) ?? delivery.message
  return {
    messageOf,
    rest: (delivery, outcome, afterMs) => {
      const cancel = clock.after(afterMs, () => {
        waiting.delete(delivery)
        const message = messageOf(delivery)
        again.set(delivery, amend(message, { deliveryCount: message.deliveryCount + 1 }))
        onDue(delivery)
      })
      waiting.set(delivery, { outcome, cancel })
    },
    end: (delivery) => void again.delete(delivery),
    all: () => [...waiting.keys()],
    isEmpty: () => waiting.size === 0,
    giveUp: () => {
      const all = Array.from(waiting, ([delivery, { outcome, cancel }]) => {
        cancel()
        return [delivery, outcome] as const
      })
      waiting.clear()
      return all
    }
  }
}
