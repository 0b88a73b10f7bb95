/** A trial: a Redis, a producer, workers, and a judge in the end. Its faults are up to the spec. */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { until } from '../deadline.js'
import { inFolder } from '../letters.js'
import { type RedisOptions, type RedisServer, withRedis } from '../redis-server.js'
import { type TcpProxy, startProxy } from '../tcp-proxy.js'
import { type Fleet, type Worker, fleetOf } from './fleet.js'
import { type Evidence, type Verdict, judged, renderVerdict } from './judge.js'
import { type LedgerRecord, readLedger } from './ledger.js'
import { type Plan, type PlanOptions, planOf, randomOf } from './plan.js'
import { type Producer, type ProducerOptions, produce } from './producer.js'
import type { Mode, WorkerOptions } from './worker-options.js'

// model

export interface TrialOptions extends Omit<PlanOptions, 'seed'> {
  readonly leaseMs?: number
  readonly concurrency?: number
  readonly maxUnsettled?: number
  readonly limit?: number
  readonly mode?: Mode
  readonly redis?: RedisOptions
  readonly perSecond?: number
  readonly adding?: ProducerOptions['adding']
  /** Outages outlast leases, and what got no answer then is told as left undone. */
  readonly mayLeave?: boolean
}

export interface Trial {
  readonly seed: number
  readonly redis: RedisServer
  /** Between workers and Redis, for those that are started with its url. */
  readonly proxy: TcpProxy
  readonly plan: Plan
  readonly fleet: Fleet
  readonly stream: string
  readonly group: string
  readonly leaseMs: number
  /** The number of the message that has this id. */
  readonly seqOf: (id: string) => number
  /** From the seed; the order of its draws is the spec's. */
  readonly random: () => number
  /** A whole number from the one to the other, both included. */
  readonly between: (least: number, most: number) => number
  /** Starts so many workers, and waits until they are ready. */
  readonly ready: (count: number, changed?: Partial<WorkerOptions>) => Promise<readonly Worker[]>
  /** Begins to add messages. */
  readonly produce: () => Producer
  readonly records: () => readonly LedgerRecord[]
  /** How many entries workers told of that were trimmed before they were done. */
  readonly trimmed: () => number
  /** Waits until all was added and nothing is left in the group. */
  readonly settled: (deadlineMs?: number) => Promise<void>
  /** Waits until somebody has scanned the group once more. */
  readonly scanned: () => Promise<void>
  /** Waits as `settled` does, stops the workers, and lets the judge speak. */
  readonly judged: (more?: Partial<Evidence>) => Promise<Verdict>
  /** The judge at once, as things stand. */
  readonly judgedNow: (more?: Partial<Evidence>) => Promise<Verdict>
}

// constructors

/** Gives a trial whose seed it prints, or takes from `SEED`, and leaves nothing of it. */
export const inTrial = (options: TrialOptions, use: (trial: Trial) => Promise<void>): Promise<void> =>
  inFolder((folder) =>
    withRedis(async (redis) => {
      const seed = process.env.SEED === undefined ? randomInt(1_000_000) : Number(process.env.SEED)
      const proxy = await startProxy(redis.port)
      const trial = trialOf(seed, folder, redis, proxy, options)
      try {
        await use(trial)
      } catch (error) {
        console.log(`SEED=${seed}`)
        throw error
      } finally {
        await trial.fleet.killAll()
        await proxy.stop()
        await trial.ended()
      }
    }, options.redis)
  )

/** Fails with the judge's words. */
export const accept = (verdict: Verdict): void => {
  console.log(renderVerdict(verdict))
  if (verdict.objections.length > 0) throw new Error(`the judge objects:\n${renderVerdict(verdict)}`)
}

// helpers

