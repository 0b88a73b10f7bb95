import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { left, right } from '../../lib/core/result.js'
import { type MemoryIdempotencyOptions, memoryIdempotency } from '../../lib/index.js'
import type { IdempotencyClaim, IdempotencyState, IdempotencyStore } from '../../lib/ports/idempotency.js'
import { Resource } from '../../lib/ports/resource.js'
import { idempotencyLaws } from '../../lib/testing.js'
import { type VirtualClock, virtualClock } from '../support/clock.js'

const lawful = suite('memoryIdempotency keeps the laws: it')

for (const { name, run } of idempotencyLaws((clock) => Resource.of(memoryIdempotency({ clock }))))
  lawful(name, run)

const few = { maxKeys: 120, maxBytes: 20_000_000, ttlMs: 5_000 }
for (const { name, run } of idempotencyLaws(
  (clock) => Resource.of(memoryIdempotency({ ...few, clock })),
  few
))
  lawful(`${name}, and with little room`, run)

lawful.run()

const bounded = suite('memoryIdempotency')

interface Trial {
  readonly clock: VirtualClock
  readonly store: IdempotencyStore
  /** A tag, or a reason. */
  readonly begin: (key: string, fields?: Partial<IdempotencyClaim>) => Promise<string>
  readonly finish: (key: string, result?: string) => Promise<boolean | string>
}

const trial = (options: MemoryIdempotencyOptions = {}): Trial => {
  const clock = virtualClock()
  const store = memoryIdempotency({ clock, ...options })
  return {
    clock,
    store,
    begin: async (key, fields = {}) => {
      const begun = await store.begin({ key, fingerprint: 'a1', token: 'ann', leaseMs: 1_000, ...fields })()
      return begun._tag === 'Right' ? begun.right._tag : begun.left.reason
    },
    finish: async (key, result = 'done') => {
      const finished = await store.finish({ key, token: 'ann', result })()
      return finished._tag === 'Right' ? finished.right : finished.left.reason
    }
  }
}

const numbered = (count: number, from = 0): readonly string[] =>
  Array.from({ length: count }, (_, index) => String(from + index))

bounded('forgets what was finished first where there is no room', async () => {
  const { begin, finish } = trial({ maxKeys: 3 })
  for (const key of ['a', 'b', 'c']) assert.is(await begin(key), 'Begun')
  for (const key of ['c', 'a', 'b']) assert.is(await finish(key), true)
  assert.is(await begin('d'), 'Begun')
  assert.equal(await Promise.all(['a', 'b'].map((key) => begin(key))), ['Finished', 'Finished'])
  assert.is(await begin('e'), 'Begun')
  assert.is(await begin('b'), 'Finished')
})

bounded('never forgets what is in flight, and says so when there is nothing else', async () => {
  const { begin, finish } = trial({ maxKeys: 3 })
  for (const key of ['a', 'b', 'c']) await begin(key)
  assert.is(await begin('d'), 'memory: all of its 3 keys are in flight; allow more with maxKeys')
  assert.equal(await Promise.all(['a', 'b', 'c'].map((key) => begin(key))), [
    'InFlight',
    'InFlight',
    'InFlight'
  ])
  assert.is(await finish('b'), true)
  assert.is(await begin('d'), 'Begun')
  assert.equal(await Promise.all(['a', 'c', 'd'].map((key) => finish(key))), [true, true, true])
})

bounded('gives the place of a lease that has ended to others, wherever it stands', async () => {
  const { begin, finish, clock } = trial({ maxKeys: 3 })
  await begin('long', { leaseMs: 60_000 })
  await begin('short')
  await begin('longer', { leaseMs: 90_000 })
  await clock.advance(1_001)
  assert.is(await begin('next'), 'Begun')
  assert.is(await finish('short'), false)
  assert.is(await begin('one more'), 'memory: all of its 3 keys are in flight; allow more with maxKeys')
  assert.equal([await finish('long'), await finish('longer'), await finish('next')], [true, true, true])
})

bounded('finishes what nobody took over though its lease has ended', async () => {
  const { begin, finish, clock } = trial()
  await begin('a')
  await clock.advance(60_000)
  assert.is(await finish('a'), true)
  assert.is(await begin('a'), 'Finished')
})

bounded('holds no more bytes than it may: the oldest results make room', async () => {
  const { begin, finish } = trial({ maxBytes: 1_000 })
  for (const key of ['a', 'b', 'c', 'd']) {
    assert.is(await begin(key), 'Begun')
    assert.is(await finish(key, 'x'.repeat(200)), true)
  }
  assert.equal(await Promise.all(['c', 'd'].map((key) => begin(key))), ['Finished', 'Finished'])
  assert.is(await begin('b'), 'Begun')
})

