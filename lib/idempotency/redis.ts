/** A store of idempotency in Redis, for many machines. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import { left, right } from '../core/result.js'
import type { IdempotencyError, IdempotencyState, IdempotencyStore } from '../ports/idempotency.js'
import { Resource } from '../ports/resource.js'
import { fromStorable, toStorable } from '../ports/storable.js'
import { type Connection, type Script, connect, script } from '../redis/connection.js'
import { type RedisArgument, type RedisTarget, refuseTarget } from '../redis/like.js'
import { type Kept, reasonOf } from '../redis/reason.js'
import { systemClock } from '../system.js'
import { dayMs, mistakeIn, refusalOf } from './entry.js'

// model

/** Where the store is, and how long it remembers. */
export type RedisIdempotencyOptions = RedisTarget & {
  /** What the names of its keys begin with. `missive:done` by default. */
  readonly name?: string
  /** How long it remembers what is finished, in milliseconds. A day by default. */
  readonly ttlMs?: number
  /** Leases and memory are by the server's clock, which is one for all machines, unless there is another one for all. */
  readonly clock?: Clock
  /** How long Redis may take to be there, in milliseconds. 10 s by default. */
  readonly connectMs?: number
}

// constructors

/**
 * Remembers in Redis what was done, for all processes of all machines. Each key is a key of Redis, which expires by
 * itself in time. A Redis that evicts keys forgets, and so may a failover: then what was done is done again.
 *
 * @throws TypeError, RangeError if an option makes no sense
 * @since 0.1.0
 */
export const redisIdempotency = (options: RedisIdempotencyOptions): Resource<IdempotencyStore> => {
  const { name = 'missive:done', ttlMs = dayMs, clock, connectMs } = options
  refuseTarget(resource, options)
  if (name === '') throw new TypeError(`${resource}: give its keys a name to begin with`)
  const mistake = mistakeIn({ ttlMs })
  if (mistake !== undefined) throw new RangeError(`${resource}: ${mistake}`)
  return Resource.map(({ store }: Opened) => store)(
    Resource.make(
      resource,
      async () => {
        const connected = await connect(options, resource, systemClock, { timeoutMs, connectMs })
        return connected._tag === 'Left' ? connected : right(storeOn(connected.right, name, ttlMs, clock))
      },
      async ({ close }) => close()
    )
  )
}

// helpers

const resource = 'redisIdempotency'
const timeoutMs = 5_000
const patienceMs = 1_000

const kept: Kept = { name: 'store', toFree: 'give it a shorter ttlMs' }

interface Opened {
  readonly store: IdempotencyStore
  readonly close: () => void
}

/**
 * The server's time, unless the first argument is one. Fractions are none of Redis' whole numbers. `keepOn` removes
 * nothing first: what has begun to write may go on in a Redis that is full, where nothing new is to begin, but what is
 * done must be remembered.
 */
const now = `
  local now = tonumber(ARGV[1])
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local fingerprint, token, result, till, lease =
    unpack(redis.call('HMGET', KEYS[1], 'fingerprint', 'token', 'result', 'until', 'lease'))
  till = tonumber(till)
  local function keep(ms, fields)
    redis.call('HSET', KEYS[1], 'until', string.format('%.17g', now + ms), unpack(fields))
    redis.call('PEXPIRE', KEYS[1], math.ceil(ms) + tonumber(ARGV[2]))
  end
  local function keepOn(ms, fields)
    redis.call('HDEL', KEYS[1], '')
    keep(ms, fields)
  end`

/**
 * Each is one step, and says the same again where its answer got lost and it is asked once more. After their end keys
 * stay for another `ttlMs`, as who holds one may come late while nobody else has asked for it.
 */
const scripts = {
  begin: script(`${now}
    local ms = tonumber(ARGV[5])
    if not till or till <= now or (token == ARGV[4] and not result and fingerprint == ARGV[3]) then
      keep(ms, {'fingerprint', ARGV[3], 'token', ARGV[4], 'lease', ARGV[5]})
      redis.call('HDEL', KEYS[1], 'result')
      return {'Begun'}
    end
    if fingerprint ~= ARGV[3] then return {'Mismatch'} end
    if result then return {'Finished', result} end
    return {'InFlight', string.format('%.17g', math.min(till - now, tonumber(lease)))}`),
  renew: script(`${now}
    if token ~= ARGV[3] or result then return 0 end
    keepOn(tonumber(ARGV[4]), {'lease', ARGV[4]})
    return 1`),
  finish: script(`${now}
    if token ~= ARGV[3] or result then return 0 end
    keepOn(tonumber(ARGV[2]), {'result', ARGV[4]})
    return 1`),
  abandon: script(`${now}
    if token == ARGV[3] and not result then redis.call('DEL', KEYS[1]) end
    return 1`)
} satisfies Record<string, Script>

const storeOn = (connection: Connection, name: string, ttlMs: number, clock: Clock | undefined): Opened => {
  const closing = new AbortController()
  const asked = async (
    step: Script,
    claim: object & { readonly key: string },
    parts: readonly RedisArgument[]
  ): Promise<Either<IdempotencyError, unknown>> => {
    const failed = (reason: string) => left({ reason: `redis://${connection.server}: ${reason}` })
    const refusal = refusalOf(claim)
    if (refusal !== undefined) return left({ reason: refusal })
    if (closing.signal.aborted) return failed('the store is closed')
    try {
      if (!(await connection.isReady(patienceMs, closing.signal))) return failed('Redis cannot be reached')
      const time = clock === undefined ? '' : clock.now()
      const sent = parts.map((part) => (typeof part === 'string' ? toStorable(part) : part))
      const all = [time, Math.ceil(ttlMs), ...sent]
      const key = `${connection.keyPrefix}${name}:${toStorable(claim.key)}`
      return right(await connection.run(step, [key], all))
    } catch (thrown) {
      return failed(reasonOf(connection, thrown, kept))
    }
  }
  const isYes = (answer: Either<IdempotencyError, unknown>): Either<IdempotencyError, boolean> =>
    answer._tag === 'Left' ? answer : right(answer.right === 1)

  return {
    store: {
      begin: (claim) => async () => {
        const { fingerprint, token, leaseMs } = claim
        const answer = await asked(scripts.begin, claim, [fingerprint, token, leaseMs])
        return answer._tag === 'Left' ? answer : right(stateOf(answer.right))
      },
      renew: (claim) => async () => isYes(await asked(scripts.renew, claim, [claim.token, claim.leaseMs])),
      finish: (claim) => async () => isYes(await asked(scripts.finish, claim, [claim.token, claim.result])),
      abandon: (claim) => async () => {
        const answer = await asked(scripts.abandon, claim, [claim.token])
        return answer._tag === 'Left' ? answer : right(undefined)
      }
    },
    close: () => {
      closing.abort()
      connection.close()
    }
  }
}

const stateOf = (answer: unknown): IdempotencyState => {
  const [tag, value] = answer as readonly [IdempotencyState['_tag'], unknown]
  switch (tag) {
    case 'Finished':
      return { _tag: tag, result: fromStorable(String(value)) }
    case 'InFlight':
      return { _tag: tag, leftMs: Number(value) }
    default:
      return { _tag: tag }
  }
}
