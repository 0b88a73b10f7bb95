import { Redis } from 'ioredis'
import * as assert from 'uvu/assert'
import type { Either } from 'fp-ts/lib/Either.js'
import type { DlqError, StoredLetter } from '../../lib/core/letter.js'
import { right } from '../../lib/core/result.js'
import { type RedisDlq, type RedisDlqOptions, redisDlq } from '../../lib/dlq/redis.js'
import { Resource } from '../../lib/ports/resource.js'
import type { RedisLike } from '../../lib/redis/like.js'
import { systemClock } from '../../lib/system.js'
import { until } from '../support/deadline.js'
import { letter } from '../support/letters.js'
import { type RedisServer, nextRefusal, startRedis, uniqueName, withRedis } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'
import { type TcpProxy, startProxy } from '../support/tcp-proxy.js'

let redis: RedisServer
let proxy: TcpProxy

const using = async <A>(options: RedisDlqOptions, use: (store: RedisDlq) => Promise<A>): Promise<A> => {
  const used = await Resource.use((store: RedisDlq) => () => use(store))(redisDlq(options))()
  if (used._tag === 'Left') throw new Error(used.left.message)
  return used.right
}

/** A queue that is reached through the proxy, and over it. */
const throughProxy = async (
  use: (store: RedisDlq, direct: RedisDlq) => Promise<void>,
  clock = systemClock
): Promise<void> => {
  const name = uniqueName('faults')
  await using({ url: proxy.url, name, clock }, (store) =>
    using({ url: redis.url, name, clock }, (direct) => use(store, direct))
  )
}

const reasonOf = (answer: Either<DlqError, unknown>): string =>
  answer._tag === 'Left' ? answer.left.reason : 'it was done'

const isRight = ({ _tag }: Either<DlqError, unknown>): boolean => _tag === 'Right'

const allOf = async (store: RedisDlq): Promise<readonly StoredLetter[]> => {
  const page = await store.page({ limit: 1_000 })()
  if (page._tag === 'Left') throw new Error(page.left.reason)
  return page.right.letters
}

/** Asks until it is done. */
const done = (what: string, ask: () => Promise<Either<DlqError, unknown>>): Promise<void> =>
  until(what, async () => isRight(await ask()))

const faults = redisSuite('redisDlq whose connection fails')
faults.before(async () => {
  redis = await startRedis({ appendonly: 'always' })
  proxy = await startProxy(redis.port)
})
faults.after(async () => {
  await proxy.stop()
  await redis.stop()
})

faults('says so within seconds while Redis is away, and goes on when it is back', () =>
  withRedis(
    async (server) =>
      using({ url: server.url }, async (store) => {
        assert.ok(isRight(await store.put(letter({ id: 'before' }))()))
        await server.kill()
        const startedAt = performance.now()
        const asked = [
          store.put(letter({ id: 'meanwhile' }))(),
          store.page()(),
          store.count()(),
          store.claim({ owner: 'ann', leaseMs: 1 })(),
          store.renew([{ key: '0'.repeat(40), id: '1', token: 'a' }], 1)()
        ]
        for (const answer of await Promise.all<Either<DlqError, unknown>>(asked))
          assert.match(reasonOf(answer), /Redis cannot be reached|the connection to Redis broke/)
        assert.ok(performance.now() - startedAt < 5_000)
        await server.start()
        await done('Redis is back', store.put(letter({ id: 'after' })))
        assert.equal(
          (await allOf(store)).map(({ id }) => id),
          ['before', 'after']
        )
      }),
    { appendonly: 'always' }
  )
)

faults('stores one letter with one attempt where a put is made again, wherever the connection was cut', () =>
  throughProxy(async (store, direct) => {
    let answered = 0
    for (const direction of ['toServer', 'toClient'] as const) {
      for (const bytes of direction === 'toServer'
        ? [0, 1, 100, 400, 700, 900, 1_200, 2_000]
        : [0, 1, 3, 5]) {
        const put = store.put(letter({ id: `${direction} ${bytes}` }))
        proxy.cutAfter(bytes, direction)
        if (isRight(await put())) answered += 1
        proxy.cutAfter(Infinity, direction)
        await done('it is connected again', put)
      }
    }
    const found = await allOf(direct)
    assert.equal(
      found.map(({ times, attemptCount }) => [times, attemptCount]),
      Array.from({ length: 12 }, () => [1, 1])
    )
    assert.ok(answered < 10, `${answered} were not cut`)
  })
)

/** Does not live to see replies of more bytes than that, as if the network were slow. */
const slow = (made: RedisLike, most: number): RedisLike => {
  const [callBuffer, duplicate] = [made.callBuffer.bind(made), made.duplicate.bind(made)]
  return Object.assign(made, {
    callBuffer: async (command: string, parts: Parameters<RedisLike['callBuffer']>[1]) => {
      const reply = await callBuffer(command, parts)
      return sizeOf(reply) > most ? new Promise(() => undefined) : reply
    },
    duplicate: (...options: any[]) => slow(duplicate(...options), most)
  })
}

