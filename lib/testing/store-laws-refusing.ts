/** Laws of refusing: what is no question is answered as none, and an odd one is taken for what it means. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { DlqError } from '../core/letter.js'
import type { DeadLetterStore, LetterFilter } from '../ports/letters.js'
import { type Law, allOf, answerOf, expect, expectEqual, ids, idsOf, law, letter } from './store-law.js'

export const refusingLaws: readonly Law[] = [
  law('refuses what is no cursor, and rejects no query', async ({ store, ask }) => {
    await ask.put(letter())
    const cursors = ['nonsense', '', "'; DROP TABLE letters; --", '\u0000']
    for (const after of cursors)
      for (const ask of [
        () => store.page({ after }),
        () => store.claim({ after, owner: 'ann', leaseMs: 1_000 })
      ]) {
        const answer = await answerOf('page or claim', ask)
        expectEqual(`an answer to the cursor ${JSON.stringify(after)}`, answer._tag, 'Left')
      }
    for (const limit of [NaN, -1, 0.5, Infinity, 2 ** 60, 'all' as never]) {
      await answerOf('page', () => store.page({ limit }))
      await answerOf('groups', () => store.groups({ limit }))
    }
    for (const filter of badFilters) {
      await answerOf('page', () => store.page({ filter }))
      await answerOf('groups', () => store.groups({ filter }))
      await answerOf('count', () => store.count(filter))
      await answerOf('arrivals', () => store.arrivals(filter))
    }
    expectEqual('the letter that is there', idsOf(await allOf(ask)), ['1'])
  }),

  law('refuses a bound that is NaN, and takes an infinite one for what it says', async ({ store, ask }) => {
    for (const id of ids(3)) await ask.put(letter({ id }))
    const by = { by: 'ann', note: '' }
    const noNumbers = ['seenFrom', 'seenBefore', 'minAttempts', 'maxAttempts'].flatMap((name) =>
      askingWith(store, { [name]: NaN }).map((ask) => ({ name, ask }))
    )
    const bounds = [
      { name: 'limit', ask: () => store.page({ limit: NaN }) },
      { name: 'limit', ask: () => store.groups({ limit: NaN }) },
      { name: 'limit', ask: () => store.claim({ owner: 'ann', leaseMs: 1_000, limit: NaN }) },
      { name: 'leaseMs', ask: () => store.claim({ owner: 'ann', leaseMs: NaN }) },
      { name: 'leaseMs', ask: () => store.renew([], NaN) }
    ]
    const removals = ['keepSettledMs', 'keepTombstonesMs', 'maxAgeMs', 'maxLetters', 'maxBytes'].map(
      (name) => ({ name, ask: () => store.prune({ [name]: NaN }) })
    )
    for (const { name, ask } of [...noNumbers, ...bounds, ...removals]) await refused(name, ask)
    expectEqual('the letters that are there', await ask.count({ state: 'dead' }), 3)
    const none: readonly LetterFilter[] = [
      { seenFrom: Infinity },
      { seenBefore: -Infinity },
      { minAttempts: Infinity },
      { maxAttempts: -Infinity }
    ]
    for (const filter of none) {
      expectEqual(`the letters of ${Object.keys(filter).join()}`, await ask.count(filter), 0)
      expectEqual('what is discarded', await ask.discard({ filter, ...by }), 0)
    }
    const all = { seenFrom: -Infinity, seenBefore: Infinity, minAttempts: -Infinity, maxAttempts: Infinity }
    expectEqual('the letters of all times', (await ask.page({ filter: all })).letters.length, 3)
  }),

  law('refuses a filter that there is not, and to act on one that is undefined', async ({ store, ask }) => {
    for (const id of ids(3)) await ask.put(letter({ id }))
    const unsaid: readonly (readonly [name: string, filter: object])[] = [
      ...['key', 'id', 'source', 'tag', 'route', 'fingerprint', 'state', 'seenBefore', 'headers'].map(
        (name) => [name, { [name]: undefined }] as const
      ),
      ['tenant', { headers: { tenant: undefined } }],
      ['customer.id', { fields: { 'customer.id': undefined } }]
    ]
    for (const asking of askingWith(store, { tga: 'Malformed' } as never)) await refused('tga', asking)
    for (const [name, filter] of unsaid)
      for (const asking of actingOn(store, filter)) await refused(name, asking)
    for (const asking of actingOn(store, null as never)) await refused('object', asking)
    expectEqual('the letters that are there', await ask.count({ state: 'dead' }), 3)
  }),

  law('takes numbers between whole ones and without an end for what they mean', async ({ ask, clock }) => {
    clock.pass(0.25)
    for (const id of ids(5)) await ask.put(letter({ id }))
    expectEqual('a page without an end', (await ask.page({ limit: Infinity })).letters.length, 5)
    expectEqual('a page of 2.5', (await ask.page({ limit: 2.5 })).letters.length, 2)
    expectEqual('groups without an end', (await ask.groups({ limit: Infinity })).length, 1)
    const leased = { owner: 'ann', limit: 1 }
    const [third] = (await ask.claim({ ...leased, leaseMs: 100_000 / 3 })).letters
    expectEqual('the end of a lease of a third', third?.lease?.until, Math.floor(clock.now()) + 33_333)
    const endless = (await ask.claim({ ...leased, limit: Infinity, leaseMs: Infinity })).letters
    expectEqual('those that are leased for ever', endless.length, 4)
    const held = [...endless, ...(third === undefined ? [] : [third])].map(({ key, id, lease }) => ({
      key,
      id,
      token: lease?.token ?? ''
    }))
    clock.pass(1_000)
    expectEqual(
      'renewals',
      [...(await ask.renew(held, Infinity)), ...(await ask.renew(held, 0.5))],
      held.flatMap(() => ['ok', 'ok'])
    )
    clock.pass(1_000)
    expectEqual('the dead once their leases have ended', await ask.count({ state: 'dead' }), 5)
    const nothing = await ask.prune({ maxAgeMs: Infinity, maxLetters: Infinity, maxBytes: Infinity })
    expectEqual('what no bound removes', nothing.dead, 0)
    expectEqual('what is more than 2.5', (await ask.prune({ maxLetters: 2.5, maxAgeMs: Infinity })).dead, 3)
    const { bytes } = letter()
    const few = await ask.prune({ maxBytes: bytes.length + 0.5, keepSettledMs: 0.5 })
    expectEqual('what is more than the bytes of one, and half a byte', few.dead, 1)
  })
]

// helpers

/** That this is `Left`, with a reason that names it, and will be so again. */
const refused = async (name: string, asking: () => TaskEither<DlqError, unknown>): Promise<void> => {
  const answer = await answerOf(name, asking)
  const { reason = '', isRefused = false } = answer._tag === 'Left' ? answer.left : {}
  expect(`a refusal that names ${name}, with isRefused`, reason.includes(name) && isRefused, answer)
}

const badFilters: readonly LetterFilter[] = [
  { seenFrom: 'yesterday' as never },
  { minAttempts: {} as never },
  { key: 7 as never },
  { headers: { tenant: (() => 'a') as never } },
  { fields: { 'a.b': { $gt: 1 } as never } },
  { fields: { '': 1, '.': 2, '..': 3 } },
  { state: 'alive' as never, tag: 'Nonsense' as never }
]

/** All that a store can be asked with a filter. */
const askingWith = (
  store: DeadLetterStore,
  filter: LetterFilter
): readonly (() => TaskEither<DlqError, unknown>)[] => [
  () => store.page({ filter }),
  () => store.groups({ filter }),
  () => store.count(filter),
  () => store.arrivals(filter),
  ...actingOn(store, filter)
]

const actingOn = (
  store: DeadLetterStore,
  filter: LetterFilter
): readonly (() => TaskEither<DlqError, unknown>)[] => [
  () => store.claim({ filter, owner: 'ann', leaseMs: 1_000 }),
  () => store.discard({ filter, by: 'ann', note: '' })
]
