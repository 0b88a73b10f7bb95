/** An engine in memory: what it holds is gone with the process. */
import { randomUUID } from 'node:crypto'
import type { LetterFilter, LetterName, LetterQuery } from '../ports/letters.js'
import { type Counting, arrivalsByHour, groupsUpTo } from './counting.js'
import { type Decide, editing, kept, recalling, renewing, resolving, settling } from './decisions.js'
import {
  type Engine,
  type RowPage,
  cursor,
  cursorOf,
  defaultLimit,
  defaultTombstonesMs,
  maxPageBytes
} from './engine.js'
import { matches } from './filter.js'
import type { Row } from './row.js'
import { claimed, discarded, emptied, expired, isFull, putAgain } from './transitions.js'

export interface MemoryEngine extends Engine {
  /** All that it holds, oldest first. */
  readonly rows: () => readonly Row[]
}

export const memoryEngine = (): MemoryEngine => {
  /** By their places, in which they came, so that a page is read from where it begins. */
  const rows = new Map<number, Row>()
  const places = new Map<string, number>()
  const leased = new Set<string>()
  let lastSeq = 0

  const placeOf = ({ key }: Keyed): number => places.get(key) ?? 0
  const rowOf = (name: Keyed): Row | undefined => rows.get(placeOf(name))
  const replace = (row: Row): void => {
    rows.set(placeOf(row), row)
    if (row.state === 'replaying') leased.add(row.key)
    else leased.delete(row.key)
  }
  const insert = (row: Row): void => {
    lastSeq += 1
    places.set(row.key, lastSeq)
    replace(row)
  }
  const remove = (row: Row): void => {
    rows.delete(placeOf(row))
    places.delete(row.key)
    leased.delete(row.key)
  }
  const decided = <A>(name: LetterName, decide: Decide<A>): A => {
    const { answer, after } = decide(rowOf(name))
    if (after !== undefined) replace(after)
    return answer
  }

  /** Leases that ended by themselves leave dead letters. */
  const reap = (now: number): void => {
    for (const key of leased) {
      const row = rowOf({ key })
      if (row !== undefined && (row.leaseUntil ?? 0) <= now) replace(expired(row))
    }
  }

  const found = (filter: LetterFilter | undefined, now: number): readonly Row[] => {
    reap(now)
    return [...rows.values()].filter(matches(filter))
  }

  const select = (
    { filter, order = 'oldest', limit = defaultLimit, after }: LetterQuery,
    now: number
  ): RowPage => {
    reap(now)
    const { position, last } = cursorOf(after, lastSeq)
    const isMeant = matches(filter)
    const least = rows.keys().next().value ?? Infinity
    const most = Math.min(last, lastSeq)
    const [first, step] =
      order === 'newest'
        ? [Math.min(most, (position ?? Infinity) - 1), -1]
        : [Math.max(least, (position ?? 0) + 1), 1]
    const page: Row[] = []
    let bytes = 0
    let end = 0
    for (let seq = first; limit > 0 && seq >= least && seq <= most; seq += step) {
      const row = rows.get(seq)
      if (row === undefined || !isMeant(row)) continue
      bytes += sizeOf(row)
      if (page.length >= limit || (page.length > 0 && bytes > maxPageBytes))
        return { rows: page, next: cursor(end, last) }
      page.push(row)
      end = seq
    }
    return { rows: page, next: undefined }
  }

  const removed = (isMeant: (row: Row) => boolean): number => {
    const some = [...rows.values()].filter(isMeant)
    some.forEach(remove)
    return some.length
  }

  return {
    rows: () => [...rows.values()],
    put: (put) =>
      put.map((row) => {
        const before = rowOf(row)
        // The bytes may be a part of something larger that would be kept alive, or be changed by its owner.
        if (before === undefined)
          insert({ ...row, token: null, owner: null, leaseUntil: null, bytes: Uint8Array.from(row.bytes) })
        else replace(putAgain(before, { ...row, bytes: Uint8Array.from(row.bytes) }))
        return undefined
      }),
    recall: (name, now) => {
      reap(now)
      return decided(name, recalling(now))
    },
    resolve: (name, by, now) => {
      reap(now)
      decided(name, resolving(by, now, keepSettledMs))
    },
    page: select,
    groups: (filter, limit, now) => countedBy(groupsUpTo(limit), found(filter, now)),
    count: (filter, now) => found(filter, now).length,
    arrivals: (filter, now) => countedBy(arrivalsByHour(), found(filter, now)),
    claim: ({ owner, leaseMs, filter, ...query }, now) => {
      const dead = select({ ...query, filter: { ...filter, state: 'dead' } }, now)
      const leased = dead.rows.map((row) => claimed(row, randomUUID(), owner, now + leaseMs))
      for (const row of leased) replace(row)
      return { rows: leased, next: dead.next }
    },
    renew: (held, until) => held.map((one) => decided(one, renewing(one.token, until))),
    settle: (replayed, now) => replayed.map((one) => decided(one, settling(one, now, keepSettledMs))),
    edit: (edit, now) => {
      reap(now)
      return decided(edit, editing(edit, now))
    },
    discard: ({ filter }, by, note, now) => {
      const dead = found({ ...filter, state: 'dead' }, now)
      for (const row of dead) replace(kept(discarded(row, by, note, now), keepSettledMs))
      return { count: dead.length, next: undefined }
    },
    add: (added) =>
      added.map((row) => {
        if (places.has(row.key)) return 'present'
        insert({
          ...row,
          bytes: Uint8Array.from(row.bytes),
          original: row.original && Uint8Array.from(row.original)
        })
        return 'added'
      }),
    prune: (retention, now) => {
      reap(now)
      const { keepSettledMs: keepMs = keepSettledMs, keepTombstonesMs = defaultTombstonesMs } = retention
      const { maxAgeMs = Infinity, maxLetters = Infinity, maxBytes = Infinity } = retention
      const isSettled = ({ state }: Row) => state === 'resolved' || state === 'discarded'
      const isOlder = ({ lastSeenAt }: Row, ms: number) => lastSeenAt < now - ms
      const tombstones = removed((row) => isSettled(row) && isOlder(row, Math.max(keepMs, keepTombstonesMs)))
      const full = [...rows.values()].filter((row) => isSettled(row) && isOlder(row, keepMs) && isFull(row))
      for (const row of full) replace(emptied(row))
      let dead = removed((row) => row.state === 'dead' && isOlder(row, maxAgeMs))
      const oldest = [...rows.values()].filter(({ state }) => state === 'dead')
      let letters = oldest.length
      let bytes = [...rows.values()].reduce((sum, row) => sum + sizeOf(row), 0)
      for (const row of oldest) {
        if (letters <= maxLetters && bytes <= maxBytes) break
        remove(row)
        letters -= 1
        bytes -= sizeOf(row)
        dead += 1
      }
      return { dead, tombstones, emptied: full.length }
    }
  }
}

// helpers

/** What is settled loses its bytes at once, unless something else is said of it. */
const keepSettledMs = 0

type Keyed = Pick<LetterName, 'key'>

const countedBy = <A>({ add, counted }: Counting<A>, rows: readonly Row[]): A => {
  rows.forEach(add)
  return counted()
}

const sizeOf = ({ bytes, original }: Row): number => bytes.length + (original?.length ?? 0)
