/** Verifying: who sent a request, found out before its body is read as anything. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { left } from '../core/result.js'
import { utf8 } from './bytes.js'
import type { UnverifiedRequest } from './request.js'

// model

/** Why a request is refused, in words that its sender may read. */
export interface Unverified {
  readonly reason: string
  /** How to ask better: the value of `WWW-Authenticate`, left out where it cannot stand in a header. */
  readonly challenge?: string
}

/**
 * Says who sent a request. `Right` names the principal: keys of idempotency count within it. The body is read when
 * the function asks for it, so that one which looks at headers alone refuses before anything was read.
 */
export type Verify = (request: UnverifiedRequest) => TaskEither<Unverified, string>

// what verifiers have in common

/** What is longer is not looked at: no sender needs as much. */
export const maxHeaderChars = 4096

/** 112 bits, the least that NIST SP 800-131A takes for a key. */
const minSecretBytes = 14

export const unverified = (reason: string): Either<Unverified, never> => left({ reason })

/** A copy of a secret, or a mistake of configuration, which says by its name whose it is and does not repeat it. */
export const secretBytes = (name: string, secret: string | Uint8Array): Uint8Array => {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array))
    throw new TypeError(`${name}: a secret is a text or bytes${ifUnset}`)
  const bytes = typeof secret === 'string' ? utf8(secret) : Uint8Array.from(secret)
  if (bytes.length < minSecretBytes) {
    const advice = bytes.length === 0 ? ifUnset : `: take ${minSecretBytes} or more`
    throw new TypeError(`${name}: a secret of ${bytes.length} bytes can be guessed${advice}`)
  }
  return bytes
}

const ifUnset = ': is its environment variable set?'

/** Takes as long wherever two of one length differ, so that the time says nothing of what was expected. */
export const isSame = (expected: Uint8Array, presented: Uint8Array): boolean => {
  let difference = expected.length ^ presented.length
  for (const [index, byte] of expected.entries()) difference |= byte ^ (presented[index] ?? 0)
  return difference === 0
}
