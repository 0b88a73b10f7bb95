/** A thread that owns a connection to a queue's file: started when it is first asked, and again if it ends. */
import { Worker } from 'node:worker_threads'
import type { Either } from 'fp-ts/lib/Either.js'
import type { DlqError } from '../core/letter.js'
import { left } from '../core/result.js'
import { here } from '../here.js'
import type { Engine, EngineCall } from './engine.js'
import type { HostOptions } from './sqlite-host.js'
import type { Asked } from './sqlite-worker.js'

// model

export interface Thread {
  /** Never rejects. `transfer`: buffers that are given away. */
  readonly ask: <K extends EngineCall>(
    name: K,
    parts: Parameters<Engine[K]>,
    transfer?: readonly ArrayBuffer[]
  ) => Promise<Either<DlqError, ReturnType<Engine[K]>>>
  readonly close: () => Promise<void>
}

// constructors

export const threadOf = (options: HostOptions): Thread => {
  const waiting = new Map<number, (answer: Either<DlqError, any>) => void>()
  let worker: Worker | undefined
  let number = 0
  let isClosed = false

  const failAll = (reason: string): void => {
    for (const answer of waiting.values()) answer(left({ reason }))
    waiting.clear()
  }

  const started = (): Worker => {
    const thread = new Worker(workerFile, { workerData: options })
    thread.on('message', ({ number, answer }: Answered) => {
      waiting.get(number)?.(answer)
      waiting.delete(number)
      if (waiting.size === 0 && !isClosed) thread.unref()
    })
    thread.on('error', (error) =>
      failAll(`${options.location}: the thread of the queue failed: ${error.message}`)
    )
    thread.on('exit', () => {
      if (worker === thread) worker = undefined
      failAll(`${options.location}: the thread of the queue ended`)
    })
    return thread
  }

  return {
    ask: (name, parts, transfer = []) =>
      new Promise((resolve) => {
        if (isClosed) return resolve(left({ reason: `${options.location}: the queue is closed` }))
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

// helpers

interface Answered {
  readonly number: number
  readonly answer: Either<DlqError, unknown>
}

const workerFile = new URL(`./dlq/sqlite-worker${here.endsWith('.ts') ? '.ts' : '.js'}`, here)
