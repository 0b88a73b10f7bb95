import * as assert from 'uvu/assert'
import { redisStreamSource } from '../../lib/interpreters/redis-stream.js'
import type { OpenSource } from '../../lib/ports/source.js'
import { type Broker, type SourceBench, lawsLeftOut, sourceLaws } from '../../lib/testing.js'
import { type RedisServer, startRedis, uniqueName } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'
import { type TcpProxy, startProxy } from '../support/tcp-proxy.js'

let redis: RedisServer
let proxy: TcpProxy

const fresh = async (): Promise<Broker> => {
  const stream = uniqueName('laws')
  const openFor = (group: string): OpenSource =>
    redisStreamSource({ url: proxy.url, stream, group, leaseMs: 500, blockMs: 100, field: 'payload' })
  return {
    open: openFor('laws'),
    openFor,
    send: async (messages) => {
      for (const { bytes, headers = {} } of messages)
        await redis.cli('XADD', stream, '*', 'payload', Buffer.from(bytes), ...Object.entries(headers).flat())
    },
    left: async () => {
      const groups = (await redis.cli('XINFO', 'GROUPS', stream).catch(() => [])) as readonly unknown[][]
      const group = groups.find((each) => each[each.indexOf('name') + 1] === 'laws') ?? []
      return Number(group[group.indexOf('pending') + 1]) + Number(group[group.indexOf('lag') + 1])
    },
    restart: async () => {
      await redis.stop()
      await redis.start()
    },
    cut: async () => proxy.cut(),
    stall: async () => {
      // What is held is lost when it is cut, and so the old connections say nothing for good.
      proxy.hold()
      await redis.cli('PING')
      setTimeout(() => {
        proxy.cut()
        proxy.release()
      }, 1_000)
    },
    close: async () => void (await redis.cli('DEL', stream))
  }
}

const bench: SourceBench = {
  promises: {
    backlog: true,
    live: true,
    reopens: true,
    redelivers: true,
    delays: true,
    keeps: true,
    ordered: true,
    shares: true,
    groups: true,
    leases: true,
    countsStarts: true,
    restarts: true,
    cuts: true,
    stalls: true,
    anyBytes: true,
    large: true,
    headers: true
  },
  fresh
}

const laws = redisSuite('redisStream keeps the laws: it')

laws.before(async () => {
  redis = await startRedis({ appendonly: 'always' })
  proxy = await startProxy(redis.port)
})

laws.after(async () => {
  await proxy.stop()
  await redis.stop()
})

for (const { name, run } of sourceLaws(bench, { deadlineMs: 30_000 })) laws(name, run)

laws('is left out of those laws alone that need a source which ends', () => {
  assert.equal(
    lawsLeftOut(bench).flatMap(({ lacks }) => lacks),
    lawsLeftOut(bench).map(() => 'ends')
  )
})

laws.run()
