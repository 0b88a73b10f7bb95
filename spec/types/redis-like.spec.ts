import type { Cluster, Redis } from 'ioredis'
import type { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import type { RedisLike } from 'missive-ts/redis'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const types = suite('RedisLike')

types('is kept by the clients and clusters of ioredis 5 and 6', () => {
  const taken: ((client: Redis | Cluster | Redis5 | Cluster5) => RedisLike)[] = [(client) => client]
  assert.is(taken.length, 1)
})

types.run()
