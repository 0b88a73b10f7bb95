/** A store of idempotency in memory: what it holds is gone with the process. */
import type { Either } from 'fp-ts/lib/Either.js'
import { capture } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { left, right } from '../core/result.js'
import type {
  IdempotencyError,
  IdempotencyHold,
  IdempotencyState,
  IdempotencyStore
} from '../ports/idempotency.js'
import { systemClock } from '../system.js'
import { type Entry, dayMs, mistakeIn, refusalOf, stateOf } from './entry.js'
import { type Line, type Place, line } from './line.js'

// model

/** How much is remembered, and how long. */
export interface MemoryIdempotencyOptions {
  /** How many keys it holds, in flight and finished. 10 000 by default. */
  readonly maxKeys?: number
  /** How many bytes keys and results take up together, two for each character. 64 MiB by default. */
  readonly maxBytes?: number
  /** How long it remembers what is finished, in milliseconds. A day by default. */
  readonly ttlMs?: number
  readonly clock?: Clock
}

// constructors

/**
 * Remembers in memory what was done, for one process: after a restart nothing was done yet. Where there is no room
 * what was finished first is forgotten first; what is in flight stays, and `begin` is `Left` when that is all there
 * is. A result for which there is no room is not stored, and then `finish` is `Left`. Time is the clock's
 * `monotonic`, so that no change of the machine's date ends a lease.
 *
 * @example
 * const store = memoryIdempotency()
 * const claim = { key: 'order 17', fingerprint: 'a1', token: 'ann', leaseMs: 60_000 }
 * assert.equal(await store.begin(claim)(), right({ _tag: 'Begun' }))
 * await store.finish({ key: 'order 17', token: 'ann', result: 'paid' })()
 * assert.equal(await store.begin({ ...claim, token: 'bob' })(), right({ _tag: 'Finished', result: 'paid' }))
 *
 * @throws RangeError if a number makes no sense
 * @since 0.1.0
 */
export const memoryIdempotency = ({
  maxKeys = 10_000,
  maxBytes = 67_108_864,
  ttlMs = dayMs,
  clock = systemClock
}: MemoryIdempotencyOptions = {}): IdempotencyStore => {
  const mistake = mistakeIn({ maxKeys, maxBytes, ttlMs })
  if (mistake !== undefined) throw new RangeError(`memoryIdempotency: ${mistake}`)
  const known = new Map<string, Known>()
  const inFlight = line<Known>()
  const finished = line<Known>()
  let bytes = 0
  let bytesInFlight = 0

  const isInFlight = ({ result }: Entry): boolean => result === undefined
  const lineOf = (one: Entry): Line<Known> => (isInFlight(one) ? inFlight : finished)

  const remember = (key: string, entry: Entry): void => {
    const one: Known = { ...entry, key, bytes: bytesOf(key, entry), place: undefined }
    one.place = lineOf(one).join(one)
    known.set(key, one)
    bytes += one.bytes
    if (isInFlight(one)) bytesInFlight += one.bytes
  }
  const forget = (one: Known): void => {
    if (one.place !== undefined) lineOf(one).leave(one.place)
    known.delete(one.key)
    bytes -= one.bytes
    if (isInFlight(one)) bytesInFlight -= one.bytes
  }

  /** One that has no use any more, or else the oldest result. */
  const leastNeeded = (now: number): Known | undefined => {
    for (let looked = 0; looked < manyLooks; looked += 1) {
      const first = inFlight.first()
      if (first === undefined || first.until <= now) return first ?? finished.first()
      // Leases differ in length, so that one which has ended may stand behind one that has not.
      if (first.place !== undefined) inFlight.leave(first.place)
      first.place = inFlight.join(first)
    }
    return finished.first()
  }

  /** Makes room for one more of so many bytes, and says why there is none. */
  const noRoomFor = (more: number, now: number): string | undefined => {
    while (known.size >= maxKeys || bytes + more > maxBytes) {
      const one = bytesInFlight + more > maxBytes ? expiredOf(inFlight, now) : leastNeeded(now)
      if (one !== undefined) forget(one)
      else if (known.size >= maxKeys)
        return `all of its ${maxKeys} keys are in flight; allow more with maxKeys`
      else return `there is no room for ${more} bytes beside what is in flight; allow more with maxBytes`
    }
    return undefined
  }

  const heldBy = ({ key, token }: IdempotencyHold): Known | undefined => {
    const one = known.get(key)
    return one !== undefined && one.token === token && isInFlight(one) ? one : undefined
  }

  return {
    begin: (claim) => () =>
      answered<IdempotencyState>(claim, () => {
        const now = clock.monotonic()
        for (let round = 0; round < manyForgotten; round += 1) {
          const old = expiredOf(finished, now)
          if (old !== undefined) forget(old)
        }
        const before = known.get(claim.key)
        const state = stateOf(before, claim, now)
        if (state._tag !== 'Begun') return right(state)
        if (before !== undefined) forget(before)
        const { key, fingerprint, token, leaseMs } = claim
        const entry: Entry = { fingerprint, token, leaseMs, until: now + leaseMs, result: undefined }
        const reason = noRoomFor(bytesOf(key, entry), now)
        if (reason !== undefined) return left({ reason })
        remember(key, entry)
        return right(state)
      }),
    renew: (claim) => () =>
      answered(claim, () => {
        const one = heldBy(claim)
        if (one === undefined) return right(false)
        forget(one)
        const { leaseMs } = claim
        remember(claim.key, { ...one, leaseMs, until: clock.monotonic() + leaseMs })
        return right(true)
      }),
    finish: (claim) => () =>
      answered(claim, () => {
        const { key, result } = claim
        const one = heldBy(claim)
        if (one === undefined) return right(false)
        const now = clock.monotonic()
        forget(one)
        const entry: Entry = { ...one, until: now + ttlMs, result }
        const reason = noRoomFor(bytesOf(key, entry), now)
        remember(key, reason === undefined ? entry : one)
        return reason === undefined ? right(true) : left({ reason })
      }),
    abandon: (claim) => () =>
      answered(claim, () => {
        const one = heldBy(claim)
        if (one !== undefined) forget(one)
        return right(undefined)
      })
  }
}

// helpers

interface Known extends Entry {
  readonly key: string
  readonly bytes: number
  place: Place<Known> | undefined
}

/** How many are looked at, and forgotten, on the way to a key that begins. */
const manyLooks = 16
const manyForgotten = 2

const bytesOf = (key: string, { fingerprint, token, result = '' }: Entry): number =>
  2 * (key.length + fingerprint.length + token.length + result.length)

const expiredOf = (line: Line<Known>, now: number): Known | undefined => {
  const first = line.first()
  return first !== undefined && first.until <= now ? first : undefined
}

const answered = async <A>(
  asked: object,
  ask: () => Either<IdempotencyError, A>
): Promise<Either<IdempotencyError, A>> => {
  try {
    const reason = refusalOf(asked)
    const answer = reason === undefined ? ask() : left({ reason })
    return answer._tag === 'Right' ? answer : left({ reason: `memory: ${answer.left.reason}` })
  } catch (thrown) {
    return left({ reason: `memory: ${capture(thrown).message}` })
  }
}
