/** Files of ours: opened as what they are, or refused with what to do. */
import { accessSync, closeSync, constants, existsSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import type { Either } from 'fp-ts/lib/Either.js'
import { left, right } from '../core/result.js'
import type { Refused } from './calls.js'
import type { Connect } from './driver.js'
import { adviceOn, isBusy } from './errors.js'

// model

/** What a file is, of those that there are. */
export interface FileKind {
  /** 'a dead letter queue', and 'queue' for short. */
  readonly name: string
  readonly shortName: string
  /** 'letters': what is lost with it. */
  readonly content: string
  /** What to do when it is damaged. */
  readonly repair: string
  /** So that a file which is somebody else's is not written to. */
  readonly applicationId: number
  readonly schemaVersion: number
  /** `FULL`: what is committed is on the disk. `NORMAL`: the last commits may be lost with the power. */
  readonly synchronous: 'FULL' | 'NORMAL'
  /** Makes what is missing since that version, in the transaction of whoever calls it. */
  readonly migrate: (database: Database, version: number) => void
}

export interface FileOptions {
  /** Is it made if it is missing? */
  readonly create: boolean
  /** How long the driver waits for another process's lock, in milliseconds. */
  readonly busyMs: number
}

// constructors

export const openFile = (
  kind: FileKind,
  connect: Connect,
  location: string,
  { create, busyMs }: FileOptions
): Either<Refused, Database> => {
  const refused = (reason: string, isBusy = false) => left({ reason, isBusy })
  const folder = dirname(location)
  if (isMissing(folder))
    return refused(`the folder ${folder} does not exist; create it, or give another path`)
  if (!create && isMissing(location))
    return refused(`${location} does not exist; give the path of a ${kind.shortName}`)
  if (existsSync(location) && !statSync(location).isFile())
    return refused(`${location} is no file; give another path`)
  // The driver leaves it out, and would open another file.
  if (location !== location.trim())
    return refused(`${JSON.stringify(location)} ends with white space; give another path`)
  let database: Database | undefined
  try {
    // Closing a file ends this process's locks on it, so one that is there is not touched.
    if (!existsSync(location)) closeSync(openSync(location, 'a', 0o600))
    // What SQLite makes beside it belongs to who opens it, and would lock out whose file it is.
    accessSync(location, constants.W_OK)
    database = connect(location, { timeout: busyMs })
    prepare(database, kind, create)
    return right(database)
  } catch (error) {
    database?.close()
    return refused(`${location}: ${adviceOn(kind, error)}`, isBusy(error))
  }
}

// helpers

/** Is there nothing, as far as is known? What may not be looked at may be there. */
const isMissing = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined
  } catch {
    return false
  }
}

const levels = { FULL: 2, NORMAL: 1 } as const
/** The first without the WAL-reset bug, by which two connections can lose a commit (sqlite.org/wal.html). */
const oldestSqlite = [3, 51, 3] as const

const prepare = (database: Database, kind: FileKind, create: boolean): void => {
  const version = String(database.prepare('SELECT sqlite_version()').pluck().get())
  if (isOlder(version)) {
    throw new Error(
      `SQLite ${version} can lose commits; install a better-sqlite3 that brings 3.51.3 or newer`
    )
  }
  database.pragma('trusted_schema = OFF')
  if (refuseForeign(database, kind) === 0 && !create)
    throw new Error(`the database is empty, and no ${kind.shortName}; give the path of a ${kind.shortName}`)
  if (database.pragma('journal_mode = WAL', { simple: true }) !== 'wal') {
    throw new Error(`the file system does not allow WAL; keep the ${kind.shortName} on a local disk`)
  }
  // The driver opens WAL files at NORMAL, which may lose the last commits with the power.
  database.pragma(`synchronous = ${kind.synchronous}`)
  // Writes in any case, so that a file which cannot be written is found at the start.
  database
    .transaction(() => {
      kind.migrate(database, refuseForeign(database, kind))
      database.pragma(`application_id = ${kind.applicationId}`)
      database.pragma(`user_version = ${kind.schemaVersion}`)
    })
    .immediate()
  if (database.pragma('synchronous', { simple: true }) !== levels[kind.synchronous]) {
    throw new Error(
      `this SQLite does not keep synchronous=${kind.synchronous}, so ${kind.content} would not be durable`
    )
  }
}

/** Looks before anything is written, so that a file which is somebody else's stays as it is. Gives its version. */
const refuseForeign = (database: Database, { name, applicationId, schemaVersion }: FileKind): number => {
  const version = Number(database.pragma('user_version', { simple: true }))
  const application = Number(database.pragma('application_id', { simple: true }))
  const tables = Number(database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get())
  if (application !== applicationId && (application !== 0 || version !== 0 || tables !== 0)) {
    throw new Error(`the database is not ${name}; give another path`)
  }
  if (version > schemaVersion) {
    throw new Error(
      `a newer missive-ts wrote it (schema ${version}, this one knows ${schemaVersion}); update missive-ts`
    )
  }
  return version
}

const isOlder = (version: string): boolean => {
  const parts = version.split('.').map(Number)
  const index = oldestSqlite.findIndex((part, position) => part !== parts[position])
  return index !== -1 && (parts[index] ?? 0) < (oldestSqlite[index] ?? 0)
}
