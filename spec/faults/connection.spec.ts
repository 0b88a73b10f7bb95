import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { until } from '../support/deadline.js'
import { mixture } from '../support/faults/plan.js'
import { accept, inTrial } from '../support/faults/trial.js'
import { redisSuite } from '../support/redis-suite.js'

const connections = redisSuite('redisStream whose connections fail')

connections('loses nothing when they are cut at random bytes, in both directions', () =>
  inTrial(
    { count: 10_000, shares: mixture, perSecond: 2_500, leaseMs: 2_000, mayLeave: true },
    async (trial) => {
      const { proxy, between } = trial
      await trial.ready(2, { url: proxy.url })
      const producer = trial.produce()
      let cuts = 0
      for (; producer.added() < trial.plan.count; cuts += 1) {
        const direction = trial.random() < 0.5 ? 'toClient' : 'toServer'
        const bytes = between(1, 30_000)
        const end = proxy.forwarded()[direction] + bytes
        proxy.cutAfter(bytes, direction)
        // When all were added and handled there is no traffic any more that would reach the place of the cut.
        const areAdded = (): boolean => producer.added() >= trial.plan.count
        const isCut = (): boolean => proxy.forwarded()[direction] >= end
        await until('it is cut', () => isCut() || areAdded())
        if (!isCut()) break
      }
      proxy.cutAfter(Infinity, 'toClient')
      proxy.cutAfter(Infinity, 'toServer')
      console.log(`${cuts} cuts`)
      accept(await trial.judged())
      assert.ok(cuts > 5)
    }
  )
)

connections('loses nothing when those of one are half open for longer than its lease, and then go on', () =>
  // Handlers take so long that some run whenever the connections are held: else nothing goes to the other.
  inTrial({ count: 2_400, shares: mixture, perSecond: 500, maxWorkMs: 60, mayLeave: true }, async (trial) => {
    const { proxy } = trial
    await trial.ready(1)
    await trial.ready(1, { url: proxy.url })
    trial.produce()
    for (const heldMs of [1_200, 2_500]) {
      await delay(300)
      proxy.hold()
      await delay(heldMs)
      proxy.release()
    }
    const verdict = await trial.judged()
    accept(verdict)
    const { lost, unanswered } = verdict.repeats
    assert.ok(lost + unanswered > 0, 'what it had went to the other')
  })
)

connections('loses nothing when Redis stands still for longer than all leases', () =>
  inTrial({ count: 4_000, shares: mixture, perSecond: 1_500, mayLeave: true }, async (trial) => {
    const { redis, between } = trial
    await trial.ready(2)
    trial.produce()
    for (let pause = 0; pause < 2; pause += 1) {
      await delay(between(100, 400))
      redis.pause()
      await delay(1_200)
      redis.resume()
    }
    accept(await trial.judged())
  })
)

connections.run()
