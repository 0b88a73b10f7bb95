import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { mixture } from '../support/faults/plan.js'
import { accept, inTrial } from '../support/faults/trial.js'
import { redisSuite } from '../support/redis-suite.js'

const kills = redisSuite('redisStream whose processes are killed')

kills(
  'loses nothing, and repeats only what was started and not settled, when they are killed at random',
  () =>
    inTrial({ count: 12_000, shares: mixture, perSecond: 5_000 }, async (trial) => {
      const { fleet, between } = trial
      await trial.ready(3)
      trial.produce()
      for (let kill = 0; kill < 8; kill += 1) {
        await delay(between(50, 500))
        const [victim] = fleet.living()
        if (victim === undefined) throw new Error('nobody is left')
        await victim.told('Ready')
        await fleet.kill(victim)
        fleet.start()
      }
      const verdict = await trial.judged()
      accept(verdict)
      assert.ok(verdict.repeats.killed > 0, 'some were at work')
    })
)

kills.run()

const stops = redisSuite('redisStream whose processes are stopped')

stops('loses nothing and repeats nothing, when they are stopped in turn', () =>
  inTrial(
    { count: 8_000, shares: { ...mixture, nacked: 0 }, perSecond: 3_000, leaseMs: 5_000 },
    async (trial) => {
      const { fleet, between } = trial
      await trial.ready(3)
      trial.produce()
      for (let stop = 0; stop < 6; stop += 1) {
        await delay(between(50, 300))
        const [oldest] = fleet.living()
        if (oldest === undefined) throw new Error('nobody is left')
        await oldest.told('Ready')
        fleet.start()
        await fleet.stop(oldest)
      }
      const verdict = await trial.judged()
      accept(verdict)
      assert.is(verdict.starts, 8_000, 'each was started once')
      assert.is(verdict.handled + verdict.stored, 8_000)
    }
  )
)

stops.run()
