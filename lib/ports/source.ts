/** Sources: where messages come from. Writing one is the whole cost of a new transport. */
import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Interruption, Message } from '../core/message.js'
import type { Outcome } from '../core/outcome.js'
import type { OnEvent } from './interpreter.js'
import type { Resource } from './resource.js'

// model

/**
 * What to do with a delivery. `Done`: never again. `Retry`: again, not before `afterMs`. `Release`: given back
 * unfinished; `started` says whether its handler was.
 */
export type Action =
  | { readonly _tag: 'Done' }
  | { readonly _tag: 'Retry'; readonly afterMs: number }
  | { readonly _tag: 'Release'; readonly started: boolean }

/** A message as its source hands it out, to be settled by the same object. */
export interface Delivery {
  readonly message: Message
  /** Aborts the message's signal with `interruption(reason)`. */
  readonly interrupt: (reason: Interruption) => void
  /** Suspected of killing its process: nothing else is started beside it. */
  readonly alone?: boolean
}

/** What became of a delivery, and what its source is to do with it. */
export interface Settle {
  readonly delivery: Delivery
  readonly outcome: Outcome
  readonly action: Action
}

/** `unknown`: the source did not answer, and is asked again. `lost`: the delivery is no longer ours. */
export type Settlement = 'ok' | 'lost' | 'unknown'

/** `Transient`: worth trying again. `Fatal`: not. */
export interface SourceError {
  readonly _tag: 'Transient' | 'Fatal'
  readonly cause: unknown
}

/** `waited`: nothing was at hand, so that timers and signals had their turn; else they are given one now and then. */
export type Pulled =
  | { readonly _tag: 'Batch'; readonly items: readonly Delivery[]; readonly waited?: boolean }
  | { readonly _tag: 'End' }

/** What a source can do, for who runs it. */
export interface Traits {
  /** Can it bring a message back? */
  readonly redelivers: boolean
  /** How a delayed retry waits: at the source, held by it in memory, or in the place of the message. */
  readonly delay: 'native' | 'hold' | 'in-place'
  /** Is nobody else given messages of the same keys? */
  readonly exclusive: boolean
  /** How long a delivery is ours without `renew`. */
  readonly leaseMs?: number
}

/** None of its functions rejects, and one `pull` is outstanding at a time; `settle` and `renew` run beside it. */
export interface Source {
  readonly traits: Traits
  /**
   * Waits for at most `max` deliveries. When the signal aborts it answers at once, and gives back what it took
   * and did not answer with.
   */
  readonly pull: (max: number, signal: AbortSignal) => TaskEither<SourceError, Pulled>
  /**
   * Counts the attempt and checks the lease, just before the handler; `undefined` where there is nothing to ask. What
   * has no answer within a lease, or 30 s where there are none, is asked again.
   */
  readonly start?: (delivery: Delivery) => Task<Settlement> | undefined
  /**
   * Answers for each in turn. What has no answer within a lease, or 30 s where there are none, is asked again. A source
   * that has nobody to tell has none.
   */
  readonly settle?: (batch: readonly Settle[]) => Task<readonly Settlement[]>
  /** Lengthens the leases of what is held. A source without leases has none. */
  readonly renew?: (held: readonly Delivery[]) => Task<readonly Settlement[]>
  /** How far a source of bytes has come. */
  readonly input?: () => Input
  /** How things stand at the source, asked every few seconds; `undefined` if it does not answer. */
  readonly measure?: () => Task<SourceGauges | undefined>
}

/** How things stand at a source. What it does not know it leaves out. */
export interface SourceGauges {
  /** Messages that nobody was given yet. */
  readonly lag?: number
  /** Messages that somebody was given and nobody has settled, parked ones included. */
  readonly pending?: number
  /** Messages that wait for their delay. */
  readonly parked?: number
  /** How long ago the oldest pending message was added, in milliseconds. */
  readonly oldestPendingMs?: number
  /** Messages that were lost before anybody had settled them, since the source was opened. */
  readonly lost?: number
  /** How often the connection was made anew. */
  readonly reconnects?: number
}

/** How far a source of bytes has come. */
export interface Input {
  /** Bytes of which messages were made. */
  readonly readBytes: number
  /** Bytes that are known to be there. */
  readonly knownBytes: number
  /** Are these all that there will be? */
  readonly isAll: boolean
}

/** What a source is told when it is opened. */
export interface SourceLimits {
  /** How many deliveries it may have out at a time, read ahead included. */
  readonly maxUnsettled: number
  /** Tells whoever watches the run. */
  readonly emit: OnEvent
  /** Aborts when the run is to end. What is still being opened is not wanted then. */
  readonly signal?: AbortSignal
}

/** Opens a source when a run begins, and closes it when the run has ended. */
export interface OpenSource {
  (limits: SourceLimits): Resource<Source>
  /** The traits that the source will have. Where they are said, what cannot be run on it is refused before it is opened. */
  readonly traits?: Traits
}
