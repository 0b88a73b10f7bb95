/** Dead letters, and the queues that take them. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Failure } from './failure.js'

// model

/** One run of the pipeline on a message, and how it failed. */
export interface Attempt {
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly durationMs: number
  readonly failure: Failure
}

/** A message that could not be handled, and why. */
export interface DeadLetter {
  readonly id: string
  readonly source: string
  readonly bytes: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  /** The route that took the message, if one did. */
  readonly route: string | undefined
  readonly failure: Failure
  /** The attempts of this delivery, the last one included. */
  readonly attempts: readonly Attempt[]
  readonly deliveryCount: number
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
  /** The bytes as they arrived, where they were edited since. */
  readonly original: Uint8Array | undefined
  /** What the source found wrong with the message, where its bytes are not all of it. */
  readonly fault: Failure | undefined
  /** The lease under which the letter is replayed, if it is. */
  readonly lease: Lease | undefined
}

/** What makes two dead letters the same: source, id and bytes as they arrived. */
export type LetterIdentity = Pick<DeadLetter, 'source' | 'id' | 'bytes'>

/**
 * `dead`: to be dealt with. `replaying`: leased to somebody who replays it. `resolved`: handled since.
 * `discarded`: given up by somebody.
 */
export type LetterState = 'dead' | 'replaying' | 'resolved' | 'discarded'

/** A letter is its holder's until the lease ends, and nobody else replays it before. */
export interface Lease {
  readonly token: string
  readonly owner: string
  /** Milliseconds since the epoch. */
  readonly until: number
}

/** What was done with a letter, when and by whom. */
export interface LetterEvent {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly by: string
  readonly what: 'replayed' | 'edited' | 'discarded' | 'resolved' | 'revived'
  readonly note?: string
}

/** A letter as a store keeps it. */
export interface StoredLetter extends DeadLetter {
  /** Names the letter, the same in every store: 40 hexadecimal digits, made of source, id and bytes as they arrived. */
  readonly key: string
  readonly state: LetterState
  /** Names the kind of failure: 12 hexadecimal digits, made of tag, route, and the message without what varies. */
  readonly fingerprint: string
  /** When a delivery ended here for the first time, in milliseconds since the epoch. */
  readonly firstSeenAt: number
  /** When a delivery or a replay did last, or when it was resolved or discarded, in milliseconds since the epoch. */
  readonly lastSeenAt: number
  /** How many deliveries ended here. */
  readonly times: number
  /** The attempts of all deliveries and replays; the newest 50 of them. */
  readonly attempts: readonly Attempt[]
  /** How many there were in all. */
  readonly attemptCount: number
  /** The newest 50 events, oldest first. */
  readonly events: readonly LetterEvent[]
}

/** Why a queue did not do what was asked, for the log. */
export interface DlqError {
  readonly reason: string
  /** What was asked makes no sense, and would be refused again. */
  readonly isRefused?: boolean
}

/** Where dead letters go. */
export interface Dlq {
  /**
   * Right only once the letter is stored durably. Storing the same letter twice keeps one. `raw` is the source's own
   * form of the message, for a queue that can acknowledge it in the same step.
   */
  readonly put: (letter: DeadLetter, raw?: unknown) => TaskEither<DlqError, void>
  /** Where the letters lie, for people. */
  readonly location: string
  /**
   * The state of a message's letter, asked when a message is brought back; `undefined` if it has none. One that is
   * `dead` is leased to its source for a minute, so that no replay runs it beside the message; `put` and `resolve`
   * end that. Where it is `Left` the message is run, as most that are brought back have no letter.
   */
  readonly recall?: (identity: LetterIdentity) => TaskEither<DlqError, LetterState | undefined>
  /** Told when a message that has a letter was handled after all. */
  readonly resolve?: (identity: LetterIdentity) => TaskEither<DlqError, void>
}
