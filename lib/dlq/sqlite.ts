/** A dead letter queue in an SQLite file, for one machine with a disk that stays. */
import { Buffer } from 'node:buffer'
import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Database, Options, Statement } from 'better-sqlite3'
import { capture } from '../core/captured.js'
import type { DeadLetter, Dlq, DlqError } from '../core/dlq.js'
import { type Failure, failureToJson } from '../core/failure.js'
import { toJson } from '../core/json.js'
import { Resource, type ResourceError, resourceError } from '../core/resource.js'
import { digestOf, isHarmless, storableHeaders } from './identity.js'
import { loadDriver } from './sqlite-driver.js'
import { left, right } from '../core/result.js'

// model

export interface SqliteDlqOptions {
  /** Which headers are stored with their values; by default all but credentials and signatures. */
  readonly isStoredHeader?: (name: string) => boolean
}

/** A letter as it lies in the file. */
export interface StoredLetter extends DeadLetter {
  /** Milliseconds since the epoch. */
  readonly firstSeenAt: number
  readonly lastSeenAt: number
  /** How many times it was put. */
  readonly times: number
}

export interface SqliteDlq extends Dlq {
  /** At most `limit` letters, oldest first. */
  readonly list: (limit: number) => TaskEither<DlqError, readonly StoredLetter[]>
}

/** What makes a connection; the driver's own, unless a test puts a fault into it. */
export type Connect = (path: string, options: Options) => Database

// constructors

/**
 * A queue in the file at `path`, made if it is missing, readable by its owner alone. A letter is on the disk
 * (WAL, `synchronous=FULL`) before `put` answers. Opening fails if the folder is missing, the file cannot be
 * written or is no database.
 *
 * @since 0.1.0
 */
export const sqliteDlq = (path: string, options: SqliteDlqOptions = {}): Resource<SqliteDlq> =>
  Resource.flatMap((connect: Connect) => sqliteDlqOn(connect, path, options))(
    Resource.make('sqliteDlq', loadDriver, async () => undefined)
  )

export const sqliteDlqOn = (
  connect: Connect,
  path: string,
  { isStoredHeader = isHarmless }: SqliteDlqOptions = {}
): Resource<SqliteDlq> => {
  const location = resolve(path)
  return Resource.make<SqliteDlq & { readonly close: () => void }>(
    'sqliteDlq',
    async () => {
      const first = openFile(connect, location)
      if (first._tag === 'Left') return first
      let file: OpenFile | undefined = first.right

      /** A failed commit may be there or not: only a new connection knows, and putting it again is harmless. */
      const reopened = (): OpenFile => {
        file?.database.close()
        file = undefined
        const opened = openFile(connect, location)
        if (opened._tag === 'Left') throw new Error(opened.left.message)
        file = opened.right
        return file
      }
      const put = (row: Row): Either<DlqError, void> => {
        try {
          try {
            ;(file ?? reopened()).insert.run(row)
          } catch (error) {
            if (isBusy(error)) throw error
            reopened().insert.run(row)
          }
          return right(undefined)
        } catch (error) {
          return left({ reason: `${location}: ${adviceOn(error)}` })
        }
      }
      return right({
        location,
        put: (letter) => async () => put(rowOf(letter, isStoredHeader)),
        list: (limit) => async () => {
          try {
            // io-ts is loaded by those alone who read letters, not by each program that may have to write one.
            const { failureFromJson } = await import('../core/failure-json.js')
            return right((file ?? reopened()).select.all(limit).map((row) => letterOf(row, failureFromJson)))
          } catch (error) {
            return left({ reason: `${location}: ${adviceOn(error)}` })
          }
        },
        close: () => void file?.database.close()
      })
    },
    async ({ close }) => close()
  )
}

// helpers

