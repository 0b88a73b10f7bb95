import { Buffer } from 'node:buffer'
import { Redis } from 'ioredis'
import { redisPubSubSource } from 'missive-ts/redis'
import { type SourceBench, lawsLeftOut, sourceLaws } from 'missive-ts/testing'
import * as assert from 'uvu/assert'
import { until } from '../support/deadline.js'
import { startRedis, uniqueName } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'
import { startProxy } from '../support/tcp-proxy.js'

const heartbeatMs = 50
let server: ReturnType<typeof startRedis> | undefined

/** A channel of its own for each law, on a server that some of them restart. */
const bench: SourceBench = {
  promises: {
    live: true,
    reopens: true,
    ordered: true,
    groups: true,
    restarts: true,
    cuts: true,
    stalls: true,
    anyBytes: true,
    large: true
  },
  fresh: async () => {
    const { port, kill, start } = await (server ??= startRedis())
    const proxy = await startProxy(port)
    const publisher = new Redis(port, '127.0.0.1')
    publisher.on('error', () => undefined)
    const channel = uniqueName('laws')
    const open = redisPubSubSource({ url: proxy.url, channels: [channel], heartbeatMs })
    return {
      open,
      openFor: () => open,
      send: async (messages) => {
        const pipeline = publisher.pipeline()
        for (const { bytes } of messages) pipeline.publish(channel, Buffer.from(bytes))
        await pipeline.exec()
      },
      restart: async () => {
        await kill()
        await start()
      },
      cut: async () => proxy.cut(),
      stall: async () => {
        proxy.hold()
        await new Promise((resolve) => void setTimeout(resolve, heartbeatMs * 6))
        proxy.release()
      },
      close: async () => {
        publisher.disconnect()
        // Node cannot reset a connection that is just being ended, and then spins when the process is to end.
        await until('all connections are ended', () => proxy.connections() === 0)
        await proxy.stop()
      }
    }
  }
}

const laws = redisSuite('redisPubSub keeps the laws: it')

for (const { name, run } of sourceLaws(bench)) laws(name, run)

laws('is held to all that do not need what Pub/Sub cannot do', () => {
  const lacking = new Set(lawsLeftOut(bench).flatMap(({ lacks }) => lacks))
  const impossible = ['backlog', 'countsStarts', 'delays', 'ends', 'headers', 'keeps', 'leases', 'redelivers']
  assert.equal([...lacking].toSorted(), [...impossible, 'shares'])
})

laws.run()
