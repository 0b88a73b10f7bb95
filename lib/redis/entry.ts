/** Entries of streams: what lies under a message that came from one. */
import type { Message } from '../core/message.js'

/** An entry as it was read. */
export interface StreamEntry {
  readonly _tag: 'StreamEntry'
  /** The server, without credentials. */
  readonly server: string
  /** The key of the stream, with its prefix. */
  readonly stream: string
  readonly group: string
  readonly consumer: string
  readonly id: string
  /** Names and values in turn, as they lie in the entry. */
  readonly fields: readonly Buffer[]
}

/**
 * The entry that a message was, if it came from a Redis stream.
 *
 * @example
 * assert.is(streamEntryOf(message('Hello')), undefined)
 *
 * @since 0.1.0
 */
export const streamEntryOf = ({ raw }: Message): StreamEntry | undefined =>
  typeof raw === 'object' && raw !== null && (raw as Partial<StreamEntry>)._tag === 'StreamEntry'
    ? (raw as StreamEntry)
    : undefined
