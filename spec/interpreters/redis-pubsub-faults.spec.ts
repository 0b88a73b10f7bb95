import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5 } from 'ioredis5'
import { type Event, ack, bytes, exitCode, handle, otherwise, receive } from 'missive-ts'
import { consume } from 'missive-ts/node'
import { type RedisLike, redisPubSubSource } from 'missive-ts/redis'
import { pipe } from 'fp-ts/lib/function.js'
import * as assert from 'uvu/assert'
import type { Clock } from '../../lib/core/clock.js'
import { systemClock } from '../../lib/system.js'
import { until, within } from '../support/deadline.js'
import { type Running, gate, running, withClient } from '../support/pubsub-run.js'
import { type RedisServer, withRedis } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'
import { type TcpProxy, startProxy } from '../support/tcp-proxy.js'

const names = { channels: ['orders', 'refunds'], patterns: ['events:*'] }

/** Waits for a gap, after which all subscriptions are there. */
const overGap = async (run: Running, { cli }: Pick<RedisServer, 'cli'>, count = 1): Promise<number> => {
  await until('the gap is over', () => run.told('Gap').length >= count)
  assert.equal(await cli('PUBSUB', 'NUMSUB', 'orders', 'refunds'), ['orders', 1, 'refunds', 1])
  assert.is(await cli('PUBSUB', 'NUMPAT'), 1)
  return run.told('Gap')[count - 1]?.durationMs ?? 0
}

const withProxy = (
  use: (redis: RedisServer, proxy: TcpProxy) => Promise<void>,
  args: readonly string[] = []
): Promise<void> =>
  withRedis(
    async (redis) => {
      const proxy = await startProxy(redis.port)
      try {
        await use(redis, proxy)
      } finally {
        await proxy.stop()
      }
    },
    { args }
  )

const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

// connections

const connections = redisSuite('redisPubSub whose connection is lost')

connections(
  'has all its subscriptions again after each restart of the server, and tells how long it was deaf',
  () =>
    withRedis(
      async (redis) => {
        const run = await running({ url: redis.url, ...names })
        await redis.cli('PUBLISH', 'orders', 'm0')
        await run.got(1)
        for (const round of [1, 2]) {
          const killedAt = performance.now()
          await redis.kill()
          await wait(200)
          await redis.start()
          const durationMs = await overGap(run, redis, round)
          assert.ok(durationMs >= 200 && durationMs <= performance.now() - killedAt + 1_100, `${durationMs}`)
          for (const channel of ['orders', 'refunds', 'events:1'])
            assert.is(await redis.cli('PUBLISH', channel, `${channel} ${round}`), 1)
          await run.got(1 + 3 * round)
        }
        const report = await run.stop()
        assert.equal([report.acked, exitCode(report)], [7, 0])
        assert.equal(run.texts().slice(4), ['orders 2', 'refunds 2', 'events:1 2'])
        assert.not.match(JSON.stringify(run.events), 'a-secret')
      },
      { password: 'a-secret' }
    )
)

connections('is cut again and again, also while it subscribes, and comes back', () =>
  withProxy(async (redis, proxy) => {
    const run = await running({ url: proxy.url, ...names })
    for (const bytes of [0, 1, 20, 60, 100, 200, 400]) {
      const gaps = run.told('Gap').length
      proxy.cut()
      proxy.cutAfter(bytes, 'toClient')
      await until('another gap', () => run.told('Gap').length > gaps)
    }
    proxy.cutAfter(Infinity, 'toClient')
    await until('all subscriptions', async () => (await redis.cli('PUBSUB', 'NUMPAT')) === 1)
    await until('a message', async () => {
      await redis.cli('PUBLISH', 'refunds', 'after')
      return run.texts().includes('after')
    })
    assert.is(exitCode(await run.stop()), 0)
  })
)

connections('finds a half-open one by its heartbeat', () =>
  withProxy(async (redis, proxy) => {
    const run = await running({ url: proxy.url, ...names, heartbeatMs: 100 })
    const heldAt = performance.now()
    proxy.hold()
    await redis.cli('PUBLISH', 'orders', 'nobody hears this')
    await until('a new connection', () => proxy.connections() > 1)
    const foundMs = performance.now() - heldAt
    assert.ok(foundMs >= 100 && foundMs < 2_000, `found after ${foundMs} ms`)
    assert.equal(run.told('Gap'), [])
    proxy.release()
    await until('the gap is over', () => run.told('Gap').length === 1)
    const [gap] = run.told('Gap')
    assert.ok((gap?.durationMs ?? 0) >= 200, `${gap?.durationMs}`)
    await until('one subscription', async () => {
      const [, count] = (await redis.cli('PUBSUB', 'NUMSUB', 'orders')) as [string, number]
      return count === 1
    })
    await redis.cli('PUBLISH', 'orders', 'after')
    await run.got(1)
    await run.stop()
    assert.equal(run.texts(), ['after'])
  })
)

connections('does not take a server that stands still for one that is there', () =>
  withRedis(async (redis) => {
    const run = await running({ url: redis.url, ...names, heartbeatMs: 50 })
    await wait(300)
    assert.equal(run.told('Gap'), [])
    redis.pause()
    await wait(400)
    redis.resume()
    assert.ok((await overGap(run, redis)) >= 200)
    await run.stop()
  })
)

