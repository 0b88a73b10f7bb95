/** RESP, the protocol of Redis: values read from bytes as they come in. */
import { isAscii } from 'node:buffer'

// model

/** An id, a name or a value: text, which costs less than bytes while many wait, unless something would be lost by that. */
export type Value = string | Buffer

// constructors

/**
 * Takes the next bytes and has `step` read them, value by value: what is not all there yet is read again with what comes.
 * Gives the bytes that are left once `step` says that it was the last.
 */
export const respReader = (step: (cursor: Cursor) => boolean): ((bytes: Buffer) => Buffer | undefined) => {
  /** Chunks of what is far from whole wait, as to put them together for each one would take ever longer. */
  let chunks: Buffer[] = []
  let size = 0
  let needed = 0
  return (bytes) => {
    chunks.push(bytes)
    size += bytes.length
    if (size < needed) return undefined
    const cursor = new Cursor(chunks.length === 1 ? bytes : Buffer.concat(chunks, size))
    let from = 0
    try {
      while (step(cursor)) from = cursor.at
      return cursor.bytes.subarray(cursor.at)
    } catch (thrown) {
      if (thrown !== incomplete) throw thrown
      chunks = from === cursor.bytes.length ? [] : [cursor.bytes.subarray(from)]
      size = cursor.bytes.length - from
      needed = cursor.needed - from
      return undefined
    }
  }
}

// conversions

export const valueOf = (bytes: Buffer, from: number, to: number): Value => {
  const text = bytes.toString('utf8', from, to)
  return text.includes('\ufffd') ? Buffer.from(bytes.subarray(from, to)) : text
}

// helpers

/** Thrown where the bytes end before what is read does. */
const incomplete = Symbol('incomplete')

/** The first bytes of values. */
export const types = {
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
export class Cursor {
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
    if (typeof usual === 'string' && to - from === usual.length && this.isAt(from, usual)) return usual
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
  /** The bytes of a string, which are a part of all that came in with them. */
  part(): Buffer {
    const from = this.bulk()
    return this.bytes.subarray(from, this.at - 2)
  }
  /** Goes on behind a type and this, if that is what comes. */
  take(text: string): boolean {
    const from = this.at + 1
    const isThere = this.isAt(from, text)
    if (isThere) this.at = from + text.length
    return isThere
  }
  /** Where the bytes of a string begin; goes on behind it. */
  private bulk(): number {
    const length = this.count(types.bulk)
    if (length < 0) throw this.unexpected()
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
  private isAt(from: number, text: string): boolean {
    for (let index = 0; index < text.length; index += 1)
      if (this.bytes[from + index] !== text.charCodeAt(index)) return false
    return true
  }
  private unexpected(): Error {
    const found = this.bytes.toString('latin1', this.at, this.at + 20)
    return new Error(`Redis sent something else than it was asked for: ${JSON.stringify(found)}`)
  }
}
