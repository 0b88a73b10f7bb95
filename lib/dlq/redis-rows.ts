/** The rows of a queue in Redis: found, stored and changed one by one, each in one step. */
import type { LetterState } from '../core/letter.js'
import type { Connection, Script } from '../redis/connection.js'
import type { StreamEntry } from '../redis/entry.js'
import type { RedisArgument } from '../redis/like.js'
import type { Keys } from './redis-keys.js'
import {
  type Entry,
  type Kind,
  type Stored,
  entryOf,
  kindIdOf,
  kindOfText,
  kindText,
  memberOf,
  states,
  storedOf,
  writtenOf
} from './redis-record.js'
import {
  changeScript,
  expiredScript,
  findScript,
  kindsScript,
  namesScript,
  putScript,
  readScript,
  removeScript,
  sweepScript,
  totalsScript,
  windowScript
} from './redis-scripts.js'
import type { Row } from './row.js'

// model

/** A letter ready to be stored, and the entry that is to be acknowledged with it. */
export interface Putting {
  readonly parts: readonly RedisArgument[]
  readonly weight: number
  readonly entry: StreamEntry | undefined
}

/** What became of a change: where somebody was faster the row is `now` another, or gone. */
export type Changed = { readonly isDone: true } | { readonly isDone: false; readonly now: Stored | undefined }

export interface Window {
  readonly states: readonly LetterState[]
  readonly from: number
  readonly to: number
  readonly isNewest: boolean
  readonly limit: number
}

export interface Rows {
  /** Stores letters that are not there yet. Of each that is there it gives the row, and does nothing. */
  readonly put: (puttings: readonly Putting[]) => Promise<readonly (Stored | undefined)[]>
  readonly change: (before: Stored, after: Row, how: HowToChange) => Promise<Changed>
  readonly find: (key: string, withBytes: boolean) => Promise<Stored | undefined>
  /** Those of these numbers that are there. */
  readonly read: (seqs: readonly number[], withBytes: boolean) => Promise<readonly Stored[]>
  /** Of each state what its index has. */
  readonly window: (window: Window) => Promise<readonly (readonly Entry[])[]>
  /** The numbers of letters whose keys begin so. */
  readonly named: (beginnings: readonly string[]) => Promise<readonly number[]>
  readonly totals: (states: readonly LetterState[]) => Promise<{
    readonly last: number
    readonly counts: readonly number[]
  }>
  readonly kinds: (ids: readonly string[]) => Promise<readonly Kind[]>
  /** Some of the letters whose leases have ended. */
  readonly expired: (now: number, limit: number) => Promise<readonly Stored[]>
  /** Removes those that are still as they were, and tells how many. */
  readonly remove: (entries: readonly Entry[]) => Promise<number>
  /** Removes kinds that no letter is of any more, once there are many of them. */
  readonly sweep: () => Promise<void>
}

export interface HowToChange {
  /** Is the row that somebody else made of it wanted with its bytes? */
  readonly withBytes: boolean
  readonly entry: StreamEntry | undefined
}

// constructors

/**
 * A row as it is stored where it is not there: without the lease that it was put under, which is another's. Throws
 * if it cannot be stored, so that this is found out before it is among others.
 */
export const puttingOf = (put: Row, entry?: StreamEntry): Putting => {
  const row: Row = { ...put, owner: null, token: null, leaseUntil: null }
  const { key, state, bytes, original } = row
  if (!/^[0-9a-f]{40}$/.test(key)) throw new TypeError(`${JSON.stringify(key)} is no key of a letter`)
  if (!states.includes(state)) throw new TypeError(`${JSON.stringify(state)} is no state of a letter`)
  const { index, text } = writtenOf(row)
  const named = [key, state, index, kindIdOf(row), kindText(row), text]
  return {
    parts: [...named, bufferOf(bytes), ...given(original)],
    weight: text.length + bytes.length,
    entry
  }
}

