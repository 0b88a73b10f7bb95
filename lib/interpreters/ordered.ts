/** Order by key: messages of a key one at a time and as they came, different keys side by side. */
import { hush } from '../core/captured.js'
import type { Message } from '../core/message.js'
import type { Delivery } from '../ports/source.js'
import { type Backlog, backlog } from './backlog.js'

// model

/** A message without a key is in no order. */
export type OrderBy = (message: Message) => string | number | undefined

/** A backlog in which a key is held from the start of a message of it until that is released. */
export interface Ordered extends Backlog {
  /** The key of this delivery is free for the next. */
  readonly release: (delivery: Delivery) => void
  /** Starts this delivery again, before all others of its key, which it still holds. */
  readonly again: (delivery: Delivery) => void
  /** Does a key have as many waiting as it may? */
  readonly isFull: () => boolean
  /** How many wait for a message of their own key. */
  readonly held: () => number
}

// constructors

export const ordered = (orderBy: OrderBy, maxHeldPerKey: number): Ordered => {
  const arrived = backlog()
  /** What waits for each key that is held. */
  const lines = new Map<unknown, Delivery[]>()
  const keys = new Map<Delivery, unknown>()
  /** Of which the key is held for them already. */
  const ready: Delivery[] = []
  let head: { readonly delivery: Delivery; readonly key: unknown } | undefined
  let waiting = 0
  let full = 0

  /** The first that came whose key is free; those before it go to the lines of their keys. */
  const startable = (): Delivery | undefined => {
    for (let delivery = arrived.first(); delivery !== undefined; delivery = arrived.first()) {
      if (delivery === head?.delivery) return delivery
      const key = keyOf(orderBy, delivery.message)
      // Keys are the user's code: one that stopped the run has given back all that waits.
      if (arrived.first() !== delivery) continue
      const line = lines.get(key)
      if (key === undefined || line === undefined) {
        head = { delivery, key }
        return delivery
      }
      arrived.dropFirst()
      keys.set(delivery, key)
      line.push(delivery)
      waiting += 1
      if (line.length === maxHeldPerKey) full += 1
    }
    return undefined
  }

  return {
    add: arrived.add,
    first: () => ready[0] ?? startable(),
    dropFirst: () => {
      if (ready.shift() !== undefined || startable() === undefined || head === undefined) return
      const { delivery, key } = head
      head = undefined
      arrived.dropFirst()
      if (key === undefined) return
      keys.set(delivery, key)
      lines.set(key, [])
    },
    all: () => [...ready, ...[...lines.values()].flat(), ...arrived.all()],
    release: (delivery) => {
      const key = keys.get(delivery)
      keys.delete(delivery)
      const line = key === undefined ? undefined : lines.get(key)
      if (line === undefined) return
      if (line.length === maxHeldPerKey) full -= 1
      const next = line.shift()
      if (next === undefined) lines.delete(key)
      else {
        waiting -= 1
        ready.push(next)
      }
    },
    clear: () => {
      arrived.clear()
      ready.length = 0
      for (const line of lines.values()) line.length = 0
      waiting = 0
      full = 0
    },
    again: (delivery) => void ready.unshift(delivery),
    isFull: () => full > 0,
    held: () => waiting
  }
}

// helpers

/** Those whose key cannot be had are in one line: out of their order with nobody, as far as anybody can know. */
const keyOf = (orderBy: OrderBy, message: Message): unknown => {
  try {
    const key: unknown = orderBy(message)
    if (key === undefined || typeof key === 'string' || typeof key === 'number') return key
    hush(key)
  } catch {
    // It is as with any other key that is none.
  }
  return unknowable
}

const unknowable = Symbol()