const trialOf = (
  seed: number,
  folder: string,
  redis: RedisServer,
  proxy: TcpProxy,
  options: TrialOptions
): Trial & { readonly ended: () => Promise<void> } => {
  const { leaseMs = 500, concurrency = 8, maxUnsettled = 256, limit = 5, mode = 'sound' } = options
  const plan = planOf({ ...options, seed })
  const random = randomOf(seed)
  const [stream, group] = ['orders', 'billing']
  const [queue, file] = [join(folder, 'letters.db'), join(folder, 'ledger')]
  const firstMs = Date.now()
  const worker: Omit<WorkerOptions, 'worker'> = {
    url: redis.url,
    stream,
    group,
    queue,
    ledger: file,
    firstMs,
    leaseMs,
    concurrency,
    maxUnsettled,
    limit,
    mode
  }
  const fleet = fleetOf(worker, options.mayLeave)
  let producer: Producer | undefined

  const pendingIn = async (): Promise<number> => {
    const [pending] = (await redis.cli('XPENDING', stream, group)) as [number]
    return pending
  }

  const isSettled = async (): Promise<boolean> => {
    const [stated, groups] = await Promise.all([
      redis.cli('XINFO', 'STREAM', stream),
      redis.cli('XINFO', 'GROUPS', stream)
    ])
    const last = fieldOf(stated, 'last-generated-id')
    const [mine] = groups as readonly unknown[]
    return fieldOf(mine, 'pending') === 0 && fieldOf(mine, 'last-delivered-id') === last
  }

  const settled: Trial['settled'] = async (deadlineMs = 60_000) => {
    await producer?.done
    await until('nothing is left in the group', () => isSettled().catch(() => false), deadlineMs)
  }

  /** For how long nobody has scanned the group, in milliseconds. */
  const unscannedMs = async (): Promise<number> => {
    const consumers = (await redis.cli('XINFO', 'CONSUMERS', stream, group)) as readonly unknown[]
    return Number(fieldOf(consumers.find((each) => fieldOf(each, 'name') === '~scan') ?? [], 'idle'))
  }

  const trimmed = (): number =>
    fleet
      .all()
      .flatMap(({ events }) => events)
      .reduce((sum, event) => sum + (event._tag === 'Trimmed' ? event.count : 0), 0)

  const judgedNow: Trial['judgedNow'] = async (more = {}) =>
    judged({
      plan,
      ledger: file,
      letters: lettersIn(queue, firstMs),
      pending: await pendingIn(),
      trimmed: trimmed(),
      ...more
    })

  return {
    seed,
    redis,
    proxy,
    plan,
    fleet,
    stream,
    group,
    leaseMs,
    seqOf: (id) => Number.parseInt(id, 10) - firstMs,
    random,
    between: (least, most) => least + Math.floor(random() * (most - least + 1)),
    ready: async (count, changed) => {
      const started = Array.from({ length: count }, () => fleet.start(changed))
      await Promise.all(started.map((one) => one.told('Ready')))
      return started
    },
    produce: () => {
      const { perSecond, adding } = options
      producer = produce({
        url: redis.url,
        stream,
        firstMs,
        plan,
        ...(perSecond !== undefined && { perSecond }),
        ...(adding !== undefined && { adding })
      })
      return producer
    },
    records: () => {
      const all: LedgerRecord[] = []
      readLedger(file, (record) => all.push(record))
      return all
    },
    trimmed,
    settled,
    scanned: async () => {
      const before = await unscannedMs()
      await until('the group is scanned', async () => (await unscannedMs()) < before)
    },
    judged: async (more) => {
      await settled()
      await fleet.stopAll()
      return judgedNow(more)
    },
    judgedNow,
    ended: async () => producer?.stop()
  }
}

const fieldOf = (reply: unknown, name: string): unknown => {
  const fields = reply as readonly unknown[]
  return fields[fields.indexOf(name) + 1]
}

/** The failures of a queue's letters, by the number of their message. */
const lettersIn = (file: string, firstMs: number): ReadonlyMap<number, string> => {
  const database = new Database(file)
  try {
    const rows = database.prepare('SELECT id, failure FROM letters').all() as readonly {
      readonly id: string
      readonly failure: string
    }[]
    return new Map(
      rows.map(({ id, failure }) => [
        Number.parseInt(id, 10) - firstMs,
        (JSON.parse(failure) as { readonly _tag: string })._tag
      ])
    )
  } finally {
    database.close()
  }
}
