/** An engine on a file that may be busy or fail: waits for the one, and opens anew after the other. */
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
  /** How long settled letters keep their bytes, in milliseconds. */
  readonly keepSettledMs: number
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

export const hostOf = (connect: Connect, { location, patienceMs, keepSettledMs }: HostOptions): Host => {
  let file: { readonly database: Database; readonly engine: Engine } | undefined
  let last: Promise<unknown> = Promise.resolve()
  let isClosing = false

  const drop = (): void => {
    file?.database.close()
    file = undefined
  }
  const engine = (): Engine => {
    if (file !== undefined) return file.engine
    const opened = openFile(connect, location, { create: false, busyMs: sliceMs })
    if (opened._tag === 'Left') throw refused(opened.left)
    file = { database: opened.right, engine: sqliteEngine(opened.right, { keepSettledMs }) }
    return file.engine
  }

  /** A failed commit may be there or not: only a new connection knows, and doing it again is harmless. */
  const twice = <A>(ask: (engine: Engine) => A): A => {
    try {
      return ask(engine())
    } catch (error) {
      if (isBusy(error) || !isOfDatabase(error)) throw error
      drop()
      return ask(engine())
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
        const { refusal } = error as Refused
        return left({ reason: refusal?.message ?? `${location}: ${adviceOn(error)}` })
      }
    }
  }

  return {
    call: (name, parts) => {
      const answer = last.then(() => patient((asked) => perform(asked, name, parts)))
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

const isOfDatabase = (error: unknown): boolean => codeOf(error).startsWith('SQLITE_')