interface Row {
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

interface StoredRow extends Omit<Row, 'now'> {
  readonly firstSeenAt: number
  readonly lastSeenAt: number
  readonly times: number
}

interface OpenFile {
  readonly database: Database
  readonly insert: Statement<[Row]>
  readonly select: Statement<[number], StoredRow>
}

const schemaVersion = 1
/** 'MSIV', so that a file which is somebody else's is not written to. */
const applicationId = 0x4d534956
const fullSynchronous = 2
/** The first without the WAL-reset bug, by which two connections can lose a commit (sqlite.org/wal.html). */
const oldestSqlite = [3, 51, 3] as const

const createTable = `
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

const insertLetter = `
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

const openFile = (connect: Connect, location: string): Either<ResourceError, OpenFile> => {
  const refused = (message: string) => left(resourceError('sqliteDlq', message))
  const folder = dirname(location)
  if (!existsSync(folder))
    return refused(`the folder ${folder} does not exist; create it, or give another path`)
  if (existsSync(location) && !statSync(location).isFile())
    return refused(`${location} is no file; give another path`)
  let database: Database | undefined
  try {
    closeSync(openSync(location, 'a', 0o600))
    database = connect(location, { timeout: 5_000 })
    return right(prepared(database))
  } catch (error) {
    database?.close()
    return refused(`${location}: ${adviceOn(error)}`)
  }
}

const prepared = (database: Database): OpenFile => {
  const version = String(database.prepare('SELECT sqlite_version()').pluck().get())
  if (isOlder(version)) {
    throw new Error(
      `SQLite ${version} can lose commits; install a better-sqlite3 that brings 3.51.3 or newer`
    )
  }
  database.pragma('trusted_schema = OFF')
  refuseForeign(database)
  if (database.pragma('journal_mode = WAL', { simple: true }) !== 'wal') {
    throw new Error('the file system does not allow WAL; keep the queue on a local disk')
  }
  // The driver opens WAL files at NORMAL, which may lose the last commits with the power.
  database.pragma('synchronous = FULL')
  database.transaction(() => migrate(database)).immediate()
  if (database.pragma('synchronous', { simple: true }) !== fullSynchronous) {
    throw new Error('this SQLite does not keep synchronous=FULL, so letters would not be durable')
  }
  return {
    database,
    insert: database.prepare(insertLetter),
    select: database.prepare('SELECT * FROM letters ORDER BY seq LIMIT ?')
  }
}

/** Looks before anything is written, so that a file which is somebody else's stays as it is. */
const refuseForeign = (database: Database): void => {
  const version = Number(database.pragma('user_version', { simple: true }))
  const application = Number(database.pragma('application_id', { simple: true }))
  const tables = Number(database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get())
  if (application !== applicationId && (application !== 0 || version !== 0 || tables !== 0)) {
    throw new Error('the database is not a dead letter queue; give another path')
  }
  if (version > schemaVersion) {
    throw new Error(
      `a newer missive-ts wrote it (schema ${version}, this one knows ${schemaVersion}); update missive-ts`
    )
  }
}

/** Writes in any case, so that a file which cannot be written is found at the start. */
const migrate = (database: Database): void => {
  refuseForeign(database)
  if (Number(database.pragma('user_version', { simple: true })) === 0) database.exec(createTable)
  database.pragma(`application_id = ${applicationId}`)
  database.pragma(`user_version = ${schemaVersion}`)
}

const isOlder = (version: string): boolean => {
  const parts = version.split('.').map(Number)
  const index = oldestSqlite.findIndex((part, position) => part !== parts[position])
  return index !== -1 && (parts[index] ?? 0) < (oldestSqlite[index] ?? 0)
}

const codeOf = (error: unknown): string => {
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : ''
}

const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error))

const adviceOn = (error: unknown): string => {
  const { message } = capture(error)
  if (message.includes('bindings file')) {
    return 'better-sqlite3 was installed without its binary: allow its install script ("allowScripts" in package.json), then npm rebuild better-sqlite3'
  }
  const [, advice] = advices.find(([code]) => codeOf(error).startsWith(code)) ?? []
  return advice === undefined ? message : `${message}; ${advice}`
}

const advices: readonly (readonly [string, string])[] = [
  ['SQLITE_NOTADB', 'it is no SQLite database: give another path, or move that file away'],
  [
    'SQLITE_CORRUPT',
    'it is damaged: move it away with its -wal file, and recover its letters with sqlite3 .recover'
  ],
  ['SQLITE_READONLY', 'it cannot be written: give this user the right to write the file and its folder'],
  ['SQLITE_CANTOPEN', 'it cannot be opened: give this user the right to write the file and its folder'],
  ['EACCES', 'give this user the right to write the file and its folder'],
  ['EROFS', 'the file system is read-only: give another path'],
  ['SQLITE_FULL', 'the disk is full: make room'],
  ['SQLITE_BUSY', 'another process holds it locked: end what keeps a transaction open']
]

const rowOf = (letter: DeadLetter, isStoredHeader: (name: string) => boolean): Row => ({
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

const letterOf = (row: StoredRow, fromJson: (json: unknown) => Either<unknown, Failure>): StoredLetter => {
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
