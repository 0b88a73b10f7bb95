import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type Trial, accept, inTrial } from '../support/faults/trial.js'
import { redisSuite } from '../support/redis-suite.js'

const losses = redisSuite('redisStream whose group is taken away')

const workers = 3
const maxUnsettled = 64
const common = {
  count: 4_000,
  shares: { malformed: 5, rejected: 5 },
  perSecond: 1_500,
  maxUnsettled,
  maxWorkMs: 10
}

const startsOf = (trial: Trial): ReadonlyMap<number, number> =>
  trial
    .records()
    .reduce(
      (all, { what, seq }) => (what === 'started' ? all.set(seq, (all.get(seq) ?? 0) + 1) : all),
      new Map<number, number>()
    )

const toldOfLoss = ({ fleet }: Trial): number =>
  fleet.all().filter(({ events }) => events.some(({ _tag }) => _tag === 'GroupLost')).length

losses('goes on with what is added after a FLUSHALL, and runs what was in flight once at most', () =>
  inTrial(common, async (trial) => {
    const { redis, stream } = trial
    await trial.ready(workers)
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
    assert.ok(toldOfLoss(trial) > 0, 'somebody said so')
  })
)

losses('loses nothing when the group is destroyed, and runs again at most what was about to be done', () =>
  inTrial(common, async (trial) => {
    const { redis, stream, group } = trial
    await trial.ready(workers)
    const producer = trial.produce()
    await delay(trial.between(500, 1_000))
    await redis.cli('XGROUP', 'DESTROY', stream, group)
    const added = producer.added() + 400
    const verdict = await trial.judged({ mayBeRedone: (seq) => seq < added })
    accept(verdict)
    assert.ok(Math.max(...startsOf(trial).values()) <= 2)
    assert.ok(verdict.starts - 4_000 <= workers * maxUnsettled, `${verdict.starts} starts`)
    assert.ok(toldOfLoss(trial) > 0, 'somebody said so')
  })
)

losses.run()
