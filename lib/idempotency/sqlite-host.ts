/** An engine on a file that may be busy or fail: says so at once, and opens anew after a failure. */
import { realpathSync } from 'node:fs'
import type { Database } from 'better-sqlite3'
import type { Either } from 'fp-ts/lib/Either.js'
import { left, right } from '../core/result.js'
import type { Host, Refused } from '../sqlite/calls.js'
import type { Connect } from '../sqlite/driver.js'
import { adviceOn, isBusy, isOfDisk } from '../sqlite/errors.js'
import { openFile } from '../sqlite/file.js'
import { placeOf, staying } from '../sqlite/place.js'
import { type Engine, type EngineOptions, engineOf } from './sqlite-engine.js'
import { store } from './sqlite-file.js'

// model

export interface HostOptions extends EngineOptions {
  readonly location: string
}

export interface Calls extends Engine {
  /** Makes the file if it is missing. Gives what speaks against its place. */
  readonly open: () => string | undefined
}

// constructors

export const hostOf = (connect: Connect, { location, ...options }: HostOptions): Host<Calls> => {
  let file: OpenFile | undefined

  const drop = (): void => {
    file?.database.close()
    file = undefined
  }

  const opened = (create: boolean): Either<Refused, OpenFile> => {
    if (file !== undefined) return right(file)
    const connected = openFile(store, connect, location, { create, busyMs: sliceMs })
    if (connected._tag === 'Left') return connected
    const database = connected.right
    file = {
      database,
      engine: engineOf(database, options),
      stay: staying(location, `${realpathSync(location)}-wal`)
    }
    return right(file)
  }

  const tried = <A>(ask: () => Either<Refused, A>): Either<Refused, A> => {
    try {
      return ask()
    } catch (error) {
      // What was asked may have been done or not, and only a new connection knows.
      if (!isBusy(error) && isOfDisk(error)) drop()
      return left({ reason: `${location}: ${adviceOn(store, error)}`, isBusy: isBusy(error) })
    }
  }

  const calls: { readonly [K in keyof Calls]: (...parts: Parameters<Calls[K]>) => Either<Refused, any> } = {
    open: () => {
      const { no, warning } = placeOf(store, location)
      if (no !== undefined) return left({ reason: no })
      const current = opened(true)
      return current._tag === 'Left' ? current : right(warning)
    },
    all: (asked, now) => {
      const current = opened(false)
      if (current._tag === 'Left') return current
      const { engine, stay } = current.right
      const answers = engine.all(asked, now)
      stay()
      return right(answers)
    }
  }

  return {
    call: async (name, parts) => tried(() => (calls[name] as (...parts: unknown[]) => any)(...parts)),
    close: async () => drop()
  }
}

// helpers

/** How long the driver waits at a time; the time of day which it was told is so much older then. */
const sliceMs = 100

interface OpenFile {
  readonly database: Database
  readonly engine: Engine
  readonly stay: () => void
}
