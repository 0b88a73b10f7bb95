/** An engine on Redis. What concerns several letters is done letter by letter. */
import { randomUUID } from 'node:crypto'
import type { LetterFilter, LetterQuery, Retention } from '../ports/letters.js'
import { portion } from '../ports/portion.js'
import { type Counting, arrivalsByHour, groupsUpTo } from './counting.js'
import { type Decide, editing, kept, recalling, renewing, resolving, settling } from './decisions.js'
import {
  type Engine,
  type EngineCall,
  type RowPage,
  cursor,
  cursorOf,
  defaultLimit,
  maxPageBytes
} from './engine.js'
import { matches } from './filter.js'
import { type Decided, putOver } from './redis-decided.js'
import { pruning } from './redis-prune.js'
import type { Entry, Stored } from './redis-record.js'
import { type Rows, puttingOf } from './redis-rows.js'
import { type Walk, bytesAtOnce, statesOf } from './redis-walk.js'
import type { Row } from './row.js'
import { claimed, discarded, expired } from './transitions.js'

// model

export type RedisEngine = {
  readonly [K in EngineCall]: (...parts: Parameters<Engine[K]>) => Promise<ReturnType<Engine[K]>>
}

export interface RedisEngineNeeds {
  readonly rows: Rows
  readonly decided: Decided
  readonly walk: Walk
  /** What the queue's owner has said. */
  readonly retention: Retention
}

// constructors

