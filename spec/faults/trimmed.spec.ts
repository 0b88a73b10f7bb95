import * as assert from 'uvu/assert'
import { until } from '../support/deadline.js'
import { accept, inTrial } from '../support/faults/trial.js'
import { redisSuite } from '../support/redis-suite.js'

const trims = redisSuite('redisStream whose stream is trimmed')

trims('counts what was trimmed before anybody read it, no more and no less, and handles the rest', () =>
  inTrial(
    { count: 6_000, adding: ['MAXLEN', '=', 300], perSecond: 3_000, concurrency: 1, maxUnsettled: 16 },
    async (trial) => {
      const { fleet, plan } = trial
      await trial.ready(2)
      await trial.produce().done
      await trial.settled()
      const trimmed = (): number =>
        fleet
          .all()
          .flatMap(({ events }) => events)
          .reduce((sum, event) => sum + (event._tag === 'Trimmed' ? event.count : 0), 0)
      const handled = trial.records().filter(({ what }) => what === 'handled').length
      await until('all that was trimmed is counted', () => trimmed() >= plan.count - handled, 5_000)
      const verdict = await trial.judged({ mayBeLost: () => true })
      accept(verdict)
      assert.ok(verdict.lost > 0, 'some were trimmed')
      assert.is(trimmed(), verdict.lost)
      assert.is(verdict.handled, plan.count - verdict.lost)
    }
  )
)

trims.run()
