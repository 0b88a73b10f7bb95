import { Redis } from 'ioredis'
import * as assert from 'uvu/assert'
import { type RedisIdempotencyOptions, redisIdempotency } from '../../lib/redis.js'
import { idempotencyLaws } from '../../lib/testing.js'
import { until } from '../support/deadline.js'
import { sharedRedis, uniqueName, withRedis } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

const laws = redisSuite('redisIdempotency keeps the laws: it')

for (const { name } of idempotencyLaws((clock) => redisIdempotency({ url: '', clock })))
  laws(name, async () => {
    const { url } = await sharedRedis()
    const law = idempotencyLaws((clock) => redisIdempotency({ url, name: uniqueName('done'), clock })).find(
      (each) => each.name === name
    )
    if (law === undefined) throw new Error('there is no such law')
    const { run } = law
    await run()
  })

laws.run()

const store = redisSuite('redisIdempotency')

const opened = async (options: Parameters<typeof redisIdempotency>[0]) => {
  const resource = await redisIdempotency(options).open()
  if (resource._tag === 'Left') throw new Error(resource.left.message)
  return resource.right
}

store('goes by the server’s clock, and leaves nothing that does not expire', () =>
  withRedis(async ({ url, cli }) => {
    const { value, close } = await opened({ url, ttlMs: 60_000 })
    const claim = { key: 'a', fingerprint: 'f', token: 'ann', leaseMs: 100 }
    assert.equal(await value.begin(claim)(), { _tag: 'Right', right: { _tag: 'Begun' } })
    await until('the end of the lease', async () => {
      const state = await value.begin({ ...claim, token: 'bob', leaseMs: 10_000 })()
      return state._tag === 'Right' && state.right._tag === 'Begun'
    })
    assert.equal(await value.finish({ key: 'a', token: 'ann', result: '' })(), {
      _tag: 'Right',
      right: false
    })
    assert.equal(await value.finish({ key: 'a', token: 'bob', result: 'ok' })(), {
      _tag: 'Right',
      right: true
    })
    const leftMs = Number(await cli('PTTL', 'missive:done:a'))
    assert.ok(leftMs > 60_000 && leftMs <= 120_000, String(leftMs))
    await close()
  })
)

store('is Left within seconds while Redis is away, and answers again after', () =>
  withRedis(async ({ url, stop, start }) => {
    const { value, close } = await opened({ url })
    const claim = { key: 'a', fingerprint: 'f', token: 'ann', leaseMs: 60_000 }
    await stop()
    const away = await value.begin(claim)()
    assert.is(away._tag, 'Left')
    assert.match(JSON.stringify(away), /Redis cannot be reached/)
    await start()
    await until('an answer', async () => (await value.begin(claim)())._tag === 'Right')
    await close()
  })
)

store('has the prefix of a client before its keys, as everything that is done with that has', () =>
  withRedis(async ({ url, cli }) => {
    const client = new Redis(url, { keyPrefix: 'shop:', lazyConnect: true })
    const { value, close } = await opened({ client })
    await value.begin({ key: 'a', fingerprint: 'f', token: 'ann', leaseMs: 60_000 })()
    assert.equal(await cli('KEYS', '*'), ['shop:missive:done:a'])
    await close()
  })
)

store('begins nothing in a Redis that is full, and remembers what is done there', () =>
  withRedis(async ({ url, cli }) => {
    const { value, close } = await opened({ url })
    const claim = { key: 'a', fingerprint: 'f', token: 'ann', leaseMs: 60_000 }
    const yes = { _tag: 'Right', right: true }
    await value.begin(claim)()
    await cli('CONFIG', 'SET', 'maxmemory', '1')
    const full = JSON.stringify(await value.begin({ ...claim, key: 'b' })())
    assert.match(full, 'Redis is full: raise maxmemory, or give it a shorter ttlMs')
    assert.equal(await value.renew(claim)(), yes)
    assert.equal(await value.finish({ ...claim, result: 'ok' })(), yes)
    assert.equal(await value.begin({ ...claim, token: 'bob' })(), {
      _tag: 'Right',
      right: { _tag: 'Finished', result: 'ok' }
    })
    assert.equal(await cli('KEYS', '*'), ['missive:done:a'])
    await close()
  })
)

store('says what to do where a key is something else', () =>
  withRedis(async ({ url, cli }) => {
    const { value, close } = await opened({ url })
    await cli('SET', 'missive:done:a', 'text')
    const claim = { key: 'a', fingerprint: 'f', token: 'ann', leaseMs: 60_000 }
    const reason = 'a key of the store is something else by now; give the store another name'
    assert.match(JSON.stringify(await value.begin(claim)()), reason)
    await close()
  })
)

store('says why it cannot be opened', async () => {
  const nowhere = await redisIdempotency({ url: 'redis://127.0.0.1:1', connectMs: 200 }).open()
  assert.is(nowhere._tag, 'Left')
})

store('refuses options that make no sense, before it is opened', () => {
  const url = 'redis://localhost:6379'
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ url, ttlMs: 0 }, /^RangeError: redisIdempotency: ttlMs is 0; give a number of at least 1/],
    [
      { url, ttlMs: Infinity },
      /^RangeError: redisIdempotency: ttlMs is Infinity; give a number of milliseconds, at most 9007199254740991/
    ],
    [{ url, name: '' }, /^TypeError: redisIdempotency: give its keys a name/],
    [{ url, connectMs: 0 }, /^RangeError: redisIdempotency: connectMs is a number of milliseconds above 0/],
    [{}, /^TypeError: redisIdempotency: give url: 'redis:.*', or a client/]
  ]
  for (const [options, message] of wrong)
    assert.throws(
      () => redisIdempotency(options as RedisIdempotencyOptions),
      (error: unknown) => message.test(String(error)),
      String(message)
    )
})

store.run()
