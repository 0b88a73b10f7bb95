/** What has arrived and was not taken yet, within bounds; and what found no room. */
import type { Clock } from '../core/clock.js'
import type { OnEvent } from '../ports/interpreter.js'
import type { PublicationDelivery } from './redis-pubsub-delivery.js'

// model

export interface InboxLimits {
  readonly maxQueued: number
  readonly maxQueuedBytes: number
}

export interface Inbox {
  readonly add: (delivery: PublicationDelivery) => void
  /** The first ones, at most `max`. */
  readonly take: (max: number) => readonly PublicationDelivery[]
  readonly count: () => number
  readonly bytes: () => number
  /** Drops what is too much now. */
  readonly trim: () => void
}

export interface Drops {
  readonly add: (count: number) => void
  readonly total: () => number
  /** Tells of those that nobody was told of. */
  readonly tell: () => void
}

// constructors

/**
 * Drops the newest of what is too much, once others had their turn: what arrives at once is there before anybody can
 * have taken any of it. One message always has room.
 */
export const inbox = (
  { maxQueued, maxQueuedBytes }: InboxLimits,
  clock: Clock,
  dropped: (count: number) => void
): Inbox => {
  let items: PublicationDelivery[] = []
  let next = 0
  let bytes = 0
  let isTrimming = false

  const isTooMuch = (): boolean => {
    const count = items.length - next
    return count > maxQueued || (bytes > maxQueuedBytes && count > 1)
  }
  const trim = (): void => {
    isTrimming = false
    const before = items.length
    while (isTooMuch()) bytes -= items.pop()?.size ?? 0
    if (items.length < before) dropped(before - items.length)
  }

  return {
    add: (delivery) => {
      items.push(delivery)
      bytes += delivery.size
      if (isTrimming || !isTooMuch()) return
      isTrimming = true
      clock.after(0, trim)
    },
    take: (max) => {
      const isAll = next === 0 && items.length <= max
      const taken = isAll ? items : items.slice(next, next + max)
      next += taken.length
      for (const { size } of taken) bytes -= size
      // What was taken is let go once it is as much as what is left.
      if (isAll) items = []
      else if (next >= items.length - next) items = items.slice(next)
      else return taken
      next = 0
      return taken
    },
    count: () => items.length - next,
    bytes: () => bytes,
    trim
  }
}

/** Counts what is dropped, and tells of it once a second at most. */
export const drops = (clock: Clock, emit: OnEvent): Drops => {
  let total = 0
  let untold = 0
  let cancel: (() => void) | undefined
  const tell = (): void => {
    cancel?.()
    cancel = undefined
    if (untold > 0) emit({ _tag: 'Dropped', count: untold })
    untold = 0
  }
  return {
    add: (count) => {
      total += count
      untold += count
      if (untold > 0) cancel ??= clock.after(tellMs, tell)
    },
    total: () => total,
    tell
  }
}

// helpers

const tellMs = 1_000
