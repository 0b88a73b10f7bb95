import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import { Cluster } from 'ioredis'
import { handle, receive, text, withDlq } from 'missive-ts'
import { redisStream } from 'missive-ts/redis'
import * as assert from 'uvu/assert'
import { type RedisDlq, type RedisDlqOptions, redisDlq } from '../../lib/dlq/redis.js'
import { Resource } from '../../lib/ports/resource.js'
import type { StreamEntry } from '../../lib/redis/entry.js'
import { until } from '../support/deadline.js'
import { letter } from '../support/letters.js'
import { type RedisServer, startRedis, uniqueName, withRedis } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

let redis: RedisServer
const start = async (): Promise<void> => void (redis = await startRedis({ appendonly: 'always' }))

/** Reads one entry of a new stream as this consumer, and gives it as the source does. */
const delivered = async (
  { cli, port }: RedisServer,
  stream = uniqueName('stream'),
  consumer = 'me'
): Promise<StreamEntry> => {
  await cli('XGROUP', 'CREATE', stream, 'group', '0', 'MKSTREAM')
  await cli('XADD', stream, '*', 'payload', 'Hello')
  const read = await cli('XREADGROUP', 'GROUP', 'group', consumer, 'COUNT', 1, 'STREAMS', stream, '>')
  const [[, [[id]]]] = read as [[string, [[string]]]]
  const fields = [Buffer.from('payload'), Buffer.from('Hello')]
  return { _tag: 'StreamEntry', server: `127.0.0.1:${port}/0`, stream, group: 'group', consumer, id, fields }
}

/** Who has entries that are not acknowledged. */
const pending = async ({ stream, group }: StreamEntry, { cli } = redis): Promise<readonly string[]> =>
  ((await cli('XPENDING', stream, group, '-', '+', 10)) as readonly [string, string][]).map(
    ([, consumer]) => consumer
  )

const using = async <A>(options: RedisDlqOptions, use: (store: RedisDlq) => Promise<A>): Promise<A> => {
  const used = await Resource.use((store: RedisDlq) => () => use(store))(redisDlq(options))()
  if (used._tag === 'Left') throw new Error(used.left.message)
  return used.right
}

const onRedis = <A>(use: (store: RedisDlq) => Promise<A>): Promise<A> =>
  using({ url: redis.url, name: uniqueName('dlq') }, use)

/** Stores a letter with what its source gave, which must go well. */
const put = async (store: RedisDlq, raw: unknown, fields = {}): Promise<void> => {
  const answer = await store.put(letter(fields), raw)()
  assert.equal(answer, { _tag: 'Right', right: undefined })
}

const timesOf = async (store: RedisDlq): Promise<readonly number[]> => {
  const page = await store.page()()
  return page._tag === 'Right' ? page.right.letters.map(({ times }) => times) : []
}

const entries = redisSuite('redisDlq.put with the entry of a stream')
entries.before(start)
entries.after(() => redis.stop())

entries('acknowledges it when its letter is stored', () =>
  onRedis(async (store) => {
    const entry = await delivered(redis)
    assert.equal(await pending(entry), ['me'])
    await put(store, entry)
    assert.equal([await timesOf(store), await pending(entry)], [[1], []])
  })
)

entries('does both in one step', () =>
  onRedis(async (store) => {
    await put(store, await delivered(redis), { id: 'in one step' })
    const folder = join(redis.folder, 'appendonlydir')
    const log = readdirSync(folder).find((name) => name.includes('.incr.')) ?? ''
    const steps = readFileSync(join(folder, log), 'latin1').split('MULTI')
    const step = steps.find((each) => each.includes('in one step')) ?? ''
    assert.ok(step.includes('XACK') && step.indexOf('XACK') < step.indexOf('EXEC'))
  })
)

entries('acknowledges what comes again, with another attempt or as it was', () =>
  onRedis(async (store) => {
    const attempts = [{ startedAt: 9, durationMs: 9, failure: letter().failure }]
    for (const fields of [{}, { attempts }, { attempts }]) {
      const entry = await delivered(redis)
      await put(store, entry, fields)
      assert.equal(await pending(entry), [])
    }
    assert.equal(await timesOf(store), [2])
  })
)