export const rowsOf = (connection: Connection, { all }: Keys): Rows => {
  const run = (script: Script, parts: readonly RedisArgument[]): Promise<unknown> =>
    connection.run(script, all, parts)
  const runBytes = (
    script: Script,
    parts: readonly RedisArgument[],
    more: readonly string[] = []
  ): Promise<unknown> => connection.runBytes(script, [...all, ...more], parts)

  return {
    put: async (puttings) => {
      const streams = [
        ...new Set(puttings.flatMap(({ entry }) => (entry === undefined ? [] : [entry.stream])))
      ]
      const parts = puttings.flatMap(({ parts, entry }) => [
        ...parts,
        ...entryParts(entry, all.length + 1 + streams.indexOf(entry?.stream ?? ''))
      ])
      const there = (await runBytes(putScript, parts, streams)) as readonly (Found | null)[]
      return there.map(foundOf)
    },
    change: async (before, after, { withBytes, entry }) => {
      const { index, text, leaseUntil } = writtenOf(after, before)
      const { row, seq } = before
      const parts: readonly RedisArgument[] = [
        row.key,
        seq,
        row.state,
        memberOf(seq, before.index),
        after.state,
        memberOf(seq, index),
        kindIdOf(after),
        kindText(after),
        text,
        leaseUntil ?? '',
        ...(after.bytes === row.bytes ? ['0', ''] : ['1', bufferOf(after.bytes)]),
        ...(after.original === row.original ? ['', ''] : given(after.original)),
        withBytes ? '1' : '0',
        ...entryParts(entry, all.length + 1)
      ]
      const streams = entry === undefined ? [] : [entry.stream]
      const [isDone, now] = (await runBytes(changeScript, parts, streams)) as readonly [number, Found | null]
      return isDone === 1 ? { isDone: true } : { isDone: false, now: foundOf(now) }
    },
    find: async (key, withBytes) =>
      foundOf((await runBytes(findScript, [key, withBytes ? '1' : '0'])) as Found | null),
    read: async (seqs, withBytes) => {
      const found = (await runBytes(readScript, [
        withBytes ? '1' : '0',
        ...seqs
      ])) as readonly (Found | null)[]
      return found.flatMap((each) => foundOf(each) ?? [])
    },
    window: async ({ states, from, to, isNewest, limit }) => {
      const parts = [isNewest ? 'newest' : 'oldest', from, to, limit, ...states]
      const found = (await run(windowScript, parts)) as readonly (readonly string[])[]
      return found.map((members, index) =>
        members.map((member) => entryOf(states[index] as LetterState, member))
      )
    },
    named: async (beginnings) => {
      const bounds = beginnings.flatMap((beginning) => [`[${beginning}`, `(${beginning}~`])
      const found = (await run(namesScript, bounds)) as readonly string[]
      return found.map((name) => Number(name.slice(name.lastIndexOf(':') + 1)))
    },
    totals: async (states) => {
      const [last = 0, ...counts] = (await run(totalsScript, states)) as readonly number[]
      return { last, counts }
    },
    kinds: async (ids) => ((await run(kindsScript, ids)) as readonly (string | null)[]).map(kindOfText),
    expired: async (now, limit) => {
      const found = (await runBytes(expiredScript, [now, limit])) as readonly Found[]
      return found.flatMap((each) => foundOf(each) ?? [])
    },
    sweep: async () => void (await run(sweepScript, [])),
    remove: async (entries) => {
      const [first] = entries
      if (first === undefined) return 0
      return Number(
        await run(removeScript, [first.state, ...entries.flatMap(({ seq, member }) => [seq, member])])
      )
    }
  }
}

// helpers

/** Number, row, and bytes and original where they were wanted. */
type Found = readonly [seq: Buffer, text: Buffer, bytes?: Buffer | null, original?: Buffer | null]

const foundOf = (found: Found | null): Stored | undefined =>
  found === null ? undefined : storedOf(Number(found[0]), String(found[1]), found[2], found[3])

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const given = (original: Uint8Array | null): readonly RedisArgument[] =>
  original === null ? ['0', ''] : ['1', bufferOf(original)]

/** `at`: where the stream is among the keys of the script. */
const entryParts = (entry: StreamEntry | undefined, at: number): readonly RedisArgument[] =>
  entry === undefined ? ['', '', '', ''] : [at, entry.group, entry.consumer, entry.id]
