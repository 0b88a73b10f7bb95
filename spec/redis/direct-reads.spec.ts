// Reads of streams that are decoded here, on connections of ioredis.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { Redis } from 'ioredis'
import type { Redis as Redis5 } from 'ioredis5'
import * as assert from 'uvu/assert'
import { type ReadDirectly, directReads } from '../../lib/redis/direct-reads.js'
import { entriesOf } from '../../lib/redis/entries.js'
import type { RedisLike } from '../../lib/redis/like.js'
import { clients } from '../support/redis-clients.js'
import { until, within } from '../support/deadline.js'
import { type SharedRedis, sharedRedis, uniqueName } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

let redis: SharedRedis

const direct = redisSuite('a read that is decoded here')
direct.before(async () => {
  redis = await sharedRedis()
})

/** Two clients: one to read with, and one beside it. */
const withClients = async (
  use: (client: Redis | Redis5, other: Redis) => Promise<void>,
  make: (url: string) => Redis | Redis5 = (url) => new Redis(url)
): Promise<void> => {
  const [client, other] = [make(redis.url), new Redis(redis.url)]
  client.on('error', () => undefined)
  try {
    await client.call('PING', [])
    await use(client, other)
  } finally {
    client.disconnect()
    other.disconnect()
  }
}

const readsOf = (client: RedisLike): ReadDirectly => {
  const read = directReads(client)
  if (read === undefined) throw new Error('the client does not show its connection')
  return read
}

const reading = (stream: string, group: string, ...options: readonly (string | number)[]) =>
  ['XREADGROUP', 'GROUP', group, 'me', ...options, 'STREAMS', stream, '>'] as const

const filled = async (client: Redis, stream: string, groups: readonly string[], count: number) => {
  for (const group of groups) await client.xgroup('CREATE', stream, group, '0', 'MKSTREAM')
  const pipeline = client.pipeline()
  for (let index = 0; index < count; index += 1)
    pipeline.xadd(stream, '*', 'payload', `${index} ÿ`, 'bytes', Buffer.from([index, 0xff]))
  await pipeline.exec()
}

for (const [version, make] of clients)
  direct(`says what ioredis ${version} says, which goes on beside it`, () =>
    withClients(async (client, other) => {
      const stream = uniqueName('größe')
      await filled(other, stream, ['one', 'two'], 3_000)
      const read = readsOf(client)
      assert.is(readsOf(client), read)
      const found = await read(reading(stream, 'one', 'COUNT', 2_000))
      assert.is(found[0]?.[1].length, 2_000)
      const [, ...parts] = reading(stream, 'two', 'COUNT', 2_000)
      assert.equal(found, entriesOf(await client.callBuffer('XREADGROUP', parts)))
      assert.is((await read(reading(stream, 'one')))[0]?.[1].length, 1_000)
      assert.equal(await read(reading(stream, 'one')), [])
      assert.equal(await read(reading(stream, 'one', 'BLOCK', 10)), [])
      assert.equal(await client.call('PING', []), 'PONG')
      const error = await read(reading(stream, 'three')).catch((thrown: unknown) => thrown)
      assert.ok(error instanceof Error && error.name === 'ReplyError' && error.message.startsWith('NOGROUP'))
      assert.equal(await client.call('PING', []), 'PONG')
    }, make)
  )

direct('hands on what the server pushes meanwhile', () =>
  withClients(
    async (client, other) => {
      const [stream, key] = [uniqueName('stream'), uniqueName('key')]
      await filled(other, stream, ['g'], 0)
      await client.call('CLIENT', ['TRACKING', 'ON'])
      await client.call('GET', [key])
      const waiting = readsOf(client)(reading(stream, 'g', 'BLOCK', 20_000))
      await other.set(key, 'changed')
      await other.xadd(stream, '*', 'payload', 'a')
      assert.equal((await within('an entry', waiting))[0]?.[1][0]?.[1], ['payload', 'a'])
      assert.equal(await client.call('GET', [key]), 'changed')
    },
    (url) => new Redis(url, { protocol: 3 })
  )
)

