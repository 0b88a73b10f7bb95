/** Redis Pub/Sub as a source: what is published while it is subscribed, at most once. */
import type { Clock } from '../core/clock.js'
import type { Interpreter } from '../ports/interpreter.js'
import { Resource } from '../ports/resource.js'
import type { OpenSource, Source, SourceLimits, Traits } from '../ports/source.js'
import { defaultConnectMs } from '../redis/connection.js'
import { type RedisTarget, refuseTarget } from '../redis/like.js'
import { systemClock } from '../system.js'
import { type ConsumeOptions, consume } from './consume.js'
import { type PubSub, type PubSubSetup, pubSub } from './redis-pubsub-source.js'

// model

/** Where Redis is, which channels are listened to, and how much may wait here. */
export type RedisPubSubOptions = RedisTarget & {
  /** The channels by their names. These, or `patterns`, or both. */
  readonly channels?: readonly string[]
  /** Patterns of channels, as `PSUBSCRIBE` takes them: `order.*`. */
  readonly patterns?: readonly string[]
  /** How many messages may wait here; what arrives beyond them is dropped. 10,000 by default. */
  readonly maxQueued?: number
  /** How many bytes these may have, channels included. 64 MiB by default; one message always has room. */
  readonly maxQueuedBytes?: number
  /** How often the server is asked whether it is there; it counts as gone after twice that. 1 s by default. */
  readonly heartbeatMs?: number
  /** How long Redis may take to be there at the start. 10 s by default. */
  readonly connectMs?: number
  readonly clock?: Clock
}

// constructors

/**
 * Runs a processor on what is published to channels of Redis, and to those that match patterns. The channel is a
 * header, `channel`, and so is the `pattern` where one was matched; what matches several arrives for each of them.
 *
 * At most once: what is published while the connection is lost is missed, and told as a `Gap`; it is made again with
 * all its subscriptions, also when it is half open, which a heartbeat finds out. What arrives faster than it is
 * handled waits within `maxQueued` and `maxQueuedBytes`; beyond them the newest is dropped, which costs least while
 * there is too much, and told as `Dropped`. When the run stops, what still waits is told as `Dropped` and as unread
 * bytes.
 *
 * A message that fails is reported and the run goes on, unless `onFailed` is `stop`; `withDlq` keeps it, and what is
 * nacked, too.
 *
 * @example
 * const prices = pipe(receive(json), handle(otherwise(async () => ack)), withDlq(memoryDlq()))
 * const published = redisPubSub({ url: 'redis://localhost:6379', patterns: ['price.*'] })
 * const run = published(prices) // connects to nothing before it is called: runMain(published)(prices)
 * assert.type(run, 'function')
 *
 * @throws TypeError, RangeError if an option makes no sense
 * @since 0.1.0
 */
export const redisPubSub = (
  options: RedisPubSubOptions & Omit<ConsumeOptions, 'onFailed'> & { readonly onFailed?: 'report' | 'stop' }
): Interpreter => consume(redisPubSubSource(options), { ...options, onFailed: options.onFailed ?? 'report' })

/** The source alone, for `consume`. */
export const redisPubSubSource = (options: RedisPubSubOptions): OpenSource => {
  const { clock = systemClock } = options
  refuseTarget(name, options)
  const setup = setupOf(options)
  const open = (limits: SourceLimits): Resource<Source> =>
    Resource.map(({ source }: PubSub) => source)(
      Resource.make(
        name,
        () => pubSub({ target: options, name, setup, traits, limits, clock }),
        async ({ close }) => close()
      )
    )
  return Object.assign(open, { traits })
}

// helpers

const name = 'redisPubSub'
const traits: Traits = { redelivers: false, delay: 'in-place', exclusive: false }

const setupOf = ({
  channels = [],
  patterns = [],
  maxQueued = 10_000,
  maxQueuedBytes = 67_108_864,
  heartbeatMs = 1_000,
  connectMs = defaultConnectMs
}: RedisPubSubOptions): PubSubSetup => {
  for (const [kind, names] of Object.entries({ channels, patterns })) {
    if (!Array.isArray(names) || !names.every((each) => typeof each === 'string' && each !== ''))
      throw new TypeError(`redisPubSub: ${kind} is a list of names, none of them empty`)
    if (new Set(names).size < names.length) throw new TypeError(`redisPubSub: one of ${kind} is named twice`)
  }
  if (channels.length + patterns.length === 0)
    throw new TypeError("redisPubSub: give channels: ['orders'], patterns: ['orders.*'], or both")
  if (![maxQueued, maxQueuedBytes].every((max) => Number.isInteger(max) && max >= 1))
    throw new RangeError('redisPubSub: maxQueued and maxQueuedBytes are whole numbers of at least 1')
  if (!(heartbeatMs >= minHeartbeatMs && heartbeatMs < 2 ** 31))
    throw new RangeError(`redisPubSub: heartbeatMs is at least ${minHeartbeatMs} ms`)
  return { channels, patterns, maxQueued, maxQueuedBytes, heartbeatMs, connectMs }
}

const minHeartbeatMs = 10