bounded('stores no result that has no room, and keeps what it has', async () => {
  const { begin, finish } = trial({ maxBytes: 1_000 })
  await begin('a')
  await finish('a', 'paid')
  await begin('b')
  const reason = 'memory: there is no room for 1012 bytes beside what is in flight; allow more with maxBytes'
  assert.is(await finish('b', 'x'.repeat(500)), reason)
  assert.equal([await begin('a'), await begin('b')], ['Finished', 'InFlight'])
  assert.is(await finish('b', 'x'.repeat(300)), true)
})

bounded('counts the bytes of keys, and forgets them with the key', async () => {
  const { begin, finish, store } = trial({ maxBytes: 1_000 })
  const key = 'k'.repeat(400)
  for (let round = 0; round < 100; round += 1) {
    assert.is(await begin(key), 'Begun')
    assert.match(await begin(`${key} other`), 'there is no room for ')
    await store.renew({ key, token: 'ann', leaseMs: 1_000 })()
    await store.abandon({ key, token: 'ann' })()
  }
  assert.equal([await begin(key), await finish(key)], ['Begun', true])
  assert.is(await begin(`${key} other`), 'Begun')
})

bounded('stays within its bounds whatever comes, and quick where it is full', async () => {
  const { begin, finish, clock } = trial({ maxKeys: 1_000, ttlMs: 10_000 })
  for (let round = 0; round < 20; round += 1) {
    const keys = numbered(1_000, round * 1_000)
    for (const key of keys) assert.is(await begin(key), 'Begun')
    assert.match(await begin('one more'), 'are in flight')
    for (const key of keys) assert.is(await finish(key), true)
    for (const key of keys) assert.is(await begin(key), 'Finished')
    if (round % 5 === 4) await clock.advance(11_000)
  }
  assert.is(await begin('19999'), 'Begun')
})

bounded('does not mind that the date of the machine jumps', async () => {
  let jump = 0
  const clock = virtualClock()
  const store = memoryIdempotency({ clock: { ...clock, now: () => clock.now() + jump } })
  const begin = (token: string) =>
    store.begin({ key: 'a', fingerprint: 'a1', token, leaseMs: 1_000 })() as Promise<{
      readonly right: IdempotencyState
    }>
  await begin('ann')
  for (jump of [1e10, -1e10]) assert.equal((await begin('bob')).right, { _tag: 'InFlight', leftMs: 1_000 })
})

bounded('does not share what it holds with another', async () => {
  const [one, other] = [trial(), trial()]
  assert.equal([await one.begin('a'), await other.begin('a')], ['Begun', 'Begun'])
})

bounded('is a day long unless it is told otherwise', async () => {
  const { begin, finish, clock } = trial()
  await begin('a')
  await finish('a')
  await clock.advance(86_399_999)
  assert.is(await begin('a'), 'Finished')
  await clock.advance(1)
  assert.is(await begin('a'), 'Begun')
})

bounded('refuses what it cannot be asked, and numbers that make no sense', async () => {
  const { store, begin } = trial()
  const reason = 'memory: leaseMs is NaN; give a number of milliseconds above 0'
  assert.is(await begin('a', { leaseMs: NaN }), reason)
  assert.equal(await store.renew({ key: 'a', token: 'ann', leaseMs: NaN })(), left({ reason }))
  const result = undefined as unknown as string
  await begin('a')
  assert.equal(
    await store.finish({ key: 'a', token: 'ann', result })(),
    left({ reason: 'memory: result is of type undefined; give a text' })
  )
  assert.equal(await store.renew({ key: 'a', token: 'ann', leaseMs: 1 })(), right(true))
  for (const [options, message] of [
    [{ maxKeys: 0 }, 'memoryIdempotency: maxKeys is 0; give a number of at least 1'],
    [
      { ttlMs: Infinity },
      'memoryIdempotency: ttlMs is Infinity; give a number of milliseconds, at most 9007199254740991'
    ],
    [{ ttlMs: NaN }, 'memoryIdempotency: ttlMs is NaN; give a number of at least 1'],
    [{ maxBytes: -1 }, 'memoryIdempotency: maxBytes is -1; give a number of at least 1']
  ] as const)
    assert.throws(
      () => memoryIdempotency(options),
      (error: unknown) => error instanceof RangeError && error.message === message
    )
})

bounded.run()
