/** Lines out of chunks of bytes, whatever the chunks' boundaries. */
import { Buffer, isAscii, isUtf8 } from 'node:buffer'
import { type Malformed, malformed } from '../core/failure.js'
import { withoutMark } from '../core/format.js'

// model

/** What a line is. */
export interface LineOptions {
  /** Longer lines are cut: of these only the first bytes are kept, and they are malformed. 1 MiB by default. */
  readonly maxLineBytes?: number
  /** Are empty lines left out? They are delivered by default. */
  readonly skipEmpty?: boolean
}

/** Bytes, and the same as text if it is all ASCII: then both have the same offsets. */
export interface Chunk {
  readonly bytes: Buffer
  readonly text: string | undefined
}

/** Makes something of a line: the part of a chunk from `start` to `end`, without its `\n` and one `\r` before it. */
export type MakeLine<L> = (
  chunk: Chunk,
  start: number,
  end: number,
  /** From 1, empty lines counted. */
  number: number,
  /** Of a line that was too long. */
  fault: Malformed | undefined
) => L

export interface LineReader<L> {
  /** Gives the next bytes, once `take` has answered less than it could. */
  readonly feed: (bytes: Buffer) => void
  /** Says that there is no more, so that what is left is the last line. */
  readonly end: () => void
  readonly take: (max: number) => L[]
  /** How many bytes stand in lines that were taken. */
  readonly takenBytes: () => number
}

// constructors

/** @throws RangeError if `maxLineBytes` makes no sense */
export const lineReader = <L>(make: MakeLine<L>, options: LineOptions = {}): LineReader<L> => {
  const { skipEmpty = false } = options
  const maxLineBytes = maxLineBytesOf(options)
  let fed: Buffer = empty
  let fedUntil = 0
  let chunk: Chunk = { bytes: empty, text: '' }
  let offset = 0
  let number = 0
  let takenBytes = 0
  // The beginning of a line whose end is in a later chunk: no more is kept than a line may have, and a `\r`.
  let kept: Buffer = empty
  let keptBytes = 0
  let lineBytes = 0
  let lastByte: number | undefined
  let hasEnded = false

  const nextChunk = (): boolean => {
    if (fedUntil === fed.length) return false
    const bytes = fed.subarray(fedUntil, fedUntil + chunkBytes)
    fedUntil += bytes.length
    // One text for all of its lines costs a fraction of one for each.
    chunk = { bytes, text: isAscii(bytes) ? bytes.toString('latin1') : undefined }
    offset = 0
    return true
  }

  const keep = (until: number): void => {
    const size = Math.min(until - offset, maxLineBytes + 1 - keptBytes)
    if (keptBytes + size > kept.length) {
      kept = grown(kept, keptBytes, Math.min(maxLineBytes + 1, (keptBytes + size) * 2))
    }
    chunk.bytes.copy(kept, keptBytes, offset, offset + size)
    keptBytes += size
    lineBytes += until - offset
    if (until > offset) lastByte = chunk.bytes[until - 1]
  }

  /** Adds the line that ends before `until`, in this chunk or begun in earlier ones. */
  const add = (lines: L[], until: number): void => {
    number += 1
    if (lineBytes === 0 && until - offset <= maxLineBytes) {
      const end = until > offset && chunk.bytes[until - 1] === carriageReturn ? until - 1 : until
      if (!skipEmpty || end > offset) lines.push(make(chunk, offset, end, number, undefined))
      return
    }
    keep(until)
    const size = lastByte === carriageReturn ? lineBytes - 1 : lineBytes
    const isTooLong = size > maxLineBytes
    const bytes = kept.subarray(0, isTooLong ? Math.min(maxLineBytes, prefixBytes) : size)
    kept = empty
    keptBytes = lineBytes = 0
    if (skipEmpty && size === 0) return
    const fault = isTooLong ? tooLong(size, maxLineBytes) : undefined
    lines.push(make({ bytes, text: undefined }, 0, bytes.length, number, fault))
  }

  return {
    feed: (bytes) => {
      fed = bytes
      fedUntil = 0
    },
    end: () => {
      hasEnded = true
    },
    take: (max) => {
      const lines: L[] = []
      while (lines.length < max && (offset < chunk.bytes.length || nextChunk())) {
        const newline =
          chunk.text === undefined ? chunk.bytes.indexOf(lineFeed, offset) : chunk.text.indexOf('\n', offset)
        if (newline === -1) {
          keep(chunk.bytes.length)
          offset = chunk.bytes.length
        } else {
          takenBytes += lineBytes + newline + 1 - offset
          add(lines, newline)
          offset = newline + 1
        }
      }
      if (hasEnded && lines.length < max && lineBytes > 0) {
        takenBytes += lineBytes
        add(lines, offset)
      }
      return lines
    },
    takenBytes: () => takenBytes
  }
}

// readers

/** @throws RangeError if it makes no sense */
export const maxLineBytesOf = ({ maxLineBytes = 1_048_576 }: LineOptions): number => {
  if (!(Number.isInteger(maxLineBytes) && maxLineBytes >= 1))
    throw new RangeError('lines: maxLineBytes is a whole number of at least 1')
  return maxLineBytes
}

// conversions

/** A part of a chunk as text, without a leading byte order mark; `undefined` if it is not UTF-8. */
export const textOfPart = ({ bytes, text }: Chunk, start: number, end: number): string | undefined => {
  if (text !== undefined) return text.slice(start, end)
  const decoded = bytes.toString('utf8', start, end)
  if (decoded.includes('\ufffd') && !isUtf8(bytes.subarray(start, end))) return undefined
  return withoutMark(decoded)
}

// helpers

const lineFeed = 10
const carriageReturn = 13
/** More would be too large for the engine's young strings. */
const chunkBytes = 65_536
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
