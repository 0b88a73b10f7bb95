/** Idempotency: what was done already is not done again. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'

// model

/** A wish to do what a key stands for. */
export interface IdempotencyClaim {
  /** Names the work, within its scope. */
  readonly key: string
  /** Of what the work is done with: another one under the same key is another work. */
  readonly fingerprint: string
  /** Names whoever asks. */
  readonly token: string
  /** How long the work is ours without `renew`, in milliseconds. */
  readonly leaseMs: number
}

/** A key that is ours. */
export type IdempotencyHold = Pick<IdempotencyClaim, 'key' | 'token'>

/**
 * `Begun`: it is ours to do. `Finished`: it was done, with this result. `InFlight`: somebody does it, and holds it so
 * long at least. `Mismatch`: the key stands for something else.
 */
export type IdempotencyState =
  | { readonly _tag: 'Begun' }
  | { readonly _tag: 'Finished'; readonly result: string }
  | { readonly _tag: 'InFlight'; readonly leftMs: number }
  | { readonly _tag: 'Mismatch' }

/** Why a store did not do what it was asked. */
export interface IdempotencyError {
  readonly reason: string
}

/**
 * Remembers what was done, for as long as it keeps it. None of its Tasks rejects. A key is marked as finished after
 * success alone, so that what failed or died can be done again: duplicates stay possible between the effect and
 * its mark, and where a lease ran out.
 */
export interface IdempotencyStore {
  /** One step for all processes that share the store: of many who ask at once, one begins. */
  readonly begin: (claim: IdempotencyClaim) => TaskEither<IdempotencyError, IdempotencyState>
  /** Holds it for `leaseMs` more; `false` if it is no longer ours. */
  readonly renew: (
    claim: IdempotencyHold & { readonly leaseMs: number }
  ) => TaskEither<IdempotencyError, boolean>
  /** Marks it as done; `false` if it is no longer ours, and then nothing is changed. */
  readonly finish: (
    claim: IdempotencyHold & { readonly result: string }
  ) => TaskEither<IdempotencyError, boolean>
  /** Gives it back undone, so that the next who asks begins. What is no longer ours stays as it is. */
  readonly abandon: (claim: IdempotencyHold) => TaskEither<IdempotencyError, void>
}
