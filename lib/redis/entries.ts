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
  const reads: Read[] = []
  let entries: RawEntry[] = []
  let isBegun = false
  /** RESP3 has a map of keys where RESP2 has a list of pairs. */
  let isMap = false
  let streamsLeft = 0
  let entriesLeft = 0
  let error: Error | undefined

  const beginning = (cursor: Cursor): void => {
    const type = cursor.type()
    if (type === types.push) return onPush(cursor.skip())
    if (type === types.error) error = Object.assign(new Error(cursor.line()), { name: 'ReplyError' })
    else if (type === types.null) cursor.line()
    else {
      isMap = type === types.map
      streamsLeft = Math.max(0, cursor.count(isMap ? types.map : types.array))
    }
    isBegun = true
  }

  const stream = (cursor: Cursor): void => {
    if (!isMap) cursor.count(types.array)
    const key = cursor.text()
    entriesLeft = cursor.count(types.array)
    streamsLeft -= 1
    entries = []
    reads.push([key, entries])
  }

  const entry = (cursor: Cursor): void => {
    cursor.count(types.array)
    const id = cursor.text()
    const values = cursor.isNull() ? null : valuesLike(entries.at(-1)?.[1] ?? none, cursor)
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

  const read = respReader((cursor) => {
    if (!isBegun) beginning(cursor)
    else if (entriesLeft === 0) stream(cursor)
    else entry(cursor)
    return !isBegun || streamsLeft > 0 || entriesLeft > 0
  })

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
