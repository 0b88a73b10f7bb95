/** Formats: how the bytes of a message become a body. */
import type { Either } from 'fp-ts/lib/Either.js'
import { type Failure, malformed } from './failure.js'
import type { Json } from './json.js'
import { type Message, textOf } from './message.js'
import { left, right } from './result.js'

// model

/** One function makes a format; it must be pure. `Left(malformed(...))` says where the bytes are wrong. */
export type Format<B> = (message: Message) => Either<Failure, B>

// constructors

/** The payload as it arrived. */
export const bytes: Format<Uint8Array> = (message) => right(message.bytes)

/** UTF-8, without a leading byte order mark. Bytes that are no UTF-8 are `Malformed`, never replaced. */
export const text: Format<string> = (message) => {
  const decoded = textOf(message)
  return decoded === undefined ? notText : right(decoded)
}

/**
 * JSON in UTF-8.
 *
 * @example
 * assert.equal(json(message('{"total":3}')), right({ total: 3 }))
 * assert.equal(json(message('Hello')), left(malformed([{ path: '', message: 'not JSON' }])))
 *
 * @since 0.1.0
 */
export const json: Format<Json> = (message) => {
  const decoded = textOf(message)
  if (decoded === undefined) return notText
  try {
    return right(JSON.parse(decoded) as Json)
  } catch (error) {
    return left(malformed([{ path: '', message: `not JSON${position(error)}` }]))
  }
}

// conversions

/** Text without a byte order mark before it, for sources that decode by themselves. */
export const withoutMark = (decoded: string): string =>
  decoded.charCodeAt(0) === 0xfeff ? decoded.slice(1) : decoded

// helpers

const notText = left(malformed([{ path: '', message: 'not UTF-8' }]))

/** Engines quote the payload in their messages; only the position is kept, where they give one. */
const position = (error: unknown): string => / at position \d+/.exec(String(error))?.[0] ?? ''
