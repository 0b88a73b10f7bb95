/** An engine on a file that may be busy or fail: waits for the one, and opens anew after the other. */
import { closeSync, fsyncSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Either } from 'fp-ts/lib/Either.js'
import type { DlqError } from '../core/letter.js'
import { left, right } from '../core/result.js'
import { type Engine, type EngineCall, perform } from './engine.js'
import { sqliteEngine } from './sqlite-engine.js'
import { type Connect, type FileError, adviceOn, codeOf, isBusy, openFile } from './sqlite-file.js'

// model

export interface HostOptions {
  readonly location: string
  /** How long it waits in all while other processes hold the file locked, in milliseconds. */
  readonly patienceMs: number
}

export interface Host {
  /** One after the other. Never rejects. */
  readonly call: <K extends EngineCall>(
    name: K,
    parts: Parameters<Engine[K]>
  ) => Promise<Either<DlqError, ReturnType<Engine[K]>>>
  /** Once all that was asked is answered; for a lock nobody waits any more. */
  readonly close: () => Promise<void>
}

// constructors

export const hostOf = (connect: Connect, { location, patienceMs }: HostOptions): Host => {
  let file: OpenFile | undefined
  let last: Promise<unknown> = Promise.resolve()
  let isClosing = false
  /** Has a commit failed since the log was last known to be whole on the disk? */
  let isSuspect = false

  const drop = (): void => {
    file?.database.close()
    file = undefined
  }
  const opened = (): OpenFile => {
    if (file !== undefined) return file
    const connected = openFile(connect, location, { create: false, busyMs: sliceMs })
    if (connected._tag === 'Left') throw refused(connected.left)
    const database = connected.right
    try {
      if (isSuspect) renewLog(database, `${location}-wal`)
    } catch (error) {
      database.close()
      throw error
    }
    isSuspect = false
    file = { database, engine: sqliteEngine(database), seen: new Map(), isNamed: false }
    return file
  }

  const asked = <A>(ask: (engine: Engine) => A): A => {
    const current = opened()
    const answer = ask(current.engine)
    for (const path of [location, `${location}-wal`]) stay(current, path)
    if (!current.isNamed) sync(dirname(location))
    current.isNamed = true
    return answer
  }

  /** A failed commit may be there or not: only a new connection knows, and doing it again is harmless. */
  const twice = <A>(ask: (engine: Engine) => A): A => {
    try {
      return asked(ask)
    } catch (error) {
      if (isBusy(error) || !isOfDisk(error)) throw error
      isSuspect = true
      drop()
      return asked(ask)
    }
  }

  const patient = async <A>(ask: (engine: Engine) => A): Promise<Either<DlqError, A>> => {
    const until = performance.now() + patienceMs
    for (;;) {
      try {
        return right(twice(ask))
      } catch (error) {
        if (isBusy(error) && !isClosing && performance.now() < until) {
          await sleep(pauseMs)
          continue
        }
        if (!isBusy(error) && isOfDisk(error)) {
          isSuspect = true
          drop()
        }
        const { refusal } = error as Refused
        return left({ reason: refusal?.message ?? `${location}: ${adviceOn(error)}` })
      }
    }
  }

  return {
    call: (name, parts) => {
      const answer = last.then(() => patient((engine) => perform(engine, name, parts)))
      last = answer
      return answer
    },
    close: async () => {
      isClosing = true
      await last
      drop()
    }
  }
}

// helpers

/** How long the driver waits at a time, while nothing else of this thread goes on. */
const sliceMs = 1_000
const pauseMs = 20

/** A file that could not be opened; what to do has been said. */
interface Refused {
  readonly refusal?: FileError
}

const refused = (refusal: FileError): Error & Refused =>
  Object.assign(new Error(refusal.message), { refusal, ...(refusal.isBusy && { code: 'SQLITE_BUSY' }) })

interface OpenFile {
  readonly database: Database
  readonly engine: Engine
  /** The files by path, as numbers of the file system. */
  readonly seen: Map<string, number>
  /** Are their names sure to be on the disk? */
  isNamed: boolean
}

/** SQLite goes on writing to a file that was removed or replaced, where nobody would find what it wrote. */
const stay = ({ seen }: OpenFile, path: string): void => {
  const number = statSync(path, { throwIfNoEntry: false })?.ino
  const known = seen.get(path) ?? number
  if (number === undefined || number !== known)
    throw Object.assign(new Error(`${path} was removed or replaced`), { code: 'SQLITE_READONLY_DBMOVED' })
  seen.set(path, number)
}

/** SQLite does this as well, and does not say when it fails. */
const sync = (path: string): void => {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * What was written before a sync that failed may never reach the disk, though later syncs succeed: the system takes
 * it for written. So the log is copied into the database and begun anew, and is sure to be empty on the disk: else it
 * might be read over the database when the power goes.
 */
const renewLog = (database: Database, log: string): void => {
  const [result] = database.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[]
  if (result?.busy !== 0) throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })
  sync(log)
}

const isOfDisk = (error: unknown): boolean => /^(?:SQLITE_|E[A-Z]+$)/.test(codeOf(error))
