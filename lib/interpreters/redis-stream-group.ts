/** One stream as a member of its group sees it: what it was given, and what it says of that. */
import type { Clock } from '../core/clock.js'
import type { OnEvent } from '../ports/interpreter.js'
import type { SourceGauges } from '../ports/source.js'
import type { Connection, Script } from '../redis/connection.js'
import type { RawEntry } from '../redis/entries.js'
import type { RedisArgument } from '../redis/like.js'
import { EntryDelivery, type HeadersOf, type PayloadOf, type Reply } from './redis-stream-entry.js'
import { idBefore, isAfter, oldestOf } from './redis-stream-id.js'
import {
  type Claimed,
  fieldsOf,
  pendingOf,
  recoveredOf,
  summaryOf,
  takenOf,
  timeOf
} from './redis-stream-reply.js'
import * as scripts from './redis-stream-scripts.js'
import { type StreamSettling, streamSettling } from './redis-stream-settling.js'
import { takeFor, takeTimes } from './redis-stream-take.js'
import { unsettledList } from './redis-stream-unsettled.js'

// model

export interface Membership {
  readonly group: string
  readonly consumer: string
  readonly leaseMs: number
  /** Where a group that is missing begins: `0`, `$` or an id. */
  readonly from: string
  readonly payloadOf: PayloadOf
  readonly headersOf: HeadersOf
  readonly commands: Connection
  readonly clock: Clock
  readonly emit: OnEvent
}

/** What it says of entries does not reject; all else does where Redis does not answer. */
export interface StreamGroup extends StreamSettling {
  readonly key: string
  /** Makes what is missing of stream, group and consumer. */
  readonly join: () => Promise<void>
  /** The same where they had been there: the group begins before what may not be done. */
  readonly rejoin: () => Promise<void>
  /** Entries that were asked for at this monotonic time and that nobody was given before. */
  readonly accept: (entries: readonly RawEntry[], askedAt: number) => readonly EntryDelivery[]
  /** What is due and what was abandoned, and how long until the next scan. */
  readonly take: (
    max: number
  ) => Promise<{ readonly items: readonly EntryDelivery[]; readonly waitMs: number }>
  /** What was given to us in replies that got lost; `isAll`: there is no more. */
  readonly recover: (
    max: number
  ) => Promise<{ readonly items: readonly EntryDelivery[]; readonly isAll: boolean }>
  readonly measure: () => Promise<SourceGauges>
  readonly leave: () => Promise<void>
}

// constructors

