/** Letters as rows of a table. */
import { Buffer } from 'node:buffer'
import type { Either } from 'fp-ts/lib/Either.js'
import type { DeadLetter } from '../core/dlq.js'
import { type Failure, failureToJson } from '../core/failure.js'
import { toJson } from '../core/json.js'
import { digestOf, storableHeaders } from './identity.js'

// model

/** A letter as it lies in the file. */
export interface StoredLetter extends DeadLetter {
  /** Milliseconds since the epoch. */
  readonly firstSeenAt: number
  readonly lastSeenAt: number
  /** How many times it was put. */
  readonly times: number
}

export interface Row {
  readonly source: string
  readonly id: string
  readonly sha256: Uint8Array
  readonly bytes: Uint8Array
  readonly headers: string
  readonly route: string | null
  readonly tag: string
  readonly failure: string
  readonly attempts: string
  readonly deliveryCount: number
  readonly receivedAt: number
  readonly now: number
}

export interface StoredRow extends Omit<Row, 'now'> {
  readonly firstSeenAt: number
  readonly lastSeenAt: number
  readonly times: number
}

// statements

export const createTable = `
  CREATE TABLE letters (
    seq INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    bytes BLOB NOT NULL,
    headers TEXT NOT NULL,
    route TEXT,
    tag TEXT NOT NULL,
    failure TEXT NOT NULL,
    attempts TEXT NOT NULL,
    deliveryCount INTEGER NOT NULL,
    receivedAt INTEGER NOT NULL,
    firstSeenAt INTEGER NOT NULL,
    lastSeenAt INTEGER NOT NULL,
    times INTEGER NOT NULL,
    UNIQUE (source, id, sha256)
  ) STRICT`

export const insertLetter = `
  INSERT INTO letters (
    source, id, sha256, bytes, headers, route, tag, failure, attempts,
    deliveryCount, receivedAt, firstSeenAt, lastSeenAt, times
  ) VALUES (
    @source, @id, @sha256, @bytes, @headers, @route, @tag, @failure, @attempts,
    @deliveryCount, @receivedAt, @now, @now, 1
  )
  ON CONFLICT (source, id, sha256) DO UPDATE SET
    headers = excluded.headers, route = excluded.route, tag = excluded.tag, failure = excluded.failure,
    attempts = excluded.attempts, deliveryCount = excluded.deliveryCount,
    lastSeenAt = excluded.lastSeenAt, times = times + 1`

export const selectLetters = 'SELECT * FROM letters ORDER BY seq LIMIT ?'

// conversions

export const rowOf = (letter: DeadLetter, isStoredHeader: (name: string) => boolean): Row => ({
  source: letter.source,
  id: letter.id,
  sha256: digestOf(letter),
  bytes: letter.bytes,
  headers: JSON.stringify(storableHeaders(letter.headers, isStoredHeader)),
  route: letter.route ?? null,
  tag: letter.failure._tag,
  failure: JSON.stringify(failureToJson(letter.failure)),
  attempts: JSON.stringify(toJson(letter.attempts)),
  deliveryCount: letter.deliveryCount,
  receivedAt: letter.receivedAt,
  now: Date.now()
})

export const letterOf = (
  row: StoredRow,
  fromJson: (json: unknown) => Either<unknown, Failure>
): StoredLetter => {
  const failure = fromJson(JSON.parse(row.failure))
  if (failure._tag === 'Left') throw new Error(`letter ${row.id}: its failure cannot be read: ${row.failure}`)
  return {
    id: row.id,
    source: row.source,
    bytes: new Uint8Array(Buffer.from(row.bytes)),
    headers: JSON.parse(row.headers) as StoredLetter['headers'],
    route: row.route ?? undefined,
    failure: failure.right,
    attempts: JSON.parse(row.attempts) as StoredLetter['attempts'],
    deliveryCount: row.deliveryCount,
    receivedAt: row.receivedAt,
    firstSeenAt: row.firstSeenAt,
    lastSeenAt: row.lastSeenAt,
    times: row.times
  }
}
