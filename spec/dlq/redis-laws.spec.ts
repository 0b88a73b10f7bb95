import { Cluster, Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import type { Clock } from '../../lib/core/clock.js'
import { redisDlq } from '../../lib/dlq/redis.js'
import type { DeadLetterStore } from '../../lib/ports/letters.js'
import type { Resource } from '../../lib/ports/resource.js'
import type { RedisTarget } from '../../lib/redis/like.js'
import { storeLaws } from '../../lib/testing.js'
import { type RedisServer, startRedis, uniqueName } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

/** A server, and how queues are opened on it; clients are only asked for connections like them. */
const serving = (isCluster: boolean, targetOf: (redis: RedisServer) => RedisTarget) => {
  let redis: RedisServer | undefined
  let target: RedisTarget | undefined
  return {
    start: async () => {
      redis = await startRedis({ cluster: isCluster, appendonly: 'everysec' })
      target = targetOf(redis)
    },
    stop: async () => {
      target?.client?.disconnect()
      await redis?.stop()
    },
    open: (clock: Clock, name = uniqueName('laws')): Resource<DeadLetterStore> => ({
      open: () => redisDlq({ ...(target as RedisTarget), name, clock }).open()
    })
  }
}

const lazy = { lazyConnect: true }
const servers = {
  'a URL': serving(false, ({ url }) => ({ url })),
  'a client of ioredis 5': serving(false, ({ url }) => ({ client: new Redis5(url, lazy) })),
  'a client with a prefix': serving(false, ({ url }) => ({
    client: new Redis(url, { ...lazy, keyPrefix: 'shop:' })
  })),
  'a cluster of one node': serving(true, ({ port }) => ({
    client: new Cluster([{ host: '127.0.0.1', port }], lazy)
  }))
}

for (const [what, { start, stop, open }] of Object.entries(servers)) {
  const laws = redisSuite(`redisDlq of ${what} keeps the laws: it`)
  laws.before(start)
  laws.after(stop)
  for (const { name, run } of storeLaws(open)) laws(name, run)
  laws.run()
}
