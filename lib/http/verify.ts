/** Verifying: who sent a request, found out before its body is read as anything. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { UnverifiedRequest } from './request.js'

// model

/** Why a request is refused, in words that its sender may read. */
export interface Unverified {
  readonly reason: string
  /** How to ask better: the value of `WWW-Authenticate`. */
  readonly challenge?: string
}

/**
 * Says who sent a request. `Right` names the principal: keys of idempotency count within it. The body is read when
 * the function asks for it, so that one which looks at headers alone refuses before anything was read.
 */
export type Verify = (request: UnverifiedRequest) => TaskEither<Unverified, string>
