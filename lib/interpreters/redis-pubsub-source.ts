/** Publications as a source: what arrives waits until it is pulled, and a pull that was aborted may be followed by another. */
import { randomBytes } from 'node:crypto'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import { right } from '../core/result.js'
import type { ResourceError } from '../ports/resource.js'
import type { Source, SourceLimits, Traits } from '../ports/source.js'
import type { RedisTarget } from '../redis/like.js'
import { type Arrival, PublicationDelivery } from './redis-pubsub-delivery.js'
import { type InboxLimits, drops, inbox } from './redis-pubsub-inbox.js'
import { subscriber } from './redis-pubsub-subscriber.js'

// model

export interface PubSubSetup extends InboxLimits {
  readonly channels: readonly string[]
  readonly patterns: readonly string[]
  readonly heartbeatMs: number
  readonly connectMs: number
}

export interface PubSubNeeds {
  readonly target: RedisTarget
  /** Who wants it. */
  readonly name: string
  readonly setup: PubSubSetup
  readonly traits: Traits
  readonly limits: SourceLimits
  readonly clock: Clock
}

export interface PubSub {
  readonly source: Source
  readonly close: () => void
}

// constructors

/** Subscribes, or says why that cannot be. */
export const pubSub = async ({
  target,
  name,
  setup,
  traits,
  limits: { emit, signal: wantedUntil },
  clock
}: PubSubNeeds): Promise<Either<ResourceError, PubSub>> => {
  const dropped = drops(clock, emit)
  const waiting = inbox(setup, clock, (count) => {
    if (left === undefined) dropped.add(count)
    else droppedSince += count
  })
  const run = randomBytes(6).toString('hex')
  let arrival: Arrival = { server: '', run, receivedAt: 0 }
  let number = 0
  let takenBytes = 0
  let wake = (): void => undefined
  let watched: AbortSignal | undefined
  /** What waited when pulling was stopped. What comes after that was not ours to handle. */
  let left: Left | undefined
  let droppedSince = 0
  let cancelLeaving = (): void => undefined

  const subscribing = subscriber({
    target,
    name,
    ...setup,
    clock,
    emit,
    onArrival: () => {
      arrival = { server: arrival.server, run, receivedAt: clock.now() }
      wake()
    },
    onMessage: (channel, payload, pattern) => {
      number += 1
      waiting.add(new PublicationDelivery(channel, payload, pattern, number, arrival))
    }
  })
  wantedUntil?.addEventListener('abort', subscribing.leave)
  if (wantedUntil?.aborted === true) subscribing.leave()
  const subscribed = await subscribing.open()
  wantedUntil?.removeEventListener('abort', subscribing.leave)
  if (subscribed._tag === 'Left') return subscribed
  arrival = { ...arrival, server: subscribed.right }

  const nowWaiting = (): Left => {
    waiting.trim()
    return { count: waiting.count(), bytes: waiting.bytes() }
  }

  /** A pull that was aborted may be followed by another; if none comes, nobody wants what is published. */
  const stopped = (): void => {
    left ??= nowWaiting()
    cancelLeaving()
    cancelLeaving = clock.after(lingerMs, subscribing.leave)
    wake()
  }

  const wanted = (signal: AbortSignal): void => {
    if (signal.aborted) return stopped()
    if (left !== undefined) {
      left = undefined
      dropped.add(droppedSince)
      droppedSince = 0
      cancelLeaving()
      subscribing.resume()
    }
    if (signal === watched) return
    watched = signal
    signal.addEventListener('abort', () => signal === watched && stopped(), { once: true })
  }

  return right({
    source: {
      traits,
      pull: (max, signal) => async () => {
        wanted(signal)
        for (let waited = false; ; waited = true) {
          const items = signal.aborted ? [] : waiting.take(max)
          for (const { size } of items) takenBytes += size
          if (items.length > 0 || signal.aborted) return right({ _tag: 'Batch', items, waited })
          await new Promise<void>((resolve) => (wake = resolve))
        }
      },
      input: () => {
        const { bytes } = left ?? nowWaiting()
        return { readBytes: takenBytes, knownBytes: takenBytes + bytes, isAll: false }
      },
      measure: () => async () => ({
        lag: waiting.count(),
        lost: dropped.total(),
        reconnects: subscribing.gaps()
      })
    },
    close: () => {
      cancelLeaving()
      subscribing.leave()
      left ??= nowWaiting()
      dropped.add(left.count)
      dropped.tell()
    }
  })
}

// helpers

interface Left {
  readonly count: number
  readonly bytes: number
}

/** How long it stays subscribed after a pull was aborted. */
const lingerMs = 500
