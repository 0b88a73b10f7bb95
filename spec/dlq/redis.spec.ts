import * as assert from 'uvu/assert'
import type { Either } from 'fp-ts/lib/Either.js'
import type { StoredLetter } from '../../lib/core/letter.js'
import { left } from '../../lib/core/result.js'
import { eachLetter } from '../../lib/dlq/each-letter.js'
import { type RedisDlq, type RedisDlqOptions, redisDlq } from '../../lib/dlq/redis.js'
import type { LetterFilter, Pruned } from '../../lib/ports/letters.js'
import { systemClock } from '../../lib/system.js'
import { until } from '../support/deadline.js'
import { letter } from '../support/letters.js'
import { type RedisServer, startRedis, uniqueName, withRedis } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

const dayMs = 86_400_000

let redis: RedisServer
const start = async (): Promise<void> => void (redis = await startRedis({ appendonly: 'everysec' }))
const stop = (): Promise<void> => redis.stop()

type Given = Partial<Omit<RedisDlqOptions, 'client'>>

const opening = (given: Given = {}) => redisDlq({ url: redis.url, ...given }).open()

/** Opens a queue, uses it, and closes it. */
const using = async <A>(given: Given, use: (store: RedisDlq) => Promise<A>): Promise<A> => {
  const { value, close } = rightOf(await opening(given))
  try {
    return await use(value)
  } finally {
    await close()
  }
}

const refusal = async (given: Given = {}): Promise<string> => {
  const opened = await opening(given)
  if (opened._tag === 'Left') return opened.left.message
  await opened.right.close()
  return 'it was opened'
}

const rightOf = <A>(answer: Either<unknown, A>): A => {
  if (answer._tag === 'Right') return answer.right
  throw new Error(JSON.stringify(answer.left))
}

const allOf = async (store: RedisDlq, order: 'oldest' | 'newest' = 'oldest') => {
  const found: StoredLetter[] = []
  rightOf(await eachLetter(store, { order }, (letters) => void found.push(...letters))())
  return found
}

const keysOf = async (name: string): Promise<readonly string[]> =>
  ((await redis.cli('KEYS', '*')) as readonly string[]).filter((key) => key.includes(name)).toSorted()

/** What the process is warned of meanwhile. */
const warnings = async (use: () => Promise<unknown>): Promise<readonly string[]> => {
  const found: string[] = []
  const hear = ({ message }: Error): void => void found.push(message)
  process.on('warning', hear)
  await use()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', hear)
  return found.filter((message) => message.startsWith('redisDlq'))
}

const opens = redisSuite('redisDlq')
opens.before(start)
opens.after(stop)

opens('keeps letters for whoever opens the queue next, and says where they lie', async () => {
  const name = uniqueName('kept')
  await using({ name }, (store) => store.put(letter())())
  await using({ name }, async (store) => {
    assert.equal(
      (await allOf(store)).map(({ id, bytes }) => [id, bytes]),
      [['1', letter().bytes]]
    )
    assert.is(store.location, `redis://127.0.0.1:${redis.port}/0#${name}`)
  })
})

opens('is called missive:dlq if nothing else is said', () =>
  using({}, async (store) => assert.is(store.location, `redis://127.0.0.1:${redis.port}/0#missive:dlq`))
)

opens('keeps queues of other names apart', async () => {
  const [one, other] = [uniqueName('one'), uniqueName('other')]
  await using({ name: one }, (store) => store.put(letter())())
  await using({ name: other }, async (store) => assert.equal(await allOf(store), []))
})

