import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type Trial, accept, inTrial } from '../support/faults/trial.js'
import { redisSuite } from '../support/redis-suite.js'

const losses = redisSuite('redisStream whose group is taken away')

/** A lease outlasts what a busy machine does not run a worker for: a FLUSHALL takes away who had what. */
const fast = {
  count: 4_000,
  leaseMs: 5_000,
  shares: { malformed: 5, rejected: 5 },
  perSecond: 2_500,
  maxWorkMs: 20
}

/** So slow that what a process has read ahead outlasts its lease. */
const slow = { count: 800, perSecond: 5_000, maxUnsettled: 64, maxWorkMs: 200 }

/** After which messages a group was begun again, by those who told so. */
const begunAgainAfter = ({ fleet, seqOf }: Trial): readonly number[] =>
  fleet
    .all()
    .flatMap(({ events }) => events)
    .flatMap((event) => (event._tag === 'GroupLost' ? [seqOf(event.from)] : []))

losses('goes on with what is added after a FLUSHALL, and runs what was in flight once at most', () =>
  inTrial(fast, async (trial) => {
    const { redis, stream } = trial
    await trial.ready(3)
    trial.produce()
    await delay(trial.between(500, 1_000))
    await redis.cli('FLUSHALL')
    await trial.settled()
    const [[id]] = (await redis.cli('XRANGE', stream, '-', '+', 'COUNT', 1)) as [[string]]
    const first = trial.seqOf(id)
    const verdict = await trial.judged({ mayBeLost: (seq) => seq < first })
    accept(verdict)
    assert.ok(first > 0 && verdict.lost < first)
    assert.equal(Object.values(verdict.repeats), [0, 0, 0, 0, 0])
    assert.ok(begunAgainAfter(trial).length > 0, 'somebody said so')
  })
)

losses(
  'loses nothing when the group is destroyed, and runs again only what comes after where it begins again',
  () =>
    inTrial(slow, async (trial) => {
      const { redis, stream, group } = trial
      await trial.ready(3)
      trial.produce()
      await delay(trial.between(300, 1_000))
      await redis.cli('XGROUP', 'DESTROY', stream, group)
      await trial.settled()
      const begun = Math.min(...begunAgainAfter(trial))
      assert.ok(begun < slow.count, 'somebody said so')
      accept(await trial.judged({ mayBeRedone: (seq) => seq > begun }))
    })
)

losses.run()
