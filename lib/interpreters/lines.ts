/** Lines out of chunks of bytes, whatever the chunks' boundaries. */
import { Buffer, isUtf8 } from 'node:buffer'
import { malformed } from '../core/failure.js'
import type { Malformed } from '../core/failure.js'

// model

export interface LineOptions {
  /** Longer lines are cut: of these only the first bytes are kept, and they are malformed. 1 MiB by default. */
  readonly maxLineBytes?: number
  /** Are empty lines left out? They are delivered by default. */
  readonly skipEmpty?: boolean
}

/** A line is a part of a chunk, without its `\n` and one `\r` before it. */
export interface Line {
  readonly chunk: Buffer
  readonly start: number
  readonly end: number
  /** From 1, empty lines counted. */
  readonly number: number
  /** Of a line that was too long. */
  readonly fault: Malformed | undefined
}

export interface LineReader {
  /** Gives the next chunk, once `take` has answered less than it could. */
  readonly feed: (chunk: Buffer) => void
  /** Says that there is no more, so that what is left is the last line. */
  readonly end: () => void
  readonly take: (max: number) => Line[]
  /** How many bytes stand in lines that were taken. */
  readonly takenBytes: () => number
}

// constructors

/** @throws RangeError if `maxLineBytes` makes no sense */
export const lineReader = ({ maxLineBytes = 1_048_576, skipEmpty = false }: LineOptions = {}): LineReader => {
  if (!(Number.isInteger(maxLineBytes) && maxLineBytes >= 1)) {
    throw new RangeError('maxLineBytes is a whole number of at least 1')
  }
  let chunk: Buffer = empty
  let offset = 0
  let number = 0
  let takenBytes = 0
  // The beginning of a line whose end is in a later chunk, of which no more is kept than a line may have and a `\r`.
  let kept: Buffer = empty
  let keptBytes = 0
  let lineBytes = 0
  let lastByte: number | undefined
  let hasEnded = false

  const keep = (until: number): void => {
    const size = Math.min(until - offset, maxLineBytes + 1 - keptBytes)
    if (keptBytes + size > kept.length)
      kept = grown(kept, keptBytes, Math.min(maxLineBytes + 1, (keptBytes + size) * 2))
    chunk.copy(kept, keptBytes, offset, offset + size)
    keptBytes += size
    lineBytes += until - offset
    if (until > offset) lastByte = chunk[until - 1]
  }

  /** The line that ends before `until`, in the chunk or begun in earlier ones. */
  const line = (until: number): Line => {
    number += 1
    if (lineBytes === 0 && until - offset <= maxLineBytes) {
      const end = until > offset && chunk[until - 1] === carriageReturn ? until - 1 : until
      return { chunk, start: offset, end, number, fault: undefined }
    }
    keep(until)
    const size = lastByte === carriageReturn ? lineBytes - 1 : lineBytes
    const isTooLong = size > maxLineBytes
    const begun = kept.subarray(0, isTooLong ? Math.min(maxLineBytes, prefixBytes) : size)
    kept = empty
    keptBytes = lineBytes = 0
    return {
      chunk: begun,
      start: 0,
      end: begun.length,
      number,
      fault: isTooLong ? tooLong(size, maxLineBytes) : undefined
    }
  }

  return {
    feed: (next) => {
      chunk = next
      offset = 0
    },
    end: () => {
      hasEnded = true
    },
    take: (max) => {
      const lines: Line[] = []
      while (lines.length < max && offset < chunk.length) {
        const newline = chunk.indexOf(lineFeed, offset)
        if (newline === -1) {
          keep(chunk.length)
          offset = chunk.length
          break
        }
        takenBytes += lineBytes + newline + 1 - offset
        const next = line(newline)
        offset = newline + 1
        if (!skipEmpty || next.end > next.start) lines.push(next)
      }
      if (hasEnded && lines.length < max && lineBytes > 0) {
        takenBytes += lineBytes
        const last = line(offset)
        if (!skipEmpty || last.end > last.start) lines.push(last)
      }
      return lines
    },
    takenBytes: () => takenBytes
  }
}

// conversions

/** A part of a chunk as text, without a leading byte order mark; `undefined` if it is not UTF-8. */
export const strictText = (chunk: Buffer, start: number, end: number): string | undefined => {
  const text = chunk.toString('utf8', start, end)
  if (text.includes('\ufffd') && !isUtf8(chunk.subarray(start, end))) return undefined
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

// helpers

const lineFeed = 10
const carriageReturn = 13
/** How much is kept of a line that is too long. */
const prefixBytes = 65_536
const empty = Buffer.alloc(0)

const grown = (bytes: Buffer, used: number, size: number): Buffer => {
  const larger = Buffer.allocUnsafeSlow(Math.max(size, 1_024))
  bytes.copy(larger, 0, 0, used)
  return larger
}

const tooLong = (size: number, maxLineBytes: number): Malformed =>
  malformed([
    {
      path: '',
      message: `a line of ${size} bytes, over the limit of ${maxLineBytes}; only its beginning is kept`
    }
  ])
