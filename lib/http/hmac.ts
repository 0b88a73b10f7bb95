/** Signatures by HMAC (RFC 2104): who shares a secret signs what it sends, and does not send the secret. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import { right } from '../core/result.js'
import { systemClock } from '../system.js'
import { toBase64, toHex, utf8 } from './bytes.js'
import type { HttpRequest } from './request.js'
import { type Unverified, type Verify, isSame, maxHeaderChars, secretBytes, unverified } from './verify.js'

// model

/** Text counts as its UTF-8. */
export type Secret = string | Uint8Array

/** Where a value stands: `{ header: 'stripe-signature', separator: ',', prefix: 'v1=' }` is each `v1=` of a list. */
export interface HeaderPart {
  readonly header: string
  /** What stands between the parts of the header; without it, the header is one part. */
  readonly separator?: string
  /** What is before the value. Parts that begin otherwise are passed over. */
  readonly prefix?: string
}

/** Where the signatures stand, and how they are made. */
export interface HmacOptions extends HeaderPart {
  /** Several while one takes another's place: any of them will do. */
  readonly secrets: Secret | readonly Secret[]
  /** sha256, unless given. */
  readonly algorithm?: 'sha1' | 'sha256' | 'sha512'
  /** hex, in either case, unless given. */
  readonly encoding?: 'hex' | 'base64'
  /**
   * The pieces that are signed, one after the other; the body alone, unless given. `timestamp` is as it was sent. A
   * request that lacks a piece, which is `undefined` then, is refused.
   */
  readonly signed?: (
    request: HttpRequest,
    body: Uint8Array,
    timestamp: string
  ) => readonly (Secret | undefined)[]
  /** Where it says when it was signed, in seconds since the epoch; `signed` is to contain it. */
  readonly timestamp?: HeaderPart
  /** How far the timestamp may be from now, in the past or the future. 5 minutes, unless given. */
  readonly toleranceMs?: number
  readonly clock?: Clock
  /** Whom a good signature stands for. `hmac`, unless given. */
  readonly principal?: string
}

// constructors

/**
 * Lets in who signs the bytes of the body. The options say where the signatures stand; of several one is to match,
 * compared in constant time. A request without a signature, or with a timestamp that is too far from now, is refused
 * before its body is read; a header that was sent twice is not well-formed, unless it is a list. Options that do not
 * fit are a TypeError, and so are short secrets.
 *
 * @example
 * const verify = hmac({ secrets: 'not for production', header: 'x-signature', principal: 'shop' })
 * const request: UnverifiedRequest = {
 *   _tag: 'HttpRequest',
 *   method: 'POST',
 *   path: '/orders',
 *   query: '',
 *   headers: { 'x-signature': 'aa3d75db0dd1944b0e6e6fbdaab0b29482b9358be5e4bf2030274f3c4a85963c' },
 *   principal: undefined,
 *   body: async () => new TextEncoder().encode('Hello')
 * }
 * assert.equal(await verify(request)(), right('shop'))
 *
 * @since 0.1.0
 */
export const hmac = (options: HmacOptions): Verify => hmacOf('hmac', options)

/** The same by another name, which is told with what is wrong. */
export const hmacOf = (name: string, options: HmacOptions): Verify => {
  const { algorithm = 'sha256', encoding = 'hex', signed = bodyAlone, timestamp } = options
  const { toleranceMs = 300_000, clock = systemClock, principal = 'hmac' } = options
  const problem = problemOf({ ...options, algorithm, encoding, toleranceMs, principal })
  if (problem !== undefined) throw new TypeError(`${name}: ${problem}`)
  const secrets = [options.secrets].flat().map((secret) => secretBytes(name, secret))
  const isSignature = formOf(encoding, digestBytes[algorithm])
  let keys: readonly Key[] | undefined

  /** The text of the timestamp; none where none is wanted. */
  const timeOf = (request: HttpRequest): Either<Unverified, string> => {
    if (timestamp === undefined) return right('')
    const times = partsOf(request, timestamp, (text) => /^\d{1,12}$/.test(text))
    if (times._tag === 'Left') return times
    const [time, another] = times.right
    if (time === undefined || another !== undefined) return notWellFormed(timestamp)
    const ageMs = clock.now() - Number(time) * 1000
    if (ageMs > toleranceMs) return unverified('the timestamp is too old')
    return ageMs < -toleranceMs ? unverified('the timestamp is from the future') : right(time)
  }

  /** What the header would be; each secret is used once, however many signatures were sent. */
  const expectedFor = async (bytes: Uint8Array): Promise<readonly Uint8Array[]> => {
    const imported = keys ?? (await Promise.all(secrets.map((secret) => keyOf(secret, algorithm))))
    keys = imported
    const signing = imported.map(async (key) => new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes)))
    return (await Promise.all(signing)).map((signature) => utf8(encoded[encoding](signature)))
  }

  return (request) => async () => {
    const signatures = partsOf(request, options, isSignature)
    if (signatures._tag === 'Left') return signatures
    const time = timeOf(request)
    if (time._tag === 'Left') return time
    const bytes = joined(signed(request, await request.body(), time.right))
    if (bytes === undefined) return unverified('what is signed is not complete or not well-formed')
    const presented = signatures.right.map((text) => utf8(encoding === 'hex' ? text.toLowerCase() : text))
    const matches = (await expectedFor(bytes)).flatMap((expected) =>
      presented.filter((signature) => isSame(expected, signature))
    )
    return matches.length === 0 ? unverified('the signature does not match') : right(principal)
  }
}