opens('has all keys under one hash tag, which is the name or a part of it', async () => {
  const name = uniqueName('tagged')
  for (const [given, begin] of [
    [name, `{${name}}:`],
    [`{${name}}:dlq`, `{${name}}:dlq:`],
    [`a{${name}}`, `a{${name}}:`],
    [`{}${name}`, `{{}${name}}:`]
  ] as const) {
    await using({ name: given }, async (store) => {
      await store.put(letter())()
      await store.claim({ owner: 'ann', leaseMs: 1_000 })()
    })
    const keys = (await keysOf(name)).filter((key) => key.startsWith(begin))
    assert.ok(keys.includes(`${begin}meta`) && keys.includes(`${begin}leases`), keys.join())
  }
})

/** While this machine's clock is so much ahead. */
const ahead = async <A>(ms: number, use: () => Promise<A>): Promise<A> => {
  const { now } = Date
  Date.now = () => now() + ms
  try {
    return await use()
  } finally {
    Date.now = now
  }
}

for (const hours of [-1, 1])
  opens(
    `ends no lease of others by a clock that is ${hours} h ahead, and gives leases as long as said`,
    () => {
      const name = uniqueName('skewed')
      return using({ name }, async (store) => {
        await store.put(letter())()
        const claimed = rightOf(await store.claim({ owner: 'ann', leaseMs: 60_000 })()).letters
        const held = claimed.map(({ key, id, lease }) => ({ key, id, token: lease?.token ?? '' }))
        await ahead(hours * 3_600_000, () =>
          using({ name }, async (other) => {
            assert.equal(
              (await allOf(other)).map(({ state }) => state),
              ['replaying']
            )
            assert.equal(rightOf(await other.renew(held, 60_000)()), ['ok'])
          })
        )
        const [there] = await allOf(store)
        const leftMs = (there?.lease?.until ?? 0) - Date.now()
        assert.ok(leftMs > 30_000 && leftMs < 61_000, String(leftMs))
      })
    }
  )

opens('makes no queue where it is told not to', async () => {
  const name = uniqueName('missing')
  assert.match(await refusal({ name, create: false }), `there is no queue called ${name}; give the name`)
  assert.equal(await keysOf(name), [])
  await using({ name }, async () => undefined)
  assert.is(await refusal({ name, create: false }), 'it was opened')
})

opens('refuses a name that belongs to something else, and changes nothing there', async () => {
  const [text, hash, list] = ['text', 'hash', 'list'].map(uniqueName) as [string, string, string]
  await redis.cli('SET', `{${text}}:meta`, 'mine')
  await redis.cli('HSET', `{${hash}}:meta`, 'version', '1')
  await redis.cli('RPUSH', `{${list}}:dead`, 'mine')
  for (const [name, key, type] of [
    [text, 'meta', 'string'],
    [hash, 'meta', 'hash'],
    [list, 'dead', 'list']
  ] as const) {
    const what = `the key {${name}}:${key} is a ${type} that belongs to something else; give the queue another name`
    assert.match(await refusal({ name }), what)
    assert.equal(await keysOf(name), [`{${name}}:${key}`])
  }
})

opens('refuses a queue of a newer version', async () => {
  const name = uniqueName('newer')
  await using({ name }, async () => undefined)
  await redis.cli('HSET', `{${name}}:meta`, 'version', '2')
  assert.match(await refusal({ name }), 'was made by a newer missive-ts (version 2 of its form')
})

opens('refuses options that make no sense, before it is opened', () => {
  const url = 'redis://localhost:6379'
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ url, name: '' }, /^TypeError: redisDlq: a queue without a name is none; give it one/],
    [{ url, connectMs: NaN }, /^RangeError: redisDlq: connectMs is a number of milliseconds above 0/],
    [{ url, connectMs: Infinity }, /^RangeError: redisDlq: connectMs/],
    [{ url, retention: { maxAgeMs: -1 } }, /^RangeError: redisDlq: retention.maxAgeMs is -1; give a number/],
    [{ url: undefined }, /^TypeError: redisDlq: give url: 'redis:.*', or a client/]
  ]
  for (const [options, message] of wrong)
    assert.throws(
      () => redisDlq(options as RedisDlqOptions),
      (error: unknown) => message.test(String(error)),
      String(message)
    )
})