direct('is left to ioredis while that waits for an answer, and takes none of what ioredis asks later', () =>
  withClients(async (client, other) => {
    const stream = uniqueName('stream')
    await filled(other, stream, ['g'], 1)
    const earlier = client.info()
    assert.is(directReads(client), undefined)
    assert.match(await earlier, 'redis_version')
    const reply = readsOf(client)(reading(stream, 'g'))
    const later = client.info()
    assert.is((await reply)[0]?.[1].length, 1)
    assert.match(await later, 'redis_version')
    const waiting = readsOf(client)(reading(stream, 'g', 'BLOCK', 50))
    const last = Promise.all([client.info(), client.call('PING', [])])
    assert.equal(await waiting, [])
    assert.is((await last)[1], 'PONG')
  })
)

direct('is one at a time', () =>
  withClients(async (client, other) => {
    const stream = uniqueName('stream')
    await filled(other, stream, ['g'], 0)
    const read = readsOf(client)
    const waiting = read(reading(stream, 'g', 'BLOCK', 20_000))
    const second = await read(reading(stream, 'g')).catch(String)
    assert.is(second, 'Error: this connection waits for the reply to another read')
    await other.xadd(stream, '*', 'payload', 'a')
    assert.is((await within('an entry', waiting))[0]?.[1].length, 1)
  })
)

direct('is rejected when its connection breaks, and the next connection has its own', () =>
  withClients(async (client, other) => {
    const stream = uniqueName('stream')
    await filled(other, stream, ['g'], 1)
    const id = Number(await client.call('CLIENT', ['ID']))
    const first = readsOf(client)
    assert.is((await first(reading(stream, 'g')))[0]?.[1].length, 1)
    const broken = first(reading(stream, 'g', 'BLOCK', 20_000)).catch(String)
    await other.call('CLIENT', 'KILL', 'ID', id)
    assert.is(await within('a rejection', broken), 'Error: Connection is closed.')
    await until('another connection', () => client.status === 'ready')
    assert.equal(await readsOf(client)(reading(stream, 'g')), [])
    assert.is.not(readsOf(client), first)
  })
)

direct('is left to a client that has no connection to show, or whose replies somebody wants to see', () =>
  withClients(async (client) => {
    const { status, options } = client
    const bare = { status, isCluster: false, options } as RedisLike
    const { stream, commandQueue } = client
    assert.type(directReads({ ...bare, stream, commandQueue }), 'function')
    const others = [{ stream: {}, commandQueue }, { stream }, { stream, commandQueue, isCluster: true }]
    for (const other of [{}, ...others]) assert.is(directReads({ ...bare, ...other }), undefined)
    client.callBuffer = client.callBuffer.bind(client)
    assert.is(directReads(client), undefined)
  })
)

direct('ends a connection on which something else comes', async () => {
  const server = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .on('data', (asked) => {
        const isRead = asked.includes('XREADGROUP')
        socket.write(
          isRead
            ? ':17\r\n'
            : asked
                .toString()
                .split('*')
                .slice(1)
                .map(() => '+OK\r\n')
                .join('')
        )
      })
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = new Redis({ port, enableReadyCheck: false, disableClientInfo: true, protocol: 2 })
  client.on('error', () => undefined)
  try {
    await client.call('CLIENT', ['ID'])
    const broken = client.stream
    const refusal = await readsOf(client)(reading('s', 'g')).catch(String)
    assert.is(refusal, 'Error: Redis sent something else than it was asked for: ":17\\r\\n"')
    assert.is(broken.destroyed, true)
    await until('another connection', () => client.stream !== broken && client.status === 'ready')
  } finally {
    client.disconnect()
    server.close()
  }
})

direct.run()