// reading headers

const notWellFormed = ({ header }: HeaderPart) => unverified(`${header.toLowerCase()} is not well-formed`)

/** All values at this place, one at least, each as it is to be. */
const partsOf = (
  { headers }: HttpRequest,
  part: HeaderPart,
  isValue: (text: string) => boolean
): Either<Unverified, readonly string[]> => {
  const { header, separator, prefix = '' } = part
  const value = headers[header.toLowerCase()]
  if (value === undefined) return unverified(`${header.toLowerCase()} is missing`)
  if (value.length > maxHeaderChars) return notWellFormed(part)
  const parts = separator === undefined ? [value] : value.split(separator).map((text) => text.trim())
  const values = parts.filter((text) => text.startsWith(prefix)).map((text) => text.slice(prefix.length))
  return values.length > 0 && values.every(isValue) ? right(values) : notWellFormed(part)
}

const formOf =
  (encoding: 'hex' | 'base64', bytes: number) =>
  (text: string): boolean =>
    encoding === 'hex'
      ? text.length === bytes * 2 && /^[0-9a-f]+$/i.test(text)
      : text.length === Math.ceil(bytes / 3) * 4 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)

// signing

/** A key as Web Crypto has it: its name is not global in every runtime's types. */
type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>

const digestBytes = { sha1: 20, sha256: 32, sha512: 64 }

const encoded = { hex: toHex, base64: toBase64 }

const keyOf = (secret: Uint8Array, algorithm: keyof typeof digestBytes): Promise<Key> => {
  const hash = algorithm.replace('sha', 'SHA-') // as Web Crypto writes it
  return crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash }, false, ['sign'])
}

const bodyAlone = (_: HttpRequest, body: Uint8Array): readonly Secret[] => [body]

/** `undefined` where a piece is. */
const joined = (pieces: readonly (Secret | undefined)[]): Uint8Array | undefined => {
  const chunks = pieces.map((piece) => (typeof piece === 'string' ? utf8(piece) : piece))
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + (chunk?.length ?? 0), 0))
  let at = 0
  for (const chunk of chunks) {
    if (chunk === undefined) return undefined
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

// mistakes of configuration

const problemOf = (
  options: HmacOptions & Required<Pick<HmacOptions, 'algorithm' | 'encoding' | 'toleranceMs' | 'principal'>>
): string | undefined => {
  const { secrets, algorithm, encoding, signed, timestamp, toleranceMs, principal } = options
  if (Array.isArray(secrets) && secrets.length === 0) return 'it needs a secret, or nobody is let in'
  if (!Object.hasOwn(digestBytes, algorithm)) return 'the algorithm is sha1, sha256 or sha512'
  if (!Object.hasOwn(encoded, encoding)) return 'the encoding is hex or base64'
  if (timestamp !== undefined && signed === undefined)
    return 'a timestamp that is not signed proves nothing: say by `signed` how it is'
  if (!(toleranceMs >= 0)) return 'toleranceMs is a number of milliseconds, 0 or more'
  const places = timestamp === undefined ? [options] : [options, timestamp]
  if (places.some(({ header, separator }) => !header || separator === ''))
    return 'a header needs a name, and a separator a character'
  return principal === '' ? 'a principal needs a name' : undefined
}