const sizeOf = (reply: unknown): number =>
  Array.isArray(reply)
    ? reply.reduce((sum: number, each) => sum + sizeOf(each), 0)
    : Buffer.isBuffer(reply)
      ? reply.length
      : 0

faults('reads large letters a few at a time, so that a slow network brings them in time', async () => {
  const client = new Redis(redis.url, { lazyConnect: true })
  await using({ client: slow(client, 1_500_000), name: uniqueName('slow') }, async (store) => {
    for (let id = 0; id < 20; id += 1)
      assert.ok(isRight(await store.put(letter({ id: String(id), bytes: Buffer.alloc(200_000) }))()))
    assert.is((await allOf(store)).length, 20)
  })
})

faults('gives back when its lease ends what a claim that was cut had leased', async () => {
  let passed = 0
  const clock = { ...systemClock, now: () => 1_700_000_000_000 + passed }
  const ids = Array.from({ length: 40 }, (_, index) => String(index))
  await throughProxy(async (store, direct) => {
    await Promise.all(ids.map((id) => direct.put(letter({ id }))()))
    for (const bytes of [1_500, 8_000, 20_000, 40_000]) {
      proxy.cutAfter(bytes, 'toServer')
      const claim = await store.claim({ owner: 'ann', leaseMs: 1_000 })()
      proxy.cutAfter(Infinity, 'toServer')
      const leased = claim._tag === 'Right' ? claim.right.letters.length : 0
      const rest = await direct.claim({ owner: 'bob', leaseMs: 1_000 })()
      assert.ok(rest._tag === 'Right' && rest.right.letters.length + leased <= ids.length)
      passed += 1_000
      await done('it is connected again', store.count())
      assert.equal(
        (await allOf(direct)).map(({ id, state }) => [id, state]),
        ids.map((id) => [id, 'dead'])
      )
    }
  }, clock)
})

faults('does not wait for ever for a connection that says nothing any more', () =>
  throughProxy(async (store) => {
    proxy.hold()
    const startedAt = performance.now()
    const reason = reasonOf(await store.put(letter())())
    assert.match(reason, `Redis at 127.0.0.1:${proxy.port}/0 has not answered for 5000 ms`)
    assert.ok(performance.now() - startedAt < 8_000)
    proxy.cut()
    proxy.release()
    await done('it is connected again', store.put(letter()))
    assert.is((await allOf(store)).length, 1)
  })
)

faults('answers what was asked before it is closed, and nothing after', async () => {
  const opened = await redisDlq({ url: redis.url, name: uniqueName('closed') }).open()
  if (opened._tag === 'Left') throw new Error(opened.left.message)
  const { value: store, close } = opened.right
  const puts = Array.from({ length: 100 }, (_, index) => store.put(letter({ id: String(index) }))())
  await close()
  for (const put of await Promise.all(puts)) assert.ok(isRight(put))
  assert.match(reasonOf(await store.count()()), 'the queue is closed')
})

faults.run()

const troubles = redisSuite('redisDlq on a Redis that does not do what it is asked')

troubles('says what to do where Redis is full, and goes on when there is room', () =>
  withRedis(
    async ({ url, cli }) =>
      using({ url }, async (store) => {
        await cli('CONFIG', 'SET', 'maxmemory', '1')
        const reason = reasonOf(await store.put(letter())())
        assert.match(reason, 'Redis is full: raise maxmemory, or let letters be removed')
        await cli('CONFIG', 'SET', 'maxmemory', '0')
        assert.ok(isRight(await store.put(letter())()))
        assert.is((await allOf(store)).length, 1)
      }),
    { appendonly: 'everysec' }
  )
)

troubles('lets letters be edited, claimed, settled, discarded and pruned in a Redis that is full', () =>
  withRedis(
    async ({ url, cli }) => {
      let passed = 0
      const clock = { ...systemClock, now: () => 1_700_000_000_000 + passed }
      const retention = { keepSettledMs: 1_000 }
      await using({ url, retention, clock }, async (store) => {
        for (const id of ['1', '2', '3']) assert.ok(isRight(await store.put(letter({ id }))()))
        await cli('CONFIG', 'SET', 'maxmemory', '1')
      })
      await using({ url, retention, clock }, async (store) => {
        const [first, second, third] = await allOf(store)
        assert.ok(first && second && third)
        const to = new Uint8Array()
        assert.ok(isRight(await store.edit({ ...first, from: first.bytes, to, by: 'ann' })()))
        const claimed = await store.claim({ owner: 'ann', leaseMs: 1_000, filter: { id: '2' } })()
        const token = claimed._tag === 'Right' ? claimed.right.letters[0]?.lease?.token : undefined
        assert.ok(token !== undefined, reasonOf(claimed))
        assert.ok(isRight(await store.settle([{ ...second, token, result: { _tag: 'Resolved' } }])()))
        assert.ok(isRight(await store.discard({ filter: { id: '3' }, by: 'ann', note: '' })()))
        assert.equal(
          (await allOf(store)).map(({ state }) => state),
          ['dead', 'resolved', 'discarded']
        )
        passed = 2_000
        assert.equal(await store.prune()(), right({ dead: 0, tombstones: 0, emptied: 2 }))
        assert.match(reasonOf(await store.put(letter({ id: '4' }))()), 'Redis is full')
      })
    },
    { appendonly: 'everysec' }
  )
)

