/** An engine on a file that may be busy or fail: waits for the one, and opens anew after the other. */
import { closeSync, fsyncSync, openSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Either } from 'fp-ts/lib/Either.js'
import { left, right } from '../core/result.js'
import type { Refused as NotDone, Host as HostOf } from '../sqlite/calls.js'
import type { Connect } from '../sqlite/driver.js'
import { type FileError, isBusy, isOfDisk, stay } from '../sqlite/file.js'
import { type Engine, perform } from './engine.js'
import { sqliteEngine } from './sqlite-engine.js'
import { adviceOn, openFile } from './sqlite-file.js'

// model

export interface HostOptions {
  readonly location: string
  /** How long it waits in all while other processes hold the file locked, in milliseconds. */
  readonly patienceMs: number
}

/** Answers one after the other; when it is closed nobody waits for a lock any more. */
export type Host = HostOf<Engine>

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
      const path = realpathSync(location)
      if (isSuspect) renewLog(database, `${path}-wal`)
      isSuspect = false
      file = { database, path, engine: sqliteEngine(database), seen: new Map(), isNamed: false }
      return file
    } catch (error) {
      database.close()
      throw error
    }
  }

  const asked = <A>(ask: (engine: Engine) => A): A => {
    const current = opened()
    const answer = ask(current.engine)
    for (const path of [location, `${current.path}-wal`]) stay(current.seen, path)
    if (!current.isNamed) sync(dirname(current.path))
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

  const patient = async <A>(ask: (engine: Engine) => A): Promise<Either<NotDone, A>> => {
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
  /** The location, or where its link leads: the log lies there. */
  readonly path: string
  readonly engine: Engine
  /** The files by path, as numbers of the file system. */
  readonly seen: Map<string, number>
  /** Are their names sure to be on the disk? */
  isNamed: boolean
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