connections('does not count as lost because something blocked the event loop', () =>
  withRedis(async (redis) => {
    const run = await running({ url: redis.url, ...names, heartbeatMs: 20 }, () => {
      const until = performance.now() + 300
      while (performance.now() < until);
      return ack
    })
    for (let count = 1; count <= 3; count += 1) {
      await redis.cli('PUBLISH', 'orders', `m${count}`)
      await run.got(count)
      await wait(50)
    }
    await run.stop()
    assert.equal(run.told('Gap'), [])
  })
)

connections('is cut off by the server because it reads too slowly: a gap like any other', () =>
  withProxy(
    async (redis, proxy) => {
      const run = await running({ url: proxy.url, ...names, heartbeatMs: 60_000 })
      proxy.hold()
      await withClient(new Redis(redis.url), async (client) => {
        const payload = Buffer.alloc(1_000_000, 'x')
        await until('the server has had enough', async () => (await client.publish('orders', payload)) === 0)
      })
      proxy.release()
      await overGap(run, redis)
      await redis.cli('PUBLISH', 'orders', 'after')
      await until('the message', () => run.texts().includes('after'))
      await run.stop()
    },
    ['--client-output-buffer-limit', 'pubsub 1mb 0 0']
  )
)

connections('keeps what it had received before, and gives it in its order', () =>
  withProxy(async (redis, proxy) => {
    const { opened, open } = gate()
    const run = await running({ url: proxy.url, ...names, maxUnsettled: 1 }, async () => {
      await opened
      return ack
    })
    for (const text of ['m0', 'm1', 'm2']) await redis.cli('PUBLISH', 'orders', text)
    await run.got(1)
    await wait(50)
    proxy.cut()
    await overGap(run, redis)
    await redis.cli('PUBLISH', 'orders', 'm3')
    open()
    await run.got(4)
    assert.equal(run.texts(), ['m0', 'm1', 'm2', 'm3'])
    assert.is(exitCode(await run.stop()), 0)
  })
)

connections('ends at once when it is stopped while there is no server, or one that says nothing', () =>
  withProxy(async (redis, proxy) => {
    const deaf = await running({ url: proxy.url, ...names, heartbeatMs: 20 })
    const gone = await running({ url: redis.url, ...names })
    proxy.hold()
    await until('a new connection', () => proxy.connections() > 1)
    await redis.kill()
    await wait(50)
    const startedAt = performance.now()
    const reports = [await deaf.stop(), await gone.stop()]
    assert.ok(performance.now() - startedAt < 1_000)
    assert.equal(reports.map(exitCode), [0, 0])
  })
)

connections('is told as unready after half a minute, with the reason, and as there again', () =>
  withRedis(async (redis) => {
    await redis.cli('ACL', 'SETUSER', 'reader', 'on', '>a-secret', '+@all', '&*')
    const events: Event[] = []
    const url = `redis://reader:a-secret@127.0.0.1:${redis.port}`
    const stopping = new AbortController()
    const source = redisPubSubSource({ url, ...names, clock: fast(30) })
    const processor = pipe(receive(bytes), handle(otherwise(async () => ack)))
    const report = consume(source, { onEvent: (event) => events.push(event) })(processor)(stopping.signal)()
    const told = (tag: Event['_tag']) => events.find(({ _tag }) => _tag === tag)
    await until('ready', () => told('Ready') !== undefined)
    await redis.cli('ACL', 'SETUSER', 'reader', 'resetchannels')
    await until('unready', () => told('Unready') !== undefined)
    assert.match(JSON.stringify(told('Unready')), /cannot subscribe to orders, refunds, events:\*: NOPERM/)
    await redis.cli('ACL', 'SETUSER', 'reader', '&*')
    await until('the gap is over', () => told('Gap') !== undefined)
    assert.ok(told('Reconnected'))
    stopping.abort()
    await within('the end', report)
    assert.not.match(JSON.stringify(events), 'a-secret')
  })
)

/** A clock on which time goes so many times faster. */
const fast = (times: number): Clock => ({
  ...systemClock,
  monotonic: () => systemClock.monotonic() * times,
  after: (delayMs, call) => systemClock.after(delayMs / times, call)
})

connections.run()

// clusters

const clusters = redisSuite('redisPubSub in a cluster')

for (const [name, clusterOf] of Object.entries({
  'ioredis 6': (url: string) => new Cluster([url], { lazyConnect: true }),
  'ioredis 5': (url: string) => new Cluster5([url], { lazyConnect: true })
}))
  clusters(`of ${name} hears what is published, also after a restart`, () =>
    withRedis(
      async (redis) => {
        const client: RedisLike = clusterOf(redis.url)
        const run = await running({ client, ...names, heartbeatMs: 100 })
        await redis.cli('PUBLISH', 'orders', 'm0')
        await redis.cli('PUBLISH', 'events:1', 'm1')
        await run.got(2)
        assert.equal(
          run.messages.map(({ source }) => source),
          [`127.0.0.1:${redis.port}/orders`, `127.0.0.1:${redis.port}/events:1`]
        )
        await redis.kill()
        await wait(100)
        await redis.start()
        await overGap(run, redis)
        await redis.cli('PUBLISH', 'refunds', 'm2')
        await run.got(3)
        assert.is(exitCode(await run.stop()), 0)
        assert.is(client.status, 'wait')
        client.disconnect()
      },
      { cluster: true }
    )
  )

clusters.run()
