/** Files of ours: opened as what they are, or refused with what to do. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  realpathSync,
  statSync,
  statfsSync
} from 'node:fs'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import type { Either } from 'fp-ts/lib/Either.js'
import { capture } from '../core/captured.js'
import { left, right } from '../core/result.js'
import type { Refused } from './calls.js'
import type { Connect } from './driver.js'

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

/** What speaks against where a file is or will be: `no` as it may lose data, `warning` as it may be gone some day. */
export const placeOf = (
  { shortName, content }: FileKind,
  location: string,
  typeOf: (folder: string) => number = (folder) => (existsSync(folder) ? statfsSync(folder).type : 0)
): { readonly no?: string; readonly warning?: string } => {
  // SQLite follows a link, and keeps the log there.
  const folder = dirname(existsSync(location) ? realpathSync(location) : location)
  const type = typeOf(folder) >>> 0
  const network = networks.get(type)
  if (network !== undefined) {
    return {
      no: `${folder} is on a network file system (${network}), on which SQLite loses data; keep the ${shortName} on a local disk`
    }
  }
  const passing = passings.get(type)
  return passing === undefined
    ? {}
    : {
        warning: `${folder} is on ${passing}: ${content} there are gone with it; keep the ${shortName} on a volume that stays`
      }
}

/**
 * SQLite goes on writing to a file that was removed or replaced, where nobody would find what it wrote. Throws when
 * that has happened to one of these since it was first called.
 */
export const staying = (...paths: readonly string[]): (() => void) => {
  const seen = new Map<string, number>()
  return () => {
    for (const path of paths) {
      const number = statSync(path, { throwIfNoEntry: false })?.ino
      if (number === undefined || number !== (seen.get(path) ?? number))
        throw Object.assign(new Error(`${path} was removed or replaced`), { code: 'SQLITE_READONLY_DBMOVED' })
      seen.set(path, number)
    }
  }
}

// errors

/** A lock that another process holds: waiting may help, a new connection does not. */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error))

/** A connection may be of no use after it. */
export const isOfDisk = (error: unknown): boolean => /^(?:SQLITE_|E[A-Z]+$)/.test(codeOf(error))

/** Says nothing about others in its transaction: it is too large, or a constraint refuses it. */
export const isOfOneRow = (error: unknown): boolean =>
  /^SQLITE_(?:TOOBIG|CONSTRAINT|MISMATCH)/.test(codeOf(error)) ||
  error instanceof RangeError ||
  error instanceof TypeError

export const adviceOn = (kind: FileKind, error: unknown): string => {
  const { message } = capture(error)
  if (message.includes('bindings file')) {
    return 'better-sqlite3 was installed without its binary: allow its install script ("allowScripts" in package.json), then npm rebuild better-sqlite3'
  }
  const code = codeOf(error)
  if (code.startsWith('SQLITE_READONLY_DBMOVED'))
    return `${message}; leave the files of a ${kind.shortName} where they are while it is in use`
  if (code.startsWith('SQLITE_CORRUPT')) return `${message}; it is damaged: ${kind.repair}`
  const [, advice] = advices.find(([start]) => code.startsWith(start)) ?? []
  return advice === undefined ? message : `${message}; ${advice}`
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

/** By their numbers in Linux's linux/magic.h. */
const networks: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS']
])

const passings: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs, in memory'],
  [0x858458f6, 'ramfs, in memory'],
  [0x794c7630, 'overlay, the layer of a container']
])

const codeOf = (error: unknown): string => {
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : ''
}

const advices: readonly (readonly [string, string])[] = [
  ['SQLITE_NOTADB', 'it is no SQLite database: give another path, or move that file away'],
  ['SQLITE_READONLY', 'it cannot be written: give this user the right to write the file and its folder'],
  ['SQLITE_CANTOPEN', 'it cannot be opened: give this user the right to write the file and its folder'],
  ['EACCES', 'give this user the right to write the file and its folder'],
  ['EROFS', 'the file system is read-only: give another path'],
  ['SQLITE_FULL', 'the disk is full: make room'],
  ['SQLITE_IOERR_SHMSIZE', 'the disk is full: make room'],
  ['SQLITE_IOERR', 'see to the disk; if its -wal was removed, start anew'],
  ['SQLITE_BUSY', 'another process holds it locked: end what keeps a transaction open']
]
