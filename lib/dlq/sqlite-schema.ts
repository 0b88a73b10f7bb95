/** The tables of a queue's file, and how older ones become them. */
import type { Database } from 'better-sqlite3'
import type { Retention } from '../ports/letters.js'
import { upgrade } from './sqlite-upgrade.js'

export const schemaVersion = 2

/**
 * Makes what is missing, in the transaction of whoever calls it. Letters of kinds that recur share one row of
 * `kinds`, and the indexes hold all that groups, counts and filters ask for without reading payloads. Letters are
 * found by id and key together: keys are as good as random, and an index in their order is a page for each letter.
 */
export const migrate = (database: Database, version: number): void => {
  if (version === 1) database.exec('ALTER TABLE letters RENAME TO letters_1')
  if (version < schemaVersion) database.exec(tables)
  if (version === 1) {
    upgrade(database)
    database.exec('DROP TABLE letters_1')
  }
}

/** What whoever owns the file has said, so that whoever else opens it keeps to it. */
export const settingsOf = (database: Database): Retention =>
  Object.fromEntries(
    (database.prepare('SELECT name, value FROM settings').all() as readonly Setting[]).map(
      ({ name, value }) => [name, value]
    )
  )

export const keepSettings = (database: Database, retention: Retention): void => {
  const keep = database.prepare(
    'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value'
  )
  for (const name of ['keepSettledMs', 'keepTombstonesMs'] as const) {
    const value = retention[name]
    if (value !== undefined) keep.run(name, value)
  }
}

// helpers

interface Setting {
  readonly name: string
  readonly value: number
}

const tables = `
  CREATE TABLE kinds (
    kind INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    tag TEXT NOT NULL,
    route TEXT,
    summary TEXT NOT NULL,
    UNIQUE (source, fingerprint)
  ) STRICT;
  CREATE TABLE letters (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    kind INTEGER NOT NULL REFERENCES kinds,
    state TEXT NOT NULL CHECK (state IN ('dead', 'replaying', 'resolved', 'discarded')),
    id TEXT NOT NULL,
    firstSeenAt INTEGER NOT NULL,
    lastSeenAt INTEGER NOT NULL,
    times INTEGER NOT NULL,
    attemptCount INTEGER NOT NULL,
    deliveryCount INTEGER NOT NULL,
    receivedAt INTEGER NOT NULL,
    owner TEXT,
    token TEXT,
    leaseUntil INTEGER,
    headers TEXT NOT NULL,
    failure TEXT NOT NULL,
    fault TEXT,
    attempts TEXT NOT NULL,
    events TEXT NOT NULL,
    original BLOB,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE TABLE settings (name TEXT PRIMARY KEY, value REAL NOT NULL) STRICT;
  CREATE UNIQUE INDEX letters_name ON letters (id, key);
  CREATE INDEX letters_kind ON letters (state, kind, firstSeenAt, lastSeenAt, attemptCount);
  CREATE INDEX letters_lease ON letters (leaseUntil) WHERE state = 'replaying';`
