/** Redis Streams as a source: entries of consumer groups, which many processes on many machines may share. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import { left, right } from '../core/result.js'
import type { Interpreter } from '../ports/interpreter.js'
import { Resource, type ResourceError, resourceError } from '../ports/resource.js'
import type { OpenSource, Source, SourceLimits, Traits } from '../ports/source.js'
import { connect, defaultConnectMs, insisted, isMisled } from '../redis/connection.js'
import { type RedisTarget, refuseTarget } from '../redis/like.js'
import type { Value } from '../redis/resp.js'
import { systemClock } from '../system.js'
import { type ConsumeOptions, consume } from './consume.js'
import {
  type HeadersOf,
  type PayloadOf,
  allHeaders,
  headersBeside,
  payloadIn,
  toBuffer
} from './redis-stream-entry.js'
import { streamGroup } from './redis-stream-group.js'
import { isId } from './redis-stream-id.js'
import { reader } from './redis-stream-reader.js'
import { streamSource } from './redis-stream-source.js'

// model

/** Where the stream is, who reads it, and how long its entries may wait. */
export type RedisStreamOptions = RedisTarget & {
  /** The key of the stream, or several; in a cluster these must have the same hash tag. */
  readonly stream: string | readonly string[]
  readonly group: string
  /** The beginning of this process's name in the group, to which more is added; the host by default. */
  readonly consumer?: string
  /** Where a group begins that is not there yet: at the `beginning`, which is the default, at the `end`, or after an id. */
  readonly start?: 'beginning' | 'end' | (string & {})
  /** How many entries are read at a time. 500 by default. */
  readonly batch?: number
  /** How long a read waits for entries. 1 s by default, and at most 2 s. */
  readonly blockMs?: number
  /**
   * How long an entry stays with a process that does not renew it: so long after a crash its entries go to others.
   * 30 s by default; it must be longer than anything blocks the event loop.
   */
  readonly leaseMs?: number
  /** The field with the payload; else the only one is taken, or `payload`. The others become headers. */
  readonly field?: string
  /** Makes the payload of an entry's fields, in the place of `field`; the same for the same entry. */
  readonly payload?: (fields: ReadonlyMap<string, Buffer>) => Uint8Array | undefined
  /** How long Redis may take to be there at the start. 10 s by default. */
  readonly connectMs?: number
  readonly clock?: Clock
}

// constructors

/**
 * Runs a processor on the entries of Redis streams, as a member of a consumer group. What is acked or dead-lettered
 * is acknowledged (`XACK`, in batches); what is nacked comes back after its delay, wherever the group has a process;
 * what a crashed process leaves comes back after its lease. At least once: an entry is repeated only if a start was
 * not followed by a confirmed acknowledgement. Needs Redis 6.2, or Valkey; from 7.0 on it counts what was trimmed
 * before it was read.
 *
 * A processor without a queue needs `onFailed: 'park'` or `'stop'`.
 *
 * @example
 * const orders = pipe(receive(json), handle(otherwise(async () => ack)), withDlq(memoryDlq()))
 * const streams = redisStream({ url: 'redis://localhost:6379', stream: 'orders', group: 'billing', concurrency: 16 })
 * const run = streams(orders) // connects to nothing before it is called: runMain(streams)(orders)
 * assert.type(run, 'function')
 *
 * @throws TypeError, RangeError if an option makes no sense
 * @since 0.1.0
 */
export const redisStream = (
  options: RedisStreamOptions & Omit<ConsumeOptions, 'onFailed'> & { readonly onFailed?: 'park' | 'stop' }
): Interpreter => consume(redisStreamSource(options), options)

/** The source alone, for `consume`. */
export const redisStreamSource = (options: RedisStreamOptions): OpenSource => {
  const { clock = systemClock } = options
  const setup = setupOf(options)
  const open = (limits: SourceLimits): Resource<Source> =>
    Resource.map(({ source }: Opened) => source)(
      Resource.make(
        name,
        () => opened(options, setup, limits, clock),
        ({ close }) => close()
      )
    )
  return Object.assign(open, { traits: setup.traits })
}

// helpers

const name = 'redisStream'

interface Setup {
  readonly streams: readonly string[]
  readonly from: string
  readonly batch: number
  readonly blockMs: number
  readonly leaseMs: number
  readonly traits: Traits
  readonly payloadOf: PayloadOf
  readonly headersOf: HeadersOf
}

interface Opened {
  readonly source: Source
  readonly close: () => Promise<void>
}