opens('says what is wrong with a URL, and where nothing listens', async () => {
  assert.match(await refusal({ url: 'http://localhost' }), 'a URL of http: is none of Redis')
  assert.match(
    await refusal({ url: 'redis://127.0.0.1:1', connectMs: 100 }),
    'cannot connect to Redis at 127.0.0.1:1/0'
  )
})

opens('notes for whoever opens it next how long settled letters are kept', async () => {
  const name = uniqueName('noted')
  await using({ name, retention: { keepSettledMs: dayMs } }, async () => undefined)
  await using({ name }, async (store) => {
    const { source, id, bytes } = letter()
    await store.put(letter())()
    await store.resolve({ source, id, bytes })()
    assert.equal(
      (await allOf(store)).map((each) => [each.state, each.bytes]),
      [['resolved', bytes]]
    )
  })
})

opens('removes what is no longer to be kept at most once an hour, after something was written', async () => {
  let passed = 0
  const clock = { ...systemClock, now: () => 1_700_000_000_000 + passed, monotonic: () => passed }
  const pruned: Pruned[] = []
  const said = { name: uniqueName('tidy'), clock, retention: { maxLetters: 2 } }
  const told = (one: Pruned): void => void pruned.push(one)
  await using({ ...said, onPruned: told }, async (store) => {
    const put = async (id: string): Promise<void> => {
      await store.put(letter({ id }))()
      // It is removed beside what is asked; this is asked later, and so answered later.
      for (let turns = 0; turns < 20; turns += 1) await store.count()()
    }
    for (const id of ['1', '2', '3', '4']) await put(id)
    assert.equal(pruned, [])
    passed = 3_600_000
    await put('5')
    assert.equal(pruned, [{ dead: 3, tombstones: 0, emptied: 0 }])
    assert.equal(
      (await allOf(store)).map(({ id }) => id),
      ['4', '5']
    )
  })
})

opens(
  'takes the headers of what is settled away in time, and what was edited, also without a payload',
  async () => {
    let passed = 0
    const clock = { ...systemClock, now: () => 1_700_000_000_000 + passed }
    await using({ name: uniqueName('empty'), clock, retention: { keepSettledMs: 1_000 } }, async (store) => {
      rightOf(await store.put(letter({ id: '1', bytes: new Uint8Array() }))())
      rightOf(await store.put(letter({ id: '2', headers: {} }))())
      const [, second] = await allOf(store)
      assert.ok(second)
      rightOf(await store.edit({ ...second, from: second.bytes, to: new Uint8Array(), by: 'ann' })())
      rightOf(await store.discard({ filter: {}, by: 'ann', note: '' })())
      assert.is(rightOf(await store.prune()()).emptied, 0)
      passed = 2_000
      assert.is(rightOf(await store.prune()()).emptied, 2)
      assert.equal(
        (await allOf(store)).map(({ headers, original }) => [headers, original]),
        [
          [{}, undefined],
          [{}, undefined]
        ]
      )
      assert.is(rightOf(await store.prune()()).emptied, 0)
    })
  }
)

opens('makes no empty message of a letter whose bytes are gone, and can discard it', async () => {
  for (const part of ['bytes', 'originals']) {
    const name = uniqueName('gone')
    await using({ name }, async (store) => {
      await store.put(letter({ original: Uint8Array.from([1]) }))()
      const [{ key } = { key: '' }] = await allOf(store)
      await redis.cli('DEL', `{${name}}:${part}`)
      const reason = `letter ${key}: its bytes are gone from Redis; bring them back from a copy, or discard it`
      for (const ask of [store.page(), store.claim({ owner: 'ann', leaseMs: dayMs })])
        assert.equal(await ask(), left({ reason: `${store.location}: ${reason}` }))
      assert.is(rightOf(await store.count({ state: 'dead' })()), 1)
      assert.is(rightOf(await store.discard({ filter: { key }, by: 'ann', note: '' })()), 1)
      assert.equal(
        (await allOf(store)).map(({ state }) => state),
        ['discarded']
      )
    })
  }
})

