import * as assert from 'uvu/assert'
import { until } from '../support/deadline.js'
import type { Verdict } from '../support/faults/judge.js'
import type { Kind } from '../support/faults/plan.js'
import { type TrialOptions, inTrial } from '../support/faults/trial.js'
import { redisSuite } from '../support/redis-suite.js'

const broken = redisSuite('the judge of a source that is broken')

const objects = ({ objections }: Verdict, what: string): void =>
  assert.ok(
    objections.some((objection) => objection.startsWith(what)),
    `'${what}' is among ${JSON.stringify(objections)}`
  )

broken(
  'finds what is lost when messages are acknowledged before they are handled, and a process is killed',
  () =>
    inTrial({ count: 2_000, perSecond: 5_000, mode: 'acks-early' }, async (trial) => {
      const { fleet } = trial
      const [victim] = await trial.ready(2)
      if (victim === undefined) throw new Error('there is none')
      trial.produce()
      const isAtWork = () =>
        trial.records().some(({ what, worker }) => what === 'handled' && worker === victim.number)
      await until('it is at work', isAtWork)
      await fleet.kill(victim)
      const verdict = await trial.judged()
      objects(verdict, 'LOST: neither handled nor in the queue')
      objects(verdict, 'acknowledged before it was handled or stored')
    })
)

broken('finds a message that is delivered twice', () =>
  inTrial({ count: 100, mode: 'delivers-twice' }, async (trial) => {
    await trial.ready(1)
    trial.produce()
    objects(await trial.judged(), 'started again')
  })
)

const poisoned: TrialOptions = {
  count: 200,
  given: new Map<number, Kind>([[60, 'poison']]),
  limit: 3,
  leaseMs: 300
}

broken(
  'finds the neighbours that are condemned with a poison when taking a message counts as starting it',
  () =>
    inTrial({ ...poisoned, mode: 'counts-claims' }, async (trial) => {
      trial.fleet.keepUp()
      trial.fleet.start()
      trial.produce()
      objects(await trial.judged(), 'in the queue as TooManyDeliveries, which it is not to be')
    })
)

broken('finds those that are condemned when what was abandoned is started side by side', () =>
  inTrial({ ...poisoned, mode: 'side-by-side' }, async (trial) => {
    trial.fleet.keepUp()
    trial.fleet.start()
    trial.produce()
    objects(await trial.judged(), 'in the queue as TooManyDeliveries, which it is not to be')
  })
)

broken.run()
