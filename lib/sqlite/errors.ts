/** What goes wrong with a file: whether waiting helps, whose fault it is, and what to do. */
import { capture } from '../core/captured.js'
import type { FileKind } from './file.js'

// telling apart

/** A lock that another process holds: waiting may help, a new connection does not. */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error))

/** A connection may be of no use after it. */
export const isOfDisk = (error: unknown): boolean => /^(?:SQLITE_|E[A-Z]+$)/.test(codeOf(error))

/** Says nothing about others in its transaction: it is too large, or a constraint refuses it. */
export const isOfOneRow = (error: unknown): boolean =>
  /^SQLITE_(?:TOOBIG|CONSTRAINT|MISMATCH)/.test(codeOf(error)) ||
  error instanceof RangeError ||
  error instanceof TypeError

// advice

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