export const redisEngine = ({ rows, decided, walk, retention }: RedisEngineNeeds): RedisEngine => {
  const { keepSettledMs = 0 } = retention
  const put = putOver(rows, decided)

  /** Leases that ended by themselves leave dead letters. */
  const reap = async (now: number): Promise<void> => {
    for (let hasMore = true; hasMore;) {
      const ended = await rows.expired(now, atOnce)
      const reaped = await Promise.all(
        ended.map((before) => decided(before.row.key, reaping(now), { before }))
      )
      hasMore = ended.length === atOnce && reaped.includes(true)
    }
  }

  const select = async (
    { filter = {}, order = 'oldest', limit = defaultLimit, after }: LetterQuery,
    use: (entries: readonly Entry[]) => Promise<readonly Row[]>
  ): Promise<RowPage> => {
    const { position, last } = cursorOf(after, (await rows.totals([])).last)
    const found: Row[] = []
    let bytes = 0
    let end = position ?? 0
    if (limit === 0) return { rows: found, next: undefined }
    for await (const entries of walk.through(filter, {
      isNewest: order === 'newest',
      position,
      last,
      wanted: limit
    })) {
      for (let rest = entries; rest.length > 0;) {
        const isFull = found.length >= limit || (bytes > 0 && bytes + (rest[0]?.size ?? 0) > maxPageBytes)
        if (isFull) return { rows: found, next: cursor(end, last) }
        const some = portion(
          rest,
          Math.min(atOnce, limit - found.length),
          Math.min(bytesAtOnce, maxPageBytes - bytes)
        )
        rest = rest.slice(some.length)
        end = some.at(-1)?.seq ?? end
        const used = await use(some)
        found.push(...used)
        bytes += used.reduce((sum, { bytes, original }) => sum + bytes.length + (original?.length ?? 0), 0)
      }
    }
    return { rows: found, next: undefined }
  }

  const read = (entries: readonly Entry[], withBytes: boolean): Promise<readonly Stored[]> =>
    rows.read(
      entries.map(({ seq }) => seq),
      withBytes
    )

  const counted = async <A>({ add, counted }: Counting<A>, filter: LetterFilter, now: number): Promise<A> => {
    await reap(now)
    for await (const entries of walk.through(filter))
      for (const entry of entries) {
        const { firstSeenAt, lastSeenAt } = entry
        add({ ...walk.kindOf(entry), firstSeenAt, lastSeenAt })
      }
    return counted()
  }

  return {
    put: async (letters) => {
      const there = await rows.put(letters.map((row) => puttingOf(row)))
      await Promise.all(letters.map((row, index) => put(row, undefined, there[index])))
      return letters.map(() => undefined)
    },
    recall: (name, now) => decided(name.key, atTime(now, recalling(now))),
    resolve: (name, by, now) => decided(name.key, atTime(now, resolving(by, now, keepSettledMs))),
    page: async (query, now) => {
      await reap(now)
      const isMeant = matches(query.filter)
      return select(query, async (entries) =>
        (await read(entries, true)).map(({ row }) => row).filter((row) => isMeant(row))
      )
    },
    groups: (filter, limit, now) => counted(groupsUpTo(limit), filter, now),
    count: async (filter, now) => {
      await reap(now)
      if (isOfStates(filter)) return sum((await rows.totals(statesOf(filter))).counts)
      let count = 0
      for await (const entries of walk.through(filter)) count += entries.length
      return count
    },
    arrivals: (filter, now) => counted(arrivalsByHour(), filter, now),
    claim: async ({ owner, leaseMs, filter, ...query }, now) => {
      await reap(now)
      const dead: LetterFilter = { ...filter, state: 'dead' }
      const isMeant = matches(dead)
      const leasing: Decide<Row | undefined> = (row) => {
        if (row === undefined || !isMeant(row)) return { answer: undefined }
        const leased = claimed(row, randomUUID(), owner, now + leaseMs)
        return { answer: leased, after: leased }
      }
      return select({ ...query, filter: dead }, async (entries) => {
        const leased = (await read(entries, true)).map((before) =>
          decided(before.row.key, leasing, { before, withBytes: true })
        )
        return (await Promise.all(leased)).flatMap((row) => row ?? [])
      })
    },
    renew: (held, until) => Promise.all(held.map(({ key, token }) => decided(key, renewing(token, until)))),
    settle: (replayed, now) =>
      Promise.all(replayed.map((one) => decided(one.key, settling(one, now, keepSettledMs)))),
    edit: (edit, now) => decided(edit.key, atTime(now, editing(edit, now)), { withBytes: true }),
    discard: async ({ filter = {} }, by, note, now) => {
      await reap(now)
      const { last } = await rows.totals([])
      const dead: LetterFilter = { ...filter, state: 'dead' }
      const isMeant = matches(dead)
      const withBytes = filter.fields !== undefined
      const discarding: Decide<number> = (row) =>
        row === undefined || !isMeant(row)
          ? { answer: 0 }
          : { answer: 1, after: kept(discarded(row, by, note, now), keepSettledMs) }
      let count = 0
      for await (const entries of walk.through(dead, { last }))
        for (let rest = entries; rest.length > 0;) {
          const some = portion(rest, atOnce, bytesAtOnce)
          rest = rest.slice(some.length)
          const stored = await read(some, withBytes)
          count += sum(
            await Promise.all(
              stored.map((before) => decided(before.row.key, discarding, { before, withBytes }))
            )
          )
        }
      return { count, next: undefined }
    },
    add: async (letters) => {
      const answers: ('added' | 'present')[] = []
      for (let rest = letters.map((row) => puttingOf(row)); rest.length > 0;) {
        const some = portion(rest, atOnce, bytesAtOnce)
        rest = rest.slice(some.length)
        for (const there of await rows.put(some)) answers.push(there === undefined ? 'added' : 'present')
      }
      return answers
    },
    prune: async (said, now) => {
      await reap(now)
      return pruning({ rows, decided, walk }, { ...retention, ...said }, now)
    }
  }
}

// helpers

/** So many are changed at a time. */
const atOnce = 256

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0)

const hasExpired = ({ state, leaseUntil }: Row, now: number): boolean =>
  state === 'replaying' && (leaseUntil ?? 0) <= now

const reaping =
  (now: number): Decide<boolean> =>
  (row) =>
    row !== undefined && hasExpired(row, now) ? { answer: true, after: expired(row) } : { answer: false }

/** Decides about the letter as it is at this time. */
const atTime =
  <A>(now: number, decide: Decide<A>): Decide<A> =>
  (row) =>
    decide(row !== undefined && hasExpired(row, now) ? expired(row) : row)

const isOfStates = (filter: LetterFilter): boolean =>
  Object.entries(filter).every(([name, part]) => name === 'state' || part === undefined)
