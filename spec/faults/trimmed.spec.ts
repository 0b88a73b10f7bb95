import * as assert from 'uvu/assert'
import { accept, inTrial } from '../support/faults/trial.js'
import { redisSuite } from '../support/redis-suite.js'

const trims = redisSuite('redisStream whose stream is trimmed')

trims('counts what was trimmed before anybody read it, no more and no less, and handles the rest', () =>
  inTrial(
    { count: 6_000, adding: ['MAXLEN', '=', 300], perSecond: 3_000, concurrency: 1, maxUnsettled: 16 },
    async (trial) => {
      const { plan } = trial
      await trial.ready(2)
      await trial.produce().done
      await trial.settled()
      const handled = trial.records().filter(({ what }) => what === 'handled').length
      await trial.scanned()
      const verdict = await trial.judged({ mayBeLost: () => true, mayBeTrimmed: plan.count - handled })
      accept(verdict)
      assert.ok(verdict.lost > 0, 'some were trimmed')
      assert.is(verdict.handled, plan.count - verdict.lost)
    }
  )
)

trims.run()
