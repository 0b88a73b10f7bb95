/** Batches of CloudEvents: one JSON array, taken apart into the bytes of its events. */
import type { Either } from 'fp-ts/lib/Either.js'
import { type Failure, malformed } from '../core/failure.js'
import { json } from '../core/format.js'
import { message } from '../core/message.js'
import { left, right } from '../core/result.js'

// readers

/**
 * The events of a batch as they were sent, each as a part of `bytes` without the space around it. What an event is
 * worth is not asked here; that all of them together are JSON is.
 */
export const eventsOf = (
  bytes: Uint8Array,
  maxEvents = Number.MAX_SAFE_INTEGER
): Either<Failure, readonly Uint8Array[]> => {
  const decoded = json(message(bytes))
  if (decoded._tag === 'Left') return decoded
  if (!Array.isArray(decoded.right)) return notAnArray
  return decoded.right.length > maxEvents
    ? left(malformed([{ path: '', message: `expected at most ${maxEvents} events` }]))
    : right(itemsOf(bytes))
}

// helpers

const notAnArray = left(malformed([{ path: '', message: 'expected an array' }]))

const [quote, comma, openArray, backslash, closeArray, openObject, closeObject] = [
  34, 44, 91, 92, 93, 123, 125
]

/** The items of an array that is known to be JSON, in one pass. */
const itemsOf = (bytes: Uint8Array): readonly Uint8Array[] => {
  const items: Uint8Array[] = []
  let depth = 0
  let start: number | undefined
  let end = 0
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0
    if (isSpace(byte)) continue
    if (depth === 1 && (byte === comma || byte === closeArray)) {
      if (start !== undefined) items.push(bytes.subarray(start, end))
      start = undefined
      continue
    }
    if (depth === 1) start ??= at
    if (byte === quote) at = endOfText(bytes, at)
    else if (byte === openArray || byte === openObject) depth += 1
    else if (byte === closeArray || byte === closeObject) depth -= 1
    end = at + 1
  }
  return items
}

const isSpace = (byte: number): boolean => byte === 32 || byte === 10 || byte === 13 || byte === 9

/** Where the string that begins here has its closing quotation mark. */
const endOfText = (bytes: Uint8Array, start: number): number => {
  let at = start + 1
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
  return at
}