troubles('says what to do where it is a replica, and goes on when that has changed', () =>
  withRedis(
    async ({ url, cli, port }) =>
      using({ url }, async (store) => {
        await cli('REPLICAOF', '127.0.0.1', port + 1)
        assert.match(reasonOf(await store.put(letter())()), 'READONLY')
        await cli('REPLICAOF', 'NO', 'ONE')
        await done('it may be written to', store.put(letter()))
      }),
    { appendonly: 'everysec' }
  )
)

troubles('is opened when what was a replica has become the primary, and else says what it is', () =>
  withRedis(
    async ({ url, cli, port }) => {
      await cli('REPLICAOF', '127.0.0.1', port + 1)
      const refused = await redisDlq({ url, connectMs: 200 }).open()
      assert.match(refused._tag === 'Left' ? refused.left.message : 'it was opened', 'READONLY')
      const refusal = await nextRefusal(cli)
      const opening = redisDlq({ url }).open()
      await refusal()
      await cli('REPLICAOF', 'NO', 'ONE')
      const opened = await opening
      if (opened._tag === 'Left') throw new Error(opened.left.message)
      await opened.right.close()
    },
    { appendonly: 'everysec' }
  )
)

troubles('says what to do where its user may not run a command, of a script too', () =>
  withRedis(
    async ({ url, cli }) => {
      await cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '+@all')
      await using({ url: url.replace('//', '//app:secret@') }, async (store) => {
        for (const command of ['-hset', '-evalsha']) {
          await cli('ACL', 'SETUSER', 'app', command)
          assert.match(reasonOf(await store.put(letter())()), 'give this user the right to it')
        }
      })
    },
    { appendonly: 'everysec' }
  )
)

troubles('says so where a key of the queue is something else by now', () =>
  withRedis(
    async ({ url, cli }) =>
      using({ url }, async (store) => {
        await cli('SET', '{missive:dlq}:keys', 'text')
        assert.match(reasonOf(await store.put(letter())()), 'a key of the queue is something else by now')
        assert.match(
          reasonOf(await store.page({ filter: { key: 'abcd' } })()),
          'a key of the queue is something else by now'
        )
      }),
    { appendonly: 'everysec' }
  )
)

troubles('goes on in a Redis that was emptied, and never gives a number twice where its marker is lost', () =>
  withRedis(
    async ({ url, cli }) =>
      using({ url }, async (store) => {
        for (const id of ['1', '2']) await store.put(letter({ id }))()
        await cli('DEL', '{missive:dlq}:meta')
        await store.put(letter({ id: '3' }))()
        assert.equal(
          (await allOf(store)).map(({ id }) => id),
          ['1', '2', '3']
        )
        await cli('FLUSHALL')
        assert.ok(isRight(await store.put(letter({ id: '4' }))()))
        assert.equal(
          (await allOf(store)).map(({ id }) => id),
          ['4']
        )
        await using({ url, create: false }, async (other) => assert.is((await allOf(other)).length, 1))
      }),
    { appendonly: 'everysec' }
  )
)

troubles('names a letter whose row cannot be read', () =>
  withRedis(
    async ({ url, cli }) =>
      using({ url }, async (store) => {
        await store.put(letter())()
        const [found] = await allOf(store)
        await cli('HSET', '{missive:dlq}:rows', '1', `${found?.key}\nnonsense`)
        assert.match(reasonOf(await store.page()()), `letter ${found?.key}: its row cannot be read`)
      }),
    { appendonly: 'everysec' }
  )
)

troubles('tells nobody the password, whatever goes wrong', () =>
  withRedis(
    async (server) => {
      const { port } = server
      const secret = 's3cr3t-p:ss'
      const url = `redis://:${encodeURIComponent(secret)}@127.0.0.1:${port}`
      const wrong = await redisDlq({ url: url.replace('s3cr3t', 'wr0ng') }).open()
      const said = [wrong._tag === 'Left' ? wrong.left.message : 'it was opened']
      assert.match(said[0] ?? '', 'check the user and the password')
      await using({ url }, async (store) => {
        said.push(store.location)
        await server.kill()
        said.push(reasonOf(await store.put(letter())()))
        said.push(reasonOf(await store.page()()))
      })
      const gone = await redisDlq({ url, connectMs: 100 }).open()
      said.push(gone._tag === 'Left' ? gone.left.message : 'it was opened')
      for (const text of said) assert.not.match(text, /s3cr3t|wr0ng|%3A/)
    },
    { appendonly: 'everysec', password: 's3cr3t-p:ss' }
  )
)

troubles.run()
