/** The file of a queue: opened so that what it has committed is on the disk, or refused with what to do. */
import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database, Options, Statement } from 'better-sqlite3'
import type { Either } from 'fp-ts/lib/Either.js'
import { capture } from '../core/captured.js'
import { type ResourceError, resourceError } from '../core/resource.js'
import { left, right } from '../core/result.js'
import { type Row, type StoredRow, createTable, insertLetter, selectLetters } from './sqlite-letters.js'

// model

/** What makes a connection; the driver's own, unless a test puts a fault into it. */
export type Connect = (path: string, options: Options) => Database

export interface OpenFile {
  readonly database: Database
  readonly insert: Statement<[Row]>
  readonly select: Statement<[number], StoredRow>
}

// constructors

export const openFile = (connect: Connect, location: string): Either<ResourceError, OpenFile> => {
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

// errors

/** A lock that another process holds: waiting may help, a new connection does not. */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error))

export const adviceOn = (error: unknown): string => {
  const { message } = capture(error)
  if (message.includes('bindings file')) {
    return 'better-sqlite3 was installed without its binary: allow its install script ("allowScripts" in package.json), then npm rebuild better-sqlite3'
  }
  const [, advice] = advices.find(([code]) => codeOf(error).startsWith(code)) ?? []
  return advice === undefined ? message : `${message}; ${advice}`
}

// helpers

const schemaVersion = 1
/** 'MSIV', so that a file which is somebody else's is not written to. */
const applicationId = 0x4d534956
const fullSynchronous = 2
/** The first without the WAL-reset bug, by which two connections can lose a commit (sqlite.org/wal.html). */
const oldestSqlite = [3, 51, 3] as const

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
    select: database.prepare(selectLetters)
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
