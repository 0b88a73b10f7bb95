/** Stores of dead letters: queues that can be read, replayed and emptied. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Failure } from '../core/failure.js'
import type { Scalar } from '../core/key.js'
import type { Attempt, Dlq, DlqError, LetterState, StoredLetter } from '../core/letter.js'

// model

/** One value, or any of several. */
export type OneOrMore<A> = A | readonly A[]

/** All that is said must hold; of several values any. */
export interface LetterFilter {
  /** A letter's key, or the beginning of one. */
  readonly key?: OneOrMore<string>
  readonly id?: OneOrMore<string>
  readonly source?: OneOrMore<string>
  readonly tag?: OneOrMore<Failure['_tag']>
  /** `null` for letters that no route took. */
  readonly route?: OneOrMore<string | null>
  /** A kind of failure, or the beginning of one. */
  readonly fingerprint?: OneOrMore<string>
  readonly state?: OneOrMore<LetterState>
  /** Last seen at this time or after it, in milliseconds since the epoch. */
  readonly seenFrom?: number
  /** Last seen before this time, in milliseconds since the epoch. */
  readonly seenBefore?: number
  /** At least so many attempts, of all deliveries and replays. */
  readonly minAttempts?: number
  /** At most so many. */
  readonly maxAttempts?: number
  /** By name, in any case. */
  readonly headers?: Readonly<Record<string, OneOrMore<string>>>
  /** Values in a JSON body by dotted path, read as `byField` reads them. */
  readonly fields?: Readonly<Record<string, OneOrMore<Scalar>>>
}

/** Which letters to read, in which order, and from where. */
export interface LetterQuery {
  readonly filter?: LetterFilter
  /** By first arrival: `oldest` first, which is the default, or `newest`. */
  readonly order?: 'oldest' | 'newest'
  /** 50 by default. */
  readonly limit?: number
  /** The `next` of the page before. */
  readonly after?: string | undefined
}

/** Some of the letters that were asked for. */
export interface LetterPage {
  /** As many as were asked for, or about 16 MiB of them. */
  readonly letters: readonly StoredLetter[]
  /** Where the next page begins; `undefined` after the last. */
  readonly next: string | undefined
}

/** Letters with failures of one kind. */
export interface LetterGroup {
  readonly fingerprint: string
  readonly tag: Failure['_tag']
  readonly route: string | undefined
  /** The failure without what varies: `customer # not found`. */
  readonly message: string
  readonly count: number
  /** When one of these letters was seen for the first time, in milliseconds since the epoch. */
  readonly firstSeenAt: number
  /** When one was seen last, in milliseconds since the epoch. */
  readonly lastSeenAt: number
}

/** How many letters arrived for the first time in an hour. */
export interface Arrivals {
  /** Its beginning, in milliseconds since the epoch. */
  readonly hour: number
  readonly count: number
}

/** A query for what is dead, to be leased to its owner. */
export interface Claim extends LetterQuery {
  readonly owner: string
  readonly leaseMs: number
}

/** What a letter is found by. */
export type LetterName = Pick<StoredLetter, 'key' | 'id'>

/** A letter under a lease. */
export interface Held extends LetterName {
  readonly token: string
}

/** What became of a letter that was replayed. */
export interface Replayed extends Held {
  readonly result:
    | { readonly _tag: 'Resolved'; readonly note?: string }
    | {
        readonly _tag: 'Failed'
        readonly failure: Failure
        readonly route: string | undefined
        readonly attempts: readonly Attempt[]
      }
    | { readonly _tag: 'Released' }
}

/** Other bytes for a letter, and who says so. */
export interface Edit extends LetterName {
  /** The bytes that are to be replaced; if they are others by now nothing is changed. */
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly by: string
  readonly note?: string
}

/** `changed`: the bytes are others than was said. `busy`: it is not dead, but replaying, resolved or discarded. */
export type Edited = 'edited' | 'changed' | 'busy' | 'missing'

/** What a store may forget. Nothing is forgotten for what is not said, but tombstones after 7 days. */
export interface Retention {
  /** How long resolved and discarded letters keep their bytes and headers. 0 by default: they leave tombstones at once. */
  readonly keepSettledMs?: number
  /** How long what is settled is known, so that a redelivery of it is not run again. 7 days by default. */
  readonly keepTombstonesMs?: number
  /** Dead letters last seen longer ago are removed. */
  readonly maxAgeMs?: number
  /** The oldest dead letters are removed while there are more. */
  readonly maxLetters?: number
  /** The oldest dead letters are removed while all bytes together are more. */
  readonly maxBytes?: number
}

/** How many letters were removed, or made tombstones. */
export interface Pruned {
  /** Dead letters that were removed, as too old or too many. */
  readonly dead: number
  /** Settled letters and tombstones that were removed. */
  readonly tombstones: number
  /** Settled letters that were made tombstones: their bytes and headers are gone. */
  readonly emptied: number
}

/** A queue that can be read, replayed and emptied. None of its functions rejects. */
export interface DeadLetterStore extends Required<Dlq> {
  /** Letters in the order of the query, one page after the other by `next`. */
  readonly page: (query?: LetterQuery) => TaskEither<DlqError, LetterPage>
  /** The largest first, at most `limit` (100). */
  readonly groups: (query?: {
    readonly filter?: LetterFilter
    readonly limit?: number
  }) => TaskEither<DlqError, readonly LetterGroup[]>
  /** How many letters the filter takes. */
  readonly count: (filter?: LetterFilter) => TaskEither<DlqError, number>
  /** Hours in which letters arrived, oldest first. */
  readonly arrivals: (filter?: LetterFilter) => TaskEither<DlqError, readonly Arrivals[]>
  /**
   * Leases those letters of the filter that are dead; each at most once along the pages of one claim, and none that
   * arrived after its first.
   */
  readonly claim: (claim: Claim) => TaskEither<DlqError, LetterPage>
  /** Lengthens leases to `leaseMs` from now; what is `lost` is somebody else's by now. */
  readonly renew: (held: readonly Held[], leaseMs: number) => TaskEither<DlqError, readonly ('ok' | 'lost')[]>
  /** Ends leases: what is `lost` is somebody else's by now, and nothing was changed. */
  readonly settle: (replayed: readonly Replayed[]) => TaskEither<DlqError, readonly ('ok' | 'lost')[]>
  /** Replaces the bytes of a dead letter and keeps the original; it stays the same letter. */
  readonly edit: (edit: Edit) => TaskEither<DlqError, Edited>
  /**
   * Gives up those letters of the filter that are dead, and tells how many. Their bytes and headers are dropped, once
   * `keepSettledMs` is over. A store may do it in parts: where it fails some may be given up already.
   */
  readonly discard: (discard: {
    readonly filter: LetterFilter
    readonly by: string
    readonly note: string
  }) => TaskEither<DlqError, number>
  /** Takes letters over from another store as they are; those that are here already stay as they are. */
  readonly add: (letters: readonly StoredLetter[]) => TaskEither<DlqError, readonly ('added' | 'present')[]>
  /** Forgets what the retention says, and tells how much. */
  readonly prune: (retention?: Retention) => TaskEither<DlqError, Pruned>
}
