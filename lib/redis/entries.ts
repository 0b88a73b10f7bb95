/** Entries of streams, as a read replies with them: decoded from bytes as they come in, or from what a client decoded. */
import type { Either } from 'fp-ts/lib/Either.js'
import { left, right } from '../core/result.js'
import { type Cursor, type Value, respReader, types, valueOf } from './resp.js'

// model

/** Names and values in turn; none for an entry that is no longer there. */
export type RawEntry = readonly [id: string, values: readonly Value[] | null]

/** The key of a stream, and what was read of it. */
export type Read = readonly [key: string, entries: readonly RawEntry[]]

/** Takes the bytes of one reply as they come in. */
export interface EntriesDecoder {
  /** @throws Error if this is no reply to a read of streams; nothing can be read behind it. */
  readonly write: (bytes: Buffer) => Decoded | undefined
}

/** A reply that is whole, or the error that the server gave in its place, and what came behind it. */
export interface Decoded {
  readonly reply: Either<Error, readonly Read[]>
  readonly rest: Buffer
}

// constructors

/** Decodes RESP2 and RESP3; `onPush` is given what a server pushes before the reply. */
export const entriesDecoder = (onPush: (bytes: Buffer) => void): EntriesDecoder => {
  const reads: [string, RawEntry[]][] = []
  /** RESP3 puts keys and entries in one list. */
  let isFlat = false
  let streamsLeft: number | undefined
  let entriesLeft = 0
  let error: Error | undefined

  const beginning = (cursor: Cursor): void => {
    switch (cursor.type()) {
      case types.push:
        return onPush(cursor.skip())
      case types.error: {
        const message = cursor.line()
        error = Object.assign(new Error(message), { name: 'ReplyError' })
        streamsLeft = 0
        return
      }
      case types.null:
        cursor.line()
        streamsLeft = 0
        return
      case types.map:
        streamsLeft = cursor.count(types.map)
        isFlat = true
        return
      default:
        streamsLeft = Math.max(0, cursor.count(types.array))
    }
  }

  const stream = (cursor: Cursor): void => {
    if (!isFlat) cursor.count(types.array)
    const key = cursor.text()
    entriesLeft = cursor.count(types.array)
    streamsLeft = (streamsLeft as number) - 1
    reads.push([key, []])
  }

  const entry = (cursor: Cursor): void => {
    const entries = (reads.at(-1) as [string, RawEntry[]])[1]
    const usual = entries.at(-1)?.[1]
    cursor.count(types.array)
    const id = cursor.text()
    const values = cursor.isNull() ? null : valuesLike(usual ?? none, cursor)
    entriesLeft -= 1
    entries.push([id, values])
  }

  /** Names are mostly those of the entry before. */
  const valuesLike = (usual: readonly Value[], cursor: Cursor): readonly Value[] => {
    const length = cursor.count(types.array)
    const values: Value[] = []
    for (let index = 0; index < length; index += 2) values.push(cursor.value(usual[index]), cursor.value())
    return values
  }

  const isWhole = (): boolean => streamsLeft === 0 && entriesLeft === 0
  const step = (cursor: Cursor): boolean => {
    if (streamsLeft === undefined) beginning(cursor)
    else if (entriesLeft === 0) stream(cursor)
    else entry(cursor)
    return !isWhole()
  }
  const read = respReader(step)

  return {
    write: (bytes) => {
      const rest = read(bytes)
      return rest && { reply: error === undefined ? right(reads) : left(error), rest }
    }
  }
}

// conversions

/** Entries by the key of their stream, of a reply that a client decoded to bytes; none where nothing came in time. */
export const entriesOf = (reply: unknown): readonly Read[] => {
  const list = (reply ?? []) as readonly BytesRead[] | readonly (Buffer | readonly BytesEntry[])[]
  const reads: readonly BytesRead[] = isFlat(list)
    ? list.flatMap((key, index) =>
        index % 2 === 0 ? [[key as Buffer, list[index + 1] as readonly BytesEntry[]] as const] : []
      )
    : list
  return reads.map(([key, entries]) => [key.toString(), entries.map(entryOf)])
}

// helpers

type BytesRead = readonly [key: Buffer, entries: readonly BytesEntry[]]
type BytesEntry = readonly [id: Buffer, values: readonly Buffer[] | null]

const isFlat = (
  list: readonly BytesRead[] | readonly (Buffer | readonly BytesEntry[])[]
): list is readonly (Buffer | readonly BytesEntry[])[] => Buffer.isBuffer(list[0])

const entryOf = ([id, values]: BytesEntry): RawEntry => [
  id.toString('latin1'),
  values === null ? null : values.map((value) => valueOf(value, 0, value.length))
]

const none: readonly Value[] = []