opens(
  'forgets kinds of failure that no letter is of any more, where they are more than letters',
  async () => {
    const name = uniqueName('kinds')
    await using({ name }, async (store) => {
      for (const id of ['1', '2', '3']) await store.put(letter({ id, source: `source ${id}` }))()
      await store.discard({ filter: { id: '2' }, by: 'ann', note: '' })()
      assert.is(rightOf(await store.prune({ maxLetters: 1 })()).dead, 1)
      assert.is(await redis.cli('HLEN', `{${name}}:kinds`), 2)
      await store.put(letter({ id: '1', source: 'source 1' }))()
      assert.equal(
        rightOf(await store.groups()()).map(({ tag, count }) => [tag, count]),
        [['Malformed', 3]]
      )
      assert.equal(
        (await allOf(store)).map(({ source }) => source),
        ['source 2', 'source 3', 'source 1']
      )
    })
  }
)

opens('finds all of many letters in both orders, whatever their states', async () => {
  await using({ name: uniqueName('many') }, async (store) => {
    const ids = Array.from({ length: 6_000 }, (_, index) => String(index))
    await Promise.all(ids.map((id) => store.put(letter({ id, source: Number(id) % 3 === 0 ? 'a' : 'b' }))()))
    const { letters } = rightOf(await store.claim({ owner: 'ann', leaseMs: dayMs, limit: 700 })())
    assert.is(letters.length, 700)
    const discarded = await store.discard({ filter: { source: 'a' }, by: 'ann', note: 'no use' })()
    const leased = letters.filter(({ source }) => source === 'a').length
    assert.is(rightOf(discarded), 2_000 - leased)
    const found = await allOf(store)
    assert.equal(
      found.map(({ id }) => id),
      ids
    )
    assert.equal(
      (await allOf(store, 'newest')).map(({ id }) => id),
      ids.toReversed()
    )
    const filters: readonly LetterFilter[] = [
      { source: 'a' },
      { state: 'dead' },
      { state: ['discarded', 'replaying'], source: 'b' }
    ]
    for (const filter of filters) {
      const meant = found.filter(
        ({ source, state }) =>
          (filter.source ?? source) === source && (filter.state ?? [state]).includes(state)
      )
      assert.is(rightOf(await store.count(filter)()), meant.length)
      const groups = rightOf(await store.groups({ filter })())
      assert.equal(
        groups.map(({ count }) => count),
        [meant.length]
      )
    }
  })
})

opens.run()

const sharing = redisSuite('a queue that several share')
sharing.before(start)
sharing.after(stop)

sharing('keeps each letter that two put at the same time, once', async () => {
  const name = uniqueName('both')
  await using({ name }, (one) =>
    using({ name }, async (other) => {
      const ids = Array.from({ length: 1_000 }, (_, index) => String(index))
      const attempts = (startedAt: number) => [{ startedAt, durationMs: 1, failure: letter().failure }]
      const puts = ids.flatMap((id) => [
        one.put(letter({ id, attempts: attempts(1) }))(),
        other.put(letter({ id, attempts: attempts(2) }))(),
        other.put(letter({ id: `other ${id}` }))()
      ])
      for (const put of await Promise.all(puts)) assert.is(put._tag, 'Right')
      const found = await allOf(one)
      assert.is(found.length, 2_000)
      const shared = found.filter(({ id }) => !id.startsWith('other'))
      assert.equal(
        shared.map(({ times, attemptCount }) => [times, attemptCount]),
        ids.map(() => [2, 2])
      )
    })
  )
})

