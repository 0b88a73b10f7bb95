/** missive-ts/sqlite: a dead letter queue in an SQLite file. Needs better-sqlite3. */
export type { SqliteDlq, SqliteDlqOptions } from './dlq/sqlite.js'
export { sqliteDlq } from './dlq/sqlite.js'
