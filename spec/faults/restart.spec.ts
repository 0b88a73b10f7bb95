import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { mixture } from '../support/faults/plan.js'
import { accept, inTrial } from '../support/faults/trial.js'
import { redisSuite } from '../support/redis-suite.js'

const restarts = redisSuite('redisStream whose Redis is restarted')

restarts('loses nothing, and repeats only what was not confirmed, whether Redis is stopped or killed', () =>
  inTrial(
    {
      count: 8_000,
      shares: mixture,
      perSecond: 2_500,
      leaseMs: 1_000,
      redis: { appendonly: 'always' },
      mayLeave: true
    },
    async (trial) => {
      const { redis, between } = trial
      await trial.ready(2)
      trial.produce()
      for (const end of ['stop', 'kill', 'stop', 'kill'] as const) {
        await delay(between(50, 500))
        await redis[end]()
        await redis.start()
      }
      await trial.settled()
      await trial.scanned()
      const verdict = await trial.judged()
      accept(verdict)
      assert.ok(verdict.repeats.killed === 0 && verdict.repeats.parked > 0)
    }
  )
)

restarts.run()