const setupOf = (options: RedisStreamOptions): Setup => {
  const { stream, group, start = 'beginning', batch = 500, blockMs = 1_000, leaseMs = 30_000 } = options
  refuseTarget('redisStream', options)
  const streams = typeof stream === 'string' ? [stream] : stream
  if (streams.length === 0 || streams.some((key) => typeof key !== 'string' || key === ''))
    throw new TypeError('redisStream: stream is the key of a stream, or a list of some')
  if (new Set(streams).size < streams.length) throw new TypeError('redisStream: a stream is named twice')
  if (typeof group !== 'string' || group === '')
    throw new TypeError('redisStream: group is the name of the consumer group')
  const from = start === 'beginning' ? '0' : start === 'end' ? '$' : start
  if (from !== '$' && !isId(from))
    throw new TypeError("redisStream: start is 'beginning', 'end', or the id of an entry")
  if (!(Number.isInteger(batch) && batch >= 1))
    throw new RangeError('redisStream: batch is a whole number of at least 1')
  if (!(blockMs >= 1 && blockMs <= maxBlockMs))
    throw new RangeError(`redisStream: blockMs is milliseconds from 1 to ${maxBlockMs}`)
  if (!(leaseMs >= minLeaseMs && leaseMs < 2 ** 31))
    throw new RangeError(`redisStream: leaseMs is at least ${minLeaseMs} ms, and no more than 24 days`)
  if (options.field !== undefined && options.payload !== undefined)
    throw new TypeError('redisStream: give field or payload, not both')
  const traits: Traits = { redelivers: true, delay: 'native', exclusive: false, leaseMs }
  return { streams, from, batch, blockMs, leaseMs, traits, ...contentOf(options) }
}

const maxBlockMs = 2_000
const minLeaseMs = 100

const contentOf = ({
  field,
  payload
}: RedisStreamOptions): { readonly payloadOf: PayloadOf; readonly headersOf: HeadersOf } => {
  if (payload === undefined) return { payloadOf: payloadIn(field), headersOf: headersBeside(field) }
  const fieldsOf = (values: readonly Value[]): ReadonlyMap<string, Buffer> => {
    const fields = new Map<string, Buffer>()
    for (let index = 0; index < values.length; index += 2)
      fields.set(String(values[index]), toBuffer(values[index + 1] ?? ''))
    return fields
  }
  return { payloadOf: (values) => payload(fieldsOf(values)), headersOf: allHeaders }
}

const opened = async (
  options: RedisStreamOptions,
  { streams, from, batch, blockMs, leaseMs, traits, payloadOf, headersOf }: Setup,
  { emit, signal = new AbortController().signal }: SourceLimits,
  clock: Clock
): Promise<Either<ResourceError, Opened>> => {
  const { group, consumer = hostname(), connectMs = defaultConnectMs } = options
  const limits = { connectMs, signal }
  const commands = await connect(options, name, clock, limits)
  if (commands._tag === 'Left') return commands
  const reading = await connect(options, name, clock, limits)
  if (reading._tag === 'Left') {
    commands.right.close()
    return reading
  }
  const member = {
    group,
    consumer: `${consumer}-${process.pid}~${randomBytes(6).toString('hex')}`,
    leaseMs,
    from,
    payloadOf,
    headersOf,
    commands: commands.right,
    clock,
    emit
  }
  const groups = streams.map((stream) => streamGroup(`${commands.right.keyPrefix}${stream}`, member))
  try {
    for (const { join } of groups) await insisted(commands.right, join, connectMs, clock, signal)
  } catch (thrown) {
    commands.right.close()
    reading.right.close()
    const { message } = commands.right.errorOf(thrown)
    return left(
      resourceError(name, `group ${group} of ${streams.join(', ')}: ${message}; ${adviceOn(message)}`)
    )
  }
  const { consumer: me } = member
  const closing = new AbortController()
  const read = reader({
    groups,
    group,
    consumer: me,
    batch,
    blockMs,
    connection: reading.right,
    commands: commands.right,
    clock
  })
  return right({
    source: streamSource({
      traits,
      groups,
      pull: read.pull,
      connections: [commands.right, reading.right],
      closing: closing.signal,
      clock
    }),
    close: async () => {
      closing.abort()
      await read.end()
      if (commands.right.client.status === 'ready')
        await Promise.allSettled(groups.map((each) => each.leave()))
      reading.right.close()
      commands.right.close()
    }
  })
}

const adviceOn = (message: string): string => {
  if (/WRONGTYPE/.test(message)) return 'this key holds something else; give the key of a stream'
  if (/NOPERM|user executing the script/.test(message))
    return 'the user needs XREADGROUP, XACK, XCLAIM, XPENDING, XINFO, XGROUP, XRANGE, EVAL and EVALSHA on these keys'
  if (isMisled(message)) return 'give the primary, or a client that finds it'
  if (/unknown (?:sub)?command|wrong number of arguments|syntax error/i.test(message))
    return 'Redis 6.2 or newer is needed'
  return 'see what Redis says'
}
