import * as assert from 'uvu/assert'
import type { Kind } from '../support/faults/plan.js'
import { accept, inTrial } from '../support/faults/trial.js'
import { redisSuite } from '../support/redis-suite.js'

const leases = redisSuite('redisStream and work that outlasts its lease')

const given = (kind: Kind, ...numbers: readonly number[]): ReadonlyMap<number, Kind> =>
  new Map(numbers.map((number) => [number, kind]))

leases('runs work once that takes ten leases, though four processes look for what was left', () =>
  inTrial({ count: 400, given: given('long', 0, 7, 50, 51, 52, 200), leaseMs: 500 }, async (trial) => {
    await trial.ready(4)
    trial.produce()
    const verdict = await trial.judged()
    accept(verdict)
    assert.is(verdict.starts, 400)
  })
)

leases(
  'runs work at most twice that blocks the event loop for three leases, and acknowledges nothing it lost',
  () =>
    inTrial(
      { count: 1_000, given: given('blocking', 40, 300, 600), perSecond: 800, leaseMs: 400 },
      async (trial) => {
        await trial.ready(3)
        trial.produce()
        const verdict = await trial.judged()
        accept(verdict)
        assert.is(verdict.lateAcks, 0)
        // Who wakes once the other has acknowledged it is told that it is done, not that it was lost.
        assert.ok(verdict.repeats.lost + verdict.repeats.unanswered > 0, 'others took it over')
        const starts = trial
          .records()
          .reduce(
            (all, { what, seq }) => (what === 'started' ? all.set(seq, (all.get(seq) ?? 0) + 1) : all),
            new Map<number, number>()
          )
        assert.ok(Math.max(...starts.values()) <= 2)
      }
    )
)

leases.run()