sharing('gives no letter to two who claim at the same time, and all of them to somebody', async () => {
  const name = uniqueName('claimed')
  await using({ name }, (one) =>
    using({ name }, async (other) => {
      const ids = Array.from({ length: 500 }, (_, index) => String(index))
      await Promise.all(ids.map((id) => one.put(letter({ id }))()))
      const claimAll = async (store: RedisDlq, owner: string): Promise<readonly string[]> => {
        const claimed: string[] = []
        let after: string | undefined
        do {
          const page = rightOf(await store.claim({ owner, leaseMs: dayMs, limit: 7, after })())
          claimed.push(...page.letters.map(({ id }) => id))
          after = page.next
        } while (after !== undefined)
        return claimed
      }
      const owners = [claimAll(one, 'ann'), claimAll(one, 'bob'), claimAll(other, 'cid')]
      const claimed = (await Promise.all(owners)).flat()
      assert.equal(claimed.toSorted(), ids.toSorted())
    })
  )
})

sharing('adds up all that many put of one letter at the same time', async () => {
  const name = uniqueName('contended')
  await using({ name }, (one) =>
    using({ name }, async (other) => {
      const put = (startedAt: number) =>
        (startedAt % 2 === 0 ? one : other).put(
          letter({ attempts: [{ startedAt, durationMs: 1, failure: letter().failure }] })
        )()
      const puts = await Promise.all(Array.from({ length: 40 }, (_, index) => put(index)))
      for (const { _tag } of puts) assert.is(_tag, 'Right')
      const [found] = await allOf(one)
      assert.equal([found?.times, found?.attemptCount], [40, 40])
    })
  )
})

sharing('stores what is put with a letter that cannot be stored', async () => {
  await using({ name: uniqueName('odd') }, async (store) => {
    const odd = letter({ id: 17 as never })
    const puts = [letter({ id: '1' }), odd, letter({ id: '2' })].map((each) => store.put(each)())
    assert.equal(
      (await Promise.all(puts)).map(({ _tag }) => _tag),
      ['Right', 'Left', 'Right']
    )
    assert.is((await allOf(store)).length, 2)
  })
})

sharing.run()

const risks = redisSuite('redisDlq and what would lose letters')

risks('warns of a Redis that keeps nothing on its disk, or may remove keys', () =>
  withRedis(
    async ({ url, cli }) => {
      const open = () => using({ url }, async () => undefined)
      const found = await warnings(open)
      assert.is(found.length, 1)
      assert.match(found[0] ?? '', 'it has no append-only file, so letters are lost when it ends')
      assert.match(
        found[0] ?? '',
        'it may remove letters when memory is short (maxmemory-policy allkeys-lru)'
      )
      await cli('CONFIG', 'SET', 'appendonly', 'yes', 'maxmemory-policy', 'volatile-lru')
      // It does not end while it writes its first one.
      await until('the file is written', async () =>
        String(await cli('INFO', 'persistence')).includes('aof_rewrite_in_progress:0')
      )
      assert.equal(await warnings(open), [])
      await cli('CONFIG', 'SET', 'appendfsync', 'no')
      assert.match((await warnings(open))[0] ?? '', 'it leaves syncing to the system (appendfsync no)')
    },
    { args: ['--maxmemory-policy', 'allkeys-lru'] }
  )
)

risks('is silent where it may not ask', () =>
  withRedis(async ({ port, cli }) => {
    const rights = ['~{missive:dlq}:*', '+@all', '-config', '-@dangerous']
    await cli('ACL', 'SETUSER', 'app', 'on', '>open', ...rights)
    const url = `redis://app:open@127.0.0.1:${port}`
    const put = () => using({ url }, async (store) => assert.is((await store.put(letter())())._tag, 'Right'))
    assert.equal(await warnings(put), [])
    const other = await redisDlq({ url, name: 'other' }).open()
    assert.match(other._tag === 'Left' ? other.left.message : '', 'give this user the right to it')
  })
)

risks.run()