export const streamGroup = (key: string, membership: Membership): StreamGroup => {
  const { group, consumer, leaseMs, from, payloadOf, headersOf, commands, clock, emit } = membership
  const common: Omit<Reply, 'receivedAt'> = {
    server: commands.server,
    stream: key,
    group,
    consumer,
    source: `${commands.server}/${key}/${group}`,
    payloadOf,
    headersOf
  }
  const unsettled = unsettledList()
  let lastDelivered = '0-0'
  /** Up to here the group may give again what is in flight here. */
  let recheckUntil: string | undefined
  /** Was something taken, and the reply lost? */
  let isTakeLost = false
  let lost = 0
  let rejoinedAt = -Infinity

  const run = (script: Script, parts: readonly RedisArgument[]): Promise<unknown> =>
    commands.run(script, [key], [group, consumer, ...parts])

  const take = takeFor(key, group)
  const askToTake = async (parts: readonly RedisArgument[]): Promise<unknown> => {
    const all = [1, key, group, consumer, ...parts]
    try {
      return await commands.askBytes(['EVALSHA', take.sha, ...all, 0])
    } catch (thrown) {
      if (!(thrown instanceof Error && thrown.message.startsWith('NOSCRIPT'))) throw thrown
      return commands.askBytes(['EVAL', take.text, ...all, 1])
    }
  }

  const trimmed = (count: number): void => {
    if (count === 0) return
    lost += count
    emit({ _tag: 'Trimmed', stream: key, count })
  }

  const joinAt = async (place: string): Promise<Joined> => {
    const [made, delivered, begins, isNew] = (await run(scripts.join, [place])) as Joining
    lastDelivered = delivered
    return { isMade: made === 1, isNew: isNew === 1, begins }
  }

  const claimedOf = (claimed: readonly Claimed[], askedAt: number): readonly EntryDelivery[] => {
    const inFlight = new Set(unsettled.live().map(({ id }) => id))
    const reply: Reply = { ...common, receivedAt: clock.now() }
    return claimed.flatMap(([rawId, values, count, kind]) => {
      const id = rawId.toString()
      if (inFlight.has(id)) return []
      // What nobody got an answer with is fresh from the stream, unless it has been started before, or may have been.
      const isFresh = kind === 2 && count === 1 && !isTakeLost
      const isSuspect = kind === 1 || (kind === 2 && !isFresh)
      const delivery = new EntryDelivery(
        id,
        values,
        reply,
        count,
        isFresh,
        isSuspect,
        Math.floor(askedAt) + leaseMs
      )
      unsettled.add(delivery)
      return [delivery]
    })
  }

  /** What the server answers for each of those, once it has the group again; where it does not, nothing. */
  const asked = async (
    those: readonly unknown[],
    ask: () => Promise<unknown>
  ): Promise<readonly number[] | undefined> => {
    if (those.length === 0) return []
    try {
      return (await ask()) as readonly number[]
    } catch (thrown) {
      if (!isGroupLost(thrown)) return undefined
    }
    try {
      await rejoin()
      return (await ask()) as readonly number[]
    } catch {
      return undefined
    }
  }

  const rejoin = async (): Promise<void> => {
    if (clock.monotonic() - rejoinedAt < sameLossMs) return
    rejoinedAt = clock.monotonic()
    const live = unsettled.live().map(({ id }) => id)
    const oldest = oldestOf(live)
    const place = oldest === undefined ? lastDelivered : idBefore(oldest)
    const until = lastDelivered
    const { isMade, isNew, begins } = await joinAt(place)
    if (!isNew) return // it was another stream's group
    recheckUntil = until
    emit({ _tag: 'GroupLost', stream: key, group, from: isMade ? begins : lastDelivered })
  }

  const settling = streamSettling({
    key,
    group,
    leaseMs,
    commands,
    clock,
    unsettled,
    run,
    asked,
    trimmed
  })

  return {
    ...settling,
    key,
    join: async () => {
      const { isMade, begins } = await joinAt(from)
      if (isMade) emit({ _tag: 'GroupCreated', stream: key, group, from: begins })
    },
    rejoin,
    accept: (entries, askedAt) => {
      const reply: Reply = { ...common, receivedAt: clock.now() }
      const until = Math.floor(askedAt) + leaseMs
      const [first] = entries[0] ?? []
      // The group has gone back: somebody else found it missing, and made it again.
      if (first !== undefined && !isAfter(first, lastDelivered)) recheckUntil ??= lastDelivered
      const inFlight = recheckUntil === undefined ? undefined : new Set(unsettled.live().map(({ id }) => id))
      const items: EntryDelivery[] = []
      for (const [id, values] of entries) {
        // One that is gone since it was read stays pending, and is counted when it is taken.
        if (values !== null && inFlight?.has(id) !== true) {
          const delivery = new EntryDelivery(id, values, reply, 1, true, false, until)
          unsettled.add(delivery)
          items.push(delivery)
        }
      }
      const last = entries.at(-1)?.[0]
      if (last !== undefined) {
        if (recheckUntil !== undefined && isAfter(last, recheckUntil)) recheckUntil = undefined
        if (isAfter(last, lastDelivered)) lastDelivered = last
      }
      return items
    },
    take: async (max) => {
      const askedAt = clock.monotonic()
      isTakeLost = true
      const taken = takenOf(await askToTake([scripts.horizonMs, leaseMs, max, ...takeTimes]))
      isTakeLost = false
      trimmed(taken.gone.length + taken.unread)
      return { items: claimedOf(taken.claimed, askedAt), waitMs: taken.waitMs }
    },
    recover: async (max) => {
      const mine = pendingOf(await commands.ask(['XPENDING', key, group, '-', '+', maxRecovered, consumer]))
      const known = new Set(unsettled.live().map(({ id }) => id))
      const unknownIds = mine.filter(({ id }) => !known.has(id)).map(({ id }) => id)
      const ids = unknownIds.slice(0, max)
      const isAll = ids.length === unknownIds.length && mine.length < maxRecovered
      const askedAt = clock.monotonic()
      const { claimed, gone } =
        ids.length === 0
          ? { claimed: [], gone: [] }
          : recoveredOf(await commands.runBytes(scripts.recover, [key], [group, consumer, ...ids]))
      trimmed(gone.length)
      const items = claimedOf(claimed, askedAt)
      if (isAll) isTakeLost = false
      return { items, isAll }
    },
    measure: async () => {
      const [pending, groups] = await Promise.all([
        commands.ask(['XPENDING', key, group]),
        commands.ask(['XINFO', 'GROUPS', key])
      ])
      const { count, oldest, byConsumer } = summaryOf(pending)
      const mine = (groups as readonly unknown[]).map(fieldsOf).find((each) => each.get('name') === group)
      const lag = mine?.get('lag')
      return {
        pending: count,
        parked: byConsumer.get('~parked') ?? 0,
        lost,
        ...(typeof lag === 'number' && { lag }),
        ...(oldest !== undefined && { oldestPendingMs: Math.max(0, clock.now() - timeOf(oldest)) })
      }
    },
    leave: async () => {
      while ((await run(scripts.leave, [scripts.horizonMs])) === 1);
    }
  }
}

/** Has somebody removed the group, or the stream with it? */
export const isGroupLost = (thrown: unknown): boolean =>
  thrown instanceof Error && /NOGROUP|UNBLOCKED|no such key|requires the key to exist/i.test(thrown.message)

// helpers

interface Joined {
  readonly isMade: boolean
  /** Was this process no member of it? Then it is not the group that it had joined. */
  readonly isNew: boolean
  readonly begins: string
}

type Joining = [made: number, delivered: string, begins: string, isNew: number]

/** Several questions at the same time meet the same loss. */
const sameLossMs = 1_000
const maxRecovered = 1_000
