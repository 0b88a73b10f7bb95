/** Laws of keeping: what is put is there, once and unchanged. */
import { defect, noMatch } from '../core/failure.js'
import type { DeadLetter, StoredLetter } from '../core/letter.js'
import { oddLetters } from './odd-letters.js'
import {
  type Law,
  allOf,
  attempt,
  expect,
  expectEqual,
  held,
  identityOf,
  ids,
  idsOf,
  law,
  letter,
  theLetter,
  utf8
} from './store-law.js'

export const keepingLaws: readonly Law[] = [
  law('gives back every field of a letter, and its bytes unchanged', async ({ ask, clock }) => {
    const letters = oddLetters.map((fields, index) => letter({ id: String(index), ...fields }))
    for (const each of letters) await ask.put(each)
    const found = await allOf(ask)
    expectEqual('the number of letters', found.length, letters.length)
    letters.forEach((each, index) => {
      const { key, fingerprint, ...rest } = found[index] as StoredLetter
      expect('a fingerprint of 12 hexadecimal digits', /^[0-9a-f]{12}$/.test(fingerprint), fingerprint)
      expect('a key of 40 hexadecimal digits', /^[0-9a-f]{40}$/.test(key), key)
      expectEqual(`the letter ${each.id}`, rest, {
        ...each,
        state: 'dead',
        firstSeenAt: clock.now(),
        lastSeenAt: clock.now(),
        times: 1,
        attemptCount: each.attempts.length,
        events: []
      })
    })
  }),

  law('gives a letter the key and the fingerprint that it has in every store', async ({ ask }) => {
    const failure = defect('the handler of order', new Error('customer 17 not found'))
    await ask.put(letter({ source: 'shop', id: '17', bytes: Uint8Array.from([0, 255, 10]), failure }))
    const { key, fingerprint } = await theLetter(ask, '17')
    expectEqual(
      'key and fingerprint',
      [key, fingerprint],
      ['ddc06c0aa267aaf980d21f23d17c23083a7c21ae', '231f422474d2']
    )
  }),

  law('keeps what is put again as one letter, with all its attempts', async ({ ask, clock }) => {
    const firstSeenAt = clock.now()
    await ask.put(letter({}, 1))
    const { key } = await theLetter(ask)
    clock.pass(1_000)
    const failure = noMatch([{ route: 'order', reason: 'no' }])
    const again: Partial<DeadLetter> = { failure, route: undefined, deliveryCount: 2, receivedAt: 9 }
    await ask.put(letter({ ...again, headers: { tenant: 'b' } }, 2))
    const found = await theLetter(ask)
    expectEqual(
      'the letter',
      { ...found, fingerprint: '' },
      {
        ...letter({ ...again, headers: { tenant: 'b' }, attempts: [attempt(1), attempt(2, failure)] }),
        key,
        fingerprint: '',
        state: 'dead',
        firstSeenAt,
        lastSeenAt: clock.now(),
        times: 2,
        attemptCount: 2,
        events: []
      }
    )
  }),

  law('keeps letters apart whose source, id or bytes differ, however they run together', async ({ ask }) => {
    const names = ['a b c', 'ab  c', 'a bc ', 'a b d', 'a c c', 'b b c', '11 1 c', '1 11 c', '1 1 1c']
    const letters = names.map((name) => {
      const [source = '', id = '', bytes = ''] = name.split(' ')
      return letter({ source, id, bytes: utf8(bytes) })
    })
    for (const each of letters) await ask.put(each)
    const text = (each: DeadLetter) => [each.source, each.id, new TextDecoder().decode(each.bytes)].join(' ')
    const found = await allOf(ask)
    expectEqual('the letters', found.map(text), names)
    expectEqual('the number of keys', new Set(found.map(({ key }) => key)).size, names.length)
  }),

  law(
    'keeps letters apart whose ids differ in half a character, and settles each of them',
    async ({ ask }) => {
      const all = halves.map((id) => letter({ id }))
      for (const each of all) await ask.put(each)
      expectEqual('the ids', spelt(idsOf(await allOf(ask))), spelt(halves))
      for (const id of halves)
        expectEqual('the ids of one', spelt(idsOf(await allOf(ask, { filter: { id } }))), spelt([id]))
      const [high, low, unknown, other] = all as [DeadLetter, DeadLetter, DeadLetter, DeadLetter]
      await ask.resolve(identityOf(high))
      const lease = await held(ask, low.id)
      expectEqual('settle', await ask.settle([{ ...lease, result: { _tag: 'Resolved' } }]), ['ok'])
      const discard = { filter: { id: unknown.id }, by: 'ann', note: 'no use' }
      expectEqual('how many are discarded', await ask.discard(discard), 1)
      const { key, bytes } = await theLetter(ask, other.id)
      const edit = { key, id: other.id, from: bytes, to: utf8('new'), by: 'ann' }
      expectEqual('edit', await ask.edit(edit), 'edited')
      const states = (await allOf(ask)).map(({ state }) => state)
      expectEqual('the states', states, ['resolved', 'resolved', 'discarded', 'dead', 'dead', 'dead'])
      const recalled = []
      for (const each of all) recalled.push(await ask.recall(identityOf(each)))
      expectEqual('what is recalled', recalled, states)
    }
  ),

  law('adds nothing where the very same attempt is put twice', async ({ ask, clock }) => {
    await ask.put(letter())
    const before = await theLetter(ask)
    clock.pass(1_000)
    await ask.put(letter())
    expectEqual('the letter', await theLetter(ask), before)
  }),

  law('keeps as dead what is put under a lease that there is not', async ({ ask }) => {
    await ask.put(letter({ lease: { token: 'of another store', owner: 'ann', until: 2 ** 50 } }))
    const { key, state, lease } = await theLetter(ask)
    expectEqual('state and lease', [state, lease], ['dead', undefined])
    const token = 'of another store'
    expectEqual('settle', await ask.settle([{ key, id: '1', token, result: { _tag: 'Resolved' } }]), ['lost'])
    expectEqual('what can be claimed', idsOf((await ask.claim({ owner: 'bob', leaseMs: 1 })).letters), ['1'])
  }),

  law('keeps every letter once that is put at the same time as others', async ({ ask }) => {
    const letters = ids(100).map((id) => letter({ id }))
    const again = letters.slice(0, 10).map((each) => ({ ...each, attempts: [attempt(2)] }))
    await Promise.all([...letters, ...again].map((each) => ask.put(each)))
    const found = await allOf(ask, { limit: 30 })
    expectEqual('the ids', idsOf(found).toSorted(), ids(100).toSorted())
    const twice = found.filter(({ times, attemptCount }) => times === 2 && attemptCount === 2)
    expectEqual('the letters put twice', idsOf(twice), ids(10))
  })
]

// helpers

/** UTF-8 has the third alone; the last two are what some may make of others. */
const halves = ['\ud800', '\udfff', '\ufffd', 'order \udfff 17', 'order \ufffd 17', '"\\ud800"']

const spelt = (ids: readonly string[]): readonly string[] => ids.map((id) => JSON.stringify(id))