entries('acknowledges each of many that come at the same time', () =>
  onRedis(async (store) => {
    const all = await Promise.all(Array.from({ length: 100 }, () => delivered(redis)))
    await Promise.all(all.map((entry, index) => put(store, entry, { id: String(index) })))
    for (const entry of all) assert.equal(await pending(entry), [])
  })
)

entries('stores the letter and acknowledges nothing where the entry is somebody else’s by now', () =>
  onRedis(async (store) => {
    const entry = await delivered(redis)
    await redis.cli('XCLAIM', entry.stream, entry.group, 'other', 0, entry.id)
    await put(store, entry)
    assert.equal([await timesOf(store), await pending(entry)], [[1], ['other']])
  })
)

entries('stores the letter whatever has become of the stream', () =>
  onRedis(async (store) => {
    const [deleted, replaced, ungrouped, trimmed] = [
      await delivered(redis),
      await delivered(redis),
      await delivered(redis),
      await delivered(redis)
    ] as const
    await redis.cli('DEL', deleted.stream)
    await redis.cli('SET', replaced.stream, 'text')
    await redis.cli('XGROUP', 'DESTROY', ungrouped.stream, ungrouped.group)
    await redis.cli('XTRIM', trimmed.stream, 'MAXLEN', 0)
    for (const [index, entry] of [deleted, replaced, ungrouped, trimmed].entries())
      await put(store, entry, { id: String(index) })
    assert.equal(await timesOf(store), [1, 1, 1, 1])
    assert.equal(await pending(trimmed), [])
    assert.is(await redis.cli('GET', replaced.stream), 'text')
  })
)

entries('leaves an entry of another server or database to its source, and what is no entry', () =>
  onRedis(async (store) => {
    const entry = await delivered(redis)
    const others = [
      { ...entry, server: 'other:6379/0' },
      { ...entry, server: entry.server.replace('/0', '/1') },
      { ...entry, _tag: 'Other' },
      'text',
      null
    ]
    for (const [index, raw] of others.entries()) await put(store, raw, { id: String(index) })
    assert.equal([await timesOf(store), await pending(entry)], [[1, 1, 1, 1, 1], ['me']])
  })
)

entries('acknowledges in a cluster what lies in its slot, and stores the letter of what does not', () =>
  withRedis(
    async (cluster) => {
      const client = new Cluster([{ host: '127.0.0.1', port: cluster.port }], { lazyConnect: true })
      const deliver = async (stream: string) => ({
        ...(await delivered(cluster, stream)),
        server: `127.0.0.1:${cluster.port}`
      })
      const near = [await deliver('orders'), await deliver('{orders}:new')]
      const far = await deliver('refunds')
      await using({ client, name: '{orders}:dlq' }, async (store) => {
        for (const [index, entry] of [...near, far].entries()) await put(store, entry, { id: String(index) })
        assert.equal(await timesOf(store), [1, 1, 1])
      })
      client.disconnect()
      for (const entry of near) assert.equal(await pending(entry, cluster), [])
      assert.equal(await pending(far, cluster), ['me'])
    },
    { cluster: true, appendonly: 'everysec' }
  )
)

entries('leaves nothing to acknowledge of a stream whose messages all fail', () =>
  onRedis(async (store) => {
    const [stream, stopping] = [uniqueName('orders'), new AbortController()]
    for (let index = 0; index < 50; index += 1) await redis.cli('XADD', stream, '*', 'payload', String(index))
    const processor = pipe(receive(text), handle(), withDlq(store))
    const source = redisStream({ url: redis.url, stream, group: 'billing', start: 'beginning' })
    const running = source(processor)(stopping.signal)()
    await until('all are stored', async () => (await timesOf(store)).length === 50)
    stopping.abort()
    const { received, deadLettered, unsettled } = await running
    assert.equal([received, deadLettered, unsettled], [50, 50, 0])
    assert.equal(await redis.cli('XPENDING', stream, 'billing'), [0, null, null, null])
    assert.equal(
      await timesOf(store),
      Array.from({ length: 50 }, () => 1)
    )
  })
)

entries.run()
