import * as assert from 'uvu/assert'
import { type Kind, mixture } from '../support/faults/plan.js'
import { accept, inTrial } from '../support/faults/trial.js'
import { redisSuite } from '../support/redis-suite.js'

const poisons = redisSuite('redisStream whose messages kill their processes')

const limit = 3

/** The numbers of messages, which are poisons. */
const poisonAt = (...numbers: readonly number[]): ReadonlyMap<number, Kind> =>
  new Map(numbers.map((number) => [number, 'poison']))

poisons('puts a poison in the queue after the limit, and nothing else, while all others are handled', () =>
  inTrial({ count: 400, given: poisonAt(60), limit, leaseMs: 300 }, async (trial) => {
    const { fleet } = trial
    fleet.keepUp()
    for (let index = 0; index < 2; index += 1) fleet.start()
    trial.produce()
    const verdict = await trial.judged()
    accept(verdict)
    assert.is(verdict.stored, 1)
    assert.is(fleet.all().length, 2 + limit, 'it killed as many as the limit allows')
  })
)

poisons('does so with several of them, and with messages that fail by themselves', () =>
  inTrial({ count: 400, given: poisonAt(20, 24), shares: mixture, limit, leaseMs: 300 }, async (trial) => {
    const { fleet } = trial
    fleet.keepUp()
    for (let index = 0; index < 2; index += 1) fleet.start()
    trial.produce()
    accept(await trial.judged())
    assert.ok(fleet.all().length <= 2 + 2 * limit)
  })
)

poisons.run()
