/** A dead letter queue in Redis, for many machines. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import { left, right } from '../core/result.js'
import type { DeadLetterStore, Pruned, Retention } from '../ports/letters.js'
import { Resource, type ResourceError, resourceError } from '../ports/resource.js'
import { type Connection, connect, defaultConnectMs, insisted } from '../redis/connection.js'
import { type RedisTarget, refuseTarget } from '../redis/like.js'
import { systemClock } from '../system.js'
import { answering, queue } from './redis-answering.js'
import { decidedOver, putOver } from './redis-decided.js'
import { redisEngine } from './redis-engine.js'
import { entryBeside } from './redis-entry.js'
import { type Keys, keysOf } from './redis-keys.js'
import { openQueue, risksOf } from './redis-open.js'
import { gathered } from './redis-puts.js'
import { reasonOf } from '../redis/reason.js'
import { puttingOf, rowsOf } from './redis-rows.js'
import { aheadOf, moved } from './redis-time.js'
import { walkOver } from './redis-walk.js'
import { storeOver } from './store.js'
import { refuseRetention, tidied } from './tidied.js'

// model

/** Where the queue is, and what it stores and forgets. */
export type RedisDlqOptions = RedisTarget & {
  /** The queue among others in the same Redis. `missive:dlq` by default. */
  readonly name?: string
  /** Makes the queue if it is missing; by default it does. */
  readonly create?: boolean
  /**
   * Which headers are stored with their values; by default those that are harmless, which are all but credentials and
   * signatures.
   */
  readonly isStoredHeader?: (name: string, isHarmless: boolean) => boolean
  /**
   * What is removed as time goes on, at most once an hour, when something is written. Dead letters stay unless this
   * says so. How long settled letters and tombstones are kept is noted in Redis, for whoever else opens the queue.
   */
  readonly retention?: Retention
  /** Told when something was removed. */
  readonly onPruned?: (pruned: Pruned) => void
  /** Instead of this machine's clock, and of that of Redis, by which leases end. */
  readonly clock?: Clock
  /** How long Redis may take to be there, in milliseconds. 10 s by default. */
  readonly connectMs?: number
}

/** A queue in Redis: a store like every other. */
export type RedisDlq = DeadLetterStore

// constructors

/**
 * A queue in Redis, made if it is missing, which many machines may use at the same time. Letters that are put in the
 * same turn of the event loop share a round trip. Where a message came from a stream of the same server its entry is
 * acknowledged in the very step that stores its letter, if it is still this consumer's: no crash comes between the
 * two.
 *
 * All keys of a queue have one hash tag and lie in one slot of a cluster: `{missive:dlq}:…`. A name with a hash tag
 * keeps it: `{orders}:dlq` lies in the slot of the streams `orders` and `{orders}:new`, which in a cluster is what
 * lets one step store the letter and acknowledge the entry.
 *
 * A letter is as durable as the stream it came from: as the append-only file is (`appendfsync always`, or up to a
 * second may be lost), and a failover loses what had not reached the replica. Opening warns of a Redis without an
 * append-only file, or one that removes keys when memory is short. What is asked while Redis is away is answered
 * `Left` within seconds.
 *
 * @example
 * const app = pipe(
 *   redisDlq({ url: 'redis://localhost:6379', name: '{orders}:dlq' }),
 *   Resource.map((dlq) => pipe(receive(json), handle(otherwise(async () => ack)), withDlq(dlq)))
 * )
 * assert.type(app.open, 'function') // connects to nothing before that: runMain(stdin())(app)
 *
 * @throws TypeError, RangeError if an option makes no sense
 * @since 0.1.0
 */
export const redisDlq = (options: RedisDlqOptions): Resource<RedisDlq> => {
  refuseTarget(resource, options)
  refuseRetention(resource, options)
  if (options.name === '') throw new TypeError(`${resource}: a queue without a name is none; give it one`)
  return Resource.map(({ store }: Opened) => store)(
    Resource.make(
      resource,
      async () => {
        const { connectMs } = options
        const connected = await connect(options, resource, systemClock, { timeoutMs, connectMs })
        if (connected._tag === 'Left') return connected
        const connection = connected.right
        const opened = await openedOn(connection, options)
        if (opened._tag === 'Left') connection.close()
        return opened
      },
      ({ close }) => close()
    )
  )
}

// helpers

const resource = 'redisDlq'
const defaultName = 'missive:dlq'

interface Opened {
  readonly store: RedisDlq
  readonly close: () => Promise<void>
}

/** A disk that is busy may hold up what is written for some seconds. */
const timeoutMs = 5_000

const openedOn = async (
  connection: Connection,
  options: RedisDlqOptions
): Promise<Either<ResourceError, Opened>> => {
  const { name = defaultName, create = true, retention = {}, connectMs = defaultConnectMs } = options
  const at = `redis://${connection.server}`
  const refused = (why: string) => left(resourceError(resource, `${at}: ${why}`))
  const keys = keysOf(connection.keyPrefix, name)
  try {
    const open = () => openQueue(connection, keys, name, { create, retention })
    const said = await insisted(connection, open, connectMs, systemClock, new AbortController().signal)
    if (said._tag === 'Left') return refused(said.left)
    const risks = create ? await risksOf(connection) : []
    if (risks.length > 0) process.emitWarning(`${resource}: ${at}: ${risks.join(', and ')}`)
    return right(storeOn(connection, keys, said.right, `${at}#${name}`, options))
  } catch (thrown) {
    return refused(reasonOf(connection, thrown, queue))
  }
}

const storeOn = (
  connection: Connection,
  keys: Keys,
  noted: Retention,
  location: string,
  options: RedisDlqOptions
): Opened => {
  const { clock = systemClock, isStoredHeader } = options
  const aheadMs = options.clock === undefined ? aheadOf(connection, keys, clock) : async () => 0
  const rows = rowsOf(connection, keys)
  const decided = decidedOver(rows)
  const engine = redisEngine({ rows, decided, walk: walkOver(rows), retention: noted })
  const { answered, close } = answering(connection, location)
  const stored = gathered(rows.put, systemClock)
  const put = putOver(rows, decided)
  const entryOf = entryBeside(connection, keys)
  const store = storeOver({
    location,
    call: (name, ...parts) => {
      const perform: (...given: any[]) => Promise<any> = engine[name]
      return answered(async () => perform(...moved(parts, await aheadMs())))
    },
    put: (row, raw) => {
      // The bytes are their owner's, who may change them before they are sent.
      const own = { ...row, bytes: Uint8Array.from(row.bytes) }
      const entry = entryOf(raw)
      return answered(async () => put(own, entry, await stored(puttingOf(own, entry))))
    },
    clock,
    isStoredHeader
  })
  return { store: tidied(store, options, clock), close }
}
