// The long trial: a million messages, a hundred workers killed, and in between some stopped, Redis restarted, and
// connections cut. Ends with 1 if the judge objects. Workers run what was built.
// Usage: npm run test:faults. SEED, COUNT and KILLS change what it does.
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../deadline.js'
import { renderVerdict } from './judge.js'
import { mixture } from './plan.js'
import { type Trial, inTrial } from './trial.js'

const count = Number(process.env.COUNT ?? 1_000_000)
const kills = Number(process.env.KILLS ?? 100)
const [workers, deadlineMs] = [4, 900_000]

// What workers import is then resolved as for any user of the package.
process.env.TSX_TSCONFIG_PATH = 'tsconfig.build.json'

const done = { kills: 0, stops: 0, restarts: 0, cuts: 0 }

/** Every other worker is behind the proxy. */
const startOne = ({ fleet, proxy }: Trial): void =>
  void fleet.start(fleet.all().length % 2 === 0 ? { url: proxy.url } : {})

const eldest = async ({ fleet }: Trial) => {
  const [worker] = fleet.living()
  if (worker === undefined) throw new Error('no worker is left')
  await worker.told('Ready')
  return worker
}

const faults: readonly { readonly every: number; readonly make: (trial: Trial) => Promise<void> }[] = [
  {
    every: 1,
    make: async (trial) => {
      await trial.fleet.kill(await eldest(trial))
      startOne(trial)
      done.kills += 1
    }
  },
  {
    every: 5,
    make: async (trial) => {
      const leaving = await eldest(trial)
      startOne(trial)
      await trial.fleet.stop(leaving)
      done.stops += 1
    }
  },
  {
    every: 2,
    make: async ({ proxy, between }) => {
      proxy.cutAfter(between(1, 30_000), between(0, 1) === 0 ? 'toClient' : 'toServer')
      done.cuts += 1
    }
  },
  {
    every: 10,
    make: async ({ redis, between }) => {
      await redis[between(0, 1) === 0 ? 'stop' : 'kill']()
      await redis.start()
      done.restarts += 1
    }
  }
]

const options = {
  count,
  shares: mixture,
  perSecond: 12_000,
  leaseMs: 1_000,
  concurrency: 16,
  maxUnsettled: 512,
  limit: 8,
  redis: { appendonly: 'always' },
  mayLeave: true
} as const

const begunAt = performance.now()
const seconds = (): number => Math.round((performance.now() - begunAt) / 1_000)

await inTrial(options, async (trial) => {
  console.log(`seed ${trial.seed}: ${count} messages, ${workers} workers, ${kills} kills`)
  for (let index = 0; index < workers; index += 1) startOne(trial)
  const producer = trial.produce()
  for (let round = 1; round <= kills; round += 1) {
    const due = Math.floor((count * (round - 0.5)) / kills)
    await until(`${due} are added`, () => producer.added() >= due, deadlineMs)
    for (const { every, make } of faults) {
      if (round % every !== 0) continue
      await delay(trial.between(50, 500))
      await make(trial)
    }
    if (round % 10 === 0) console.log(`${seconds()} s: ${producer.added()} added, ${round} rounds of faults`)
  }
  await trial.settled(deadlineMs)
  const verdict = await trial.judged()
  const { kills: killed, stops, restarts, cuts } = done
  console.log(
    `${killed} killed, ${stops} stopped, Redis restarted ${restarts} times, ${cuts} connections cut`
  )
  console.log(renderVerdict(verdict))
  console.log(
    `${verdict.objections.length === 0 ? '0 lost, all repeats explained' : 'REFUSED'}: ${seconds()} s`
  )
  process.exitCode = verdict.objections.length === 0 ? 0 : 1
})
