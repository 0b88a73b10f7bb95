/** Entries of streams, as a read replies with them: decoded from bytes as they come in, or from what a client decoded. */
import { isAscii } from 'node:buffer'
import type { Either } from 'fp-ts/lib/Either.js'
import { left, right } from '../core/result.js'

// model

/** An id, a name or a value: text, which costs less than bytes while many wait, unless something would be lost by that. */
export type Value = string | Buffer

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
  let cursor = new Cursor(noBytes)
  /** RESP3 puts keys and entries in one list. */
  let isFlat = false
  let streamsLeft: number | undefined
  let entriesLeft = 0
  let error: Error | undefined

  const beginning = (): void => {
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

  const stream = (): void => {
    if (!isFlat) cursor.count(types.array)
    const key = cursor.text()
    entriesLeft = cursor.count(types.array)
    streamsLeft = (streamsLeft as number) - 1
    reads.push([key, []])
  }

  const entry = (): void => {
    const entries = (reads.at(-1) as [string, RawEntry[]])[1]
    const usual = entries.at(-1)?.[1]
    cursor.count(types.array)
    const id = cursor.text()
    const values = cursor.isNull() ? null : valuesLike(usual ?? none)
    entriesLeft -= 1
    entries.push([id, values])
  }

  /** Names are mostly those of the entry before. */
  const valuesLike = (usual: readonly Value[]): readonly Value[] => {
    const length = cursor.count(types.array)
    const values: Value[] = []
    for (let index = 0; index < length; index += 2) values.push(cursor.value(usual[index]), cursor.value())
    return values
  }

  const step = (): void => {
    if (streamsLeft === undefined) beginning()
    else if (entriesLeft === 0) stream()
    else entry()
  }

  /** Chunks of what is far from whole wait, as to put them together for each one would take ever longer. */
  let chunks: Buffer[] = []
  let size = 0

  return {
    write: (bytes) => {
      chunks.push(bytes)
      size += bytes.length
      if (size < cursor.needed) return undefined
      cursor = new Cursor(chunks.length === 1 ? bytes : Buffer.concat(chunks, size))
      while (streamsLeft !== 0 || entriesLeft > 0) {
        const from = cursor.at
        try {
          step()
        } catch (thrown) {
          if (thrown !== incomplete) throw thrown
          chunks = [cursor.bytes.subarray(from)]
          size = cursor.bytes.length - from
          cursor.needed -= from
          return undefined
        }
      }
      const rest = cursor.bytes.subarray(cursor.at)
      return { reply: error === undefined ? right(reads) : left(error), rest }
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

const valueOf = (bytes: Buffer, from: number, to: number): Value => {
  const text = bytes.toString('utf8', from, to)
  return text.includes('\ufffd') ? Buffer.from(bytes.subarray(from, to)) : text
}

const none: readonly Value[] = []
const noBytes = Buffer.alloc(0)

/** Thrown where the bytes end before what is read does. */
const incomplete = Symbol('incomplete')

/** The first bytes of values in RESP. */
const types = {
  array: 0x2a, // *
  bulk: 0x24, // $
  error: 0x2d, // -
  map: 0x25, // %
  null: 0x5f, // _
  push: 0x3e // >
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
const zero = 0x30
const minus = 0x2d

/** Reads values one behind the other. */
class Cursor {
  at = 0
  /** So many bytes are needed to go on, as far as is known. */
  needed = 0
  private readonly isText: boolean
  constructor(readonly bytes: Buffer) {
    this.isText = isAscii(bytes)
  }
  type(): number {
    if (this.at >= this.bytes.length) throw incomplete
    return this.bytes[this.at] as number
  }
  /** What a line says behind its type. */
  line(): string {
    const end = this.bytes.indexOf(lineFeed, this.at)
    if (end === -1) throw incomplete
    const text = this.bytes.toString('utf8', this.at + 1, end - 1)
    this.at = end + 1
    return text
  }
  /** The number in a line of this type. */
  count(type: number): number {
    const { bytes } = this
    if (this.type() !== type) throw this.unexpected()
    let count = 0
    let at = this.at + 1
    const isNegative = bytes[at] === minus
    if (isNegative) at += 1
    for (; bytes[at] !== carriageReturn; at += 1) {
      if (at >= bytes.length) throw incomplete
      const digit = (bytes[at] as number) - zero
      if (digit < 0 || digit > 9) throw this.unexpected()
      count = count * 10 + digit
    }
    if (at + 2 > bytes.length) throw incomplete
    this.at = at + 2
    return isNegative ? -count : count
  }
  /** Is there nothing in the place of a list? Then goes on behind that. */
  isNull(): boolean {
    const from = this.at
    if (this.type() === types.null) this.line()
    else if (this.count(types.array) >= 0) this.at = from
    return this.at !== from
  }
  text(): string {
    const from = this.bulk()
    return this.bytes.toString(this.isText ? 'latin1' : 'utf8', from, this.at - 2)
  }
  /** A value that may well be this one. */
  value(usual?: Value): Value {
    const from = this.bulk()
    const to = this.at - 2
    if (!this.isText) return valueOf(this.bytes, from, to)
    if (typeof usual === 'string' && this.isAt(from, to, usual)) return usual
    return this.bytes.toString('latin1', from, to)
  }
  /** The bytes of a value of any type. */
  skip(): Buffer {
    const from = this.at
    for (let left = 1; left > 0; left -= 1) {
      const mark = String.fromCharCode(this.type())
      const count = Number(this.line())
      if ('$=!'.includes(mark) && count >= 0) this.advance(this.at + count + 2)
      else if ('*~>'.includes(mark)) left += Math.max(0, count)
      else if ('%|'.includes(mark)) left += 2 * count
    }
    return this.bytes.subarray(from, this.at)
  }
  /** Where the bytes of a string begin; goes on behind it. */
  private bulk(): number {
    const length = this.count(types.bulk)
    const from = this.at
    this.advance(from + length + 2)
    return from
  }
  private advance(to: number): void {
    if (to > this.bytes.length) {
      this.needed = to
      throw incomplete
    }
    this.at = to
  }
  private isAt(from: number, to: number, text: string): boolean {
    if (to - from !== text.length) return false
    for (let index = 0; index < text.length; index += 1)
      if (this.bytes[from + index] !== text.charCodeAt(index)) return false
    return true
  }
  private unexpected(): Error {
    const found = this.bytes.toString('latin1', this.at, this.at + 20)
    return new Error(`Redis gave no entries to a read, but ${JSON.stringify(found)}`)
  }
}
