/** A thread that owns a connection to a file: started when it is first asked, and again if it ends. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Either } from 'fp-ts/lib/Either.js'
import { left } from '../core/result.js'
import { here } from '../here.js'
import type { Answered, Asked, CallOf, Calls, Refused } from './calls.js'

// model

export interface Thread<C extends Calls<C>> {
  /** Never rejects. `transfer`: buffers that are given away. */
  readonly ask: <K extends CallOf<C>>(
    name: K,
    parts: Parameters<C[K]>,
    transfer?: readonly ArrayBuffer[]
  ) => Promise<Either<Refused, ReturnType<C[K]>>>
  readonly close: () => Promise<void>
}

/** What it is told when it starts, as far as it can be cloned. */
export interface ThreadOptions {
  readonly location: string
  readonly [name: string]: unknown
}

// constructors

/** `file`: what it runs, from lib on and without its ending; `owner`: whose it is. */
export const threadOf = <C extends Calls<C>>(
  file: string,
  owner: string,
  options: ThreadOptions
): Thread<C> => {
  const workerFile = urlOf(file)
  const waiting = new Map<number, (answer: Either<Refused, any>) => void>()
  let worker: Worker | undefined
  let number = 0
  let isClosed = false

  const failAll = (reason: string): void => {
    for (const answer of waiting.values()) answer(left({ reason }))
    waiting.clear()
  }

  const started = (): Worker => {
    const thread = new Worker(workerFile, { workerData: options, ...(isOfText && { execArgv: [] }) })
    thread.on('message', ({ number, answer }: Answered) => {
      waiting.get(number)?.(answer)
      waiting.delete(number)
      if (waiting.size === 0 && !isClosed) thread.unref()
    })
    thread.on('error', (error) =>
      failAll(`${options.location}: the thread of ${owner} failed: ${error.message}`)
    )
    thread.on('exit', () => {
      if (worker === thread) worker = undefined
      failAll(`${options.location}: the thread of ${owner} ended`)
    })
    return thread
  }

  return {
    ask: (name, parts, transfer = []) =>
      new Promise((resolve) => {
        if (isClosed) return resolve(left({ reason: `${options.location}: ${owner} is closed` }))
        try {
          worker ??= started()
          number += 1
          worker.postMessage({ number, name, parts } satisfies Asked, transfer)
          worker.ref()
          waiting.set(number, resolve)
        } catch (error) {
          resolve(left({ reason: `${options.location}: ${(error as Error).message}` }))
        }
      }),
    close: async () => {
      isClosed = true
      const thread = worker
      if (thread === undefined) return
      const ended = new Promise((resolve) => thread.once('exit', resolve))
      thread.postMessage({ number: 0, name: 'close', parts: [] } satisfies Asked)
      thread.ref()
      await ended
    }
  }
}

/** Why no thread can be started with this file, where that is known. */
export const threadFlaw = (file: string): string | undefined => {
  const path = fileURLToPath(urlOf(file))
  return existsSync(path)
    ? undefined
    : `there is no ${path}, which its thread runs: where missive-ts is bundled, leave it out of the bundle`
}

// helpers

const urlOf = (file: string): URL => new URL(`./${file}${here.endsWith('.ts') ? '.ts' : '.js'}`, here)

/** An option for programs that are no file, as `node --input-type=module -e …`; no thread starts with it. */
const isOfText = process.execArgv.some((option) => option.startsWith('--input-type'))
