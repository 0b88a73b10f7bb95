/** The producer: adds the messages of a plan to the stream, each once, whatever happens to Redis meanwhile. */
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Plan } from './plan.js'

// model

export interface Producer {
  /** How many were added for sure. */
  readonly added: () => number
  /** Resolves once all are added. */
  readonly done: Promise<void>
  readonly stop: () => Promise<void>
}

export interface ProducerOptions {
  readonly url: string
  readonly stream: string
  readonly firstMs: number
  readonly plan: Plan
  /** How many are added in a second, at most. */
  readonly perSecond?: number
  /** Arguments of XADD after the key, like MAXLEN. */
  readonly adding?: readonly (string | number)[]
}

// constructors

export const produce = (options: ProducerOptions): Producer => {
  const { url, stream, firstMs, plan, perSecond = Infinity, adding = [] } = options
  let added = 0
  let isStopped = false
  const client = new Redis(url, {
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: () => 20,
    commandTimeout: 2_000
  })
  client.on('error', () => undefined)

  const addNext = async (size: number): Promise<void> => {
    const pipeline = client.pipeline()
    for (let seq = added; seq < added + size; seq += 1)
      pipeline.call('XADD', stream, ...adding, `${firstMs + seq}-0`, 'payload', plan.payloadOf(seq))
    const replies = (await pipeline.exec()) ?? []
    const refused = replies.findIndex(([error]) => error !== null)
    if (replies.length === size && refused === -1) added += size
    else throw replies[refused]?.[0] ?? new Error('no answer')
  }

  /** How many there are by now: an answer may have been lost. */
  const recount = async (): Promise<void> => {
    const reply = (await client.call('XINFO', 'STREAM', stream)) as unknown[]
    const last = String(reply[reply.indexOf('last-generated-id') + 1])
    added = Math.max(added, Number.parseInt(last, 10) - firstMs + 1)
  }

  const run = async (): Promise<void> => {
    const begunAt = performance.now()
    while (added < plan.count && !isStopped) {
      const due = Math.floor(((performance.now() - begunAt) / 1_000) * perSecond) - added
      const size = Math.min(most, plan.count - added, due)
      if (size <= 0) await delay(5)
      else await addNext(size).catch(() => recount().catch(() => delay(10)))
    }
    client.disconnect()
  }

  const done = run()
  return {
    added: () => added,
    done,
    stop: () => {
      isStopped = true
      return done
    }
  }
}

// helpers

const most = 200
