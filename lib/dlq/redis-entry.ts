/** Entries of streams that can be acknowledged in the same step in which a letter is stored. */
import type { Connection } from '../redis/connection.js'
import type { StreamEntry } from '../redis/entry.js'
import { type Keys, tagOf } from './redis-keys.js'

/** The entry that a message was, if it lies where one script reaches it and the queue. */
export const entryBeside = (
  { server, client }: Connection,
  { tag }: Keys
): ((raw: unknown) => StreamEntry | undefined) => {
  const isNear = (entry: StreamEntry): boolean =>
    entry.server === server && (!client.isCluster || tagOf(entry.stream) === tag)
  return (raw) => (isEntry(raw) && isNear(raw) ? raw : undefined)
}

// helpers

const isEntry = (raw: unknown): raw is StreamEntry =>
  typeof raw === 'object' && raw !== null && (raw as Partial<StreamEntry>)._tag === 'StreamEntry'
