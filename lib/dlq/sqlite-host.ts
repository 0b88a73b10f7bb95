/** An engine on a file that may be busy or fail: waits for the one, and opens anew after the other. */
import { closeSync, fsyncSync, openSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Either } from 'fp-ts/lib/Either.js'
import { left, right } from '../core/result.js'
import type { Host, Refused } from '../sqlite/calls.js'
import type { Connect } from '../sqlite/driver.js'
import { adviceOn, isBusy, isOfDisk } from '../sqlite/errors.js'
import { openFile } from '../sqlite/file.js'
import { staying } from '../sqlite/place.js'
import { type Engine, perform } from './engine.js'
import { sqliteEngine } from './sqlite-engine.js'
import { queue } from './sqlite-file.js'

// model

export interface HostOptions {
  readonly location: string
  /** How long it waits in all while other processes hold the file locked, in milliseconds. */
  readonly patienceMs: number
}

// constructors

/** Answers one after the other; when it is closed nobody waits for a lock any more. */
export const hostOf = (connect: Connect, { location, patienceMs }: HostOptions): Host<Engine> => {
  let file: OpenFile | undefined
  let last: Promise<unknown> = Promise.resolve()
  let isClosing = false
  /** Has a commit failed since the log was last known to be whole on the disk? */
  let isSuspect = false

  const drop = (): void => {
    file?.database.close()
    file = undefined
  }
  const opened = (): Either<Refused, OpenFile> => {
    if (file !== undefined) return right(file)
    const connected = openFile(queue, connect, location, { create: false, busyMs: sliceMs })
    if (connected._tag === 'Left') return connected
    const database = connected.right
    try {
      const path = realpathSync(location)
      const log = `${path}-wal`
      if (isSuspect) renewLog(database, log)
      isSuspect = false
      const [engine, stay] = [sqliteEngine(database), staying(location, log)]
      file = { database, engine, stay, folder: dirname(path), isNamed: false }
      return right(file)
    } catch (error) {
      database.close()
      throw error
    }
  }

  const tried = <A>(ask: (engine: Engine) => A, isFirst: boolean): Either<Refused, A> => {
    try {
      const current = opened()
      if (current._tag === 'Left') return current
      const { engine, stay, folder, isNamed } = current.right
      const answer = ask(engine)
      stay()
      if (!isNamed) sync(folder)
      current.right.isNamed = true
      return right(answer)
    } catch (error) {
      if (!isBusy(error) && isOfDisk(error)) {
        isSuspect = true
        drop()
        // A failed commit may be there or not: only a new connection knows, and doing it again is harmless.
        if (isFirst) return tried(ask, false)
      }
      return left({ reason: `${location}: ${adviceOn(queue, error)}`, isBusy: isBusy(error) })
    }
  }

  const patient = async <A>(ask: (engine: Engine) => A): Promise<Either<Refused, A>> => {
    const until = performance.now() + patienceMs
    let answer = tried(ask, true)
    while (answer._tag === 'Left' && answer.left.isBusy && !isClosing && performance.now() < until) {
      await sleep(pauseMs)
      answer = tried(ask, true)
    }
    return answer._tag === 'Left' ? left({ reason: answer.left.reason }) : answer
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

interface OpenFile {
  readonly database: Database
  readonly engine: Engine
  readonly stay: () => void
  /** Where the location, or its link, leads: the log lies there. */
  readonly folder: string
  /** Are the names of the file and its log sure to be on the disk? */
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
