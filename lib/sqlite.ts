/** missive-ts/sqlite: dead letters, and what was done already, in SQLite files. Needs better-sqlite3. */
export type { SqliteDlq, SqliteDlqOptions } from './dlq/sqlite.js'
export { sqliteDlq } from './dlq/sqlite.js'
export type { SqliteIdempotencyOptions } from './idempotency/sqlite.js'
export { sqliteIdempotency } from './idempotency/sqlite.js'
