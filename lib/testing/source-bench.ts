/** What the source laws need: the source, what lies behind it, and what it promises. */
import type { OpenSource } from '../ports/source.js'

// model

/**
 * What a source promises. A law runs where all that it needs is promised, and is named by `lawsLeftOut` where it is
 * not. A source whose traits say that it redelivers and whose bench does not is found out, and the other way round.
 *
 * @since 0.1.0
 */
export interface SourcePromises {
  /** Gives what was sent before it was opened. This, or `live`, or both. */
  readonly backlog?: boolean
  /** Gives what is sent while it is open. */
  readonly live?: boolean
  /** Can be opened more than once. */
  readonly reopens?: boolean
  /** Ends once `end` was called and everything is done. */
  readonly ends?: boolean
  /** Brings back what is nacked, and what is released. */
  readonly redelivers?: boolean
  /** Brings back what is nacked not before its delay. */
  readonly delays?: boolean
  /** What is done stays done when the source is closed and opened again, and what is not is given again. */
  readonly keeps?: boolean
  /** Gives messages in the order in which they were sent, to one handler at a time. */
  readonly ordered?: boolean
  /** Sources that are open at the same time share the messages: each goes to one of them. */
  readonly shares?: boolean
  /** `openFor` gives each group all messages. */
  readonly groups?: boolean
  /** What a source holds that is gone without a word goes to another when its lease ends. Open it with a short one. */
  readonly leases?: boolean
  /** A start counts as a delivery though its process dies; being read counts once at most. */
  readonly countsStarts?: boolean
  /** Goes on by itself after `restart`; where it `keeps`, nothing is lost by it. */
  readonly restarts?: boolean
  /** Goes on by itself after `cut`. */
  readonly cuts?: boolean
  /** Goes on by itself after `stall`. */
  readonly stalls?: boolean
  /** Carries any bytes. Only text without line breaks is sent otherwise. */
  readonly anyBytes?: boolean
  /** Carries a payload of 1 MiB. */
  readonly large?: boolean
  /** Carries headers. */
  readonly headers?: boolean
}

/** A message to be sent. */
export interface Sent {
  readonly bytes: Uint8Array
  /** Left out where the bench does not promise `headers`. */
  readonly headers?: Readonly<Record<string, string>>
  /** For brokers that keep the order of a key alone, or place messages by it. */
  readonly key?: string
}

/**
 * A queue, and whatever else lies behind a source.
 *
 * @since 0.1.0
 */
export interface Broker {
  /** The source under test. Opened several times, also at the same time where it `shares`. */
  readonly open: OpenSource
  /** The same for a group, which has seen nothing yet. */
  readonly openFor?: (group: string) => OpenSource
  /** Resolves when all is with the broker, in this order. */
  readonly send: (messages: readonly Sent[]) => Promise<void>
  /** Says that nothing more will be sent. */
  readonly end?: () => Promise<void>
  /** How many messages are there that are not done, where that can be known. */
  readonly left?: () => Promise<number>
  /** Stops the broker and starts it again. */
  readonly restart?: () => Promise<void>
  /** Cuts the connections that are there now, so that both sides know it. */
  readonly cut?: () => Promise<void>
  /** Lets nothing pass on the connections that are there now, so that neither side knows it. New ones work. */
  readonly stall?: () => Promise<void>
  /** Called once a law is through, whatever came of it, when all sources are closed. */
  readonly close: () => Promise<void>
}

/**
 * Where a source is tried.
 *
 * @since 0.1.0
 */
export interface SourceBench {
  readonly promises: SourcePromises
  /** A broker with an empty queue that nothing else uses. Each law has its own. */
  readonly fresh: () => Promise<Broker>
}

/** The name of a promise that a source may make. */
export type SourcePromise = keyof SourcePromises
