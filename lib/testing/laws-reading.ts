/** Laws of reading: pages, filters, groups, counts and arrivals. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { defect, malformed, rejected } from '../core/failure.js'
import type { DlqError } from '../core/letter.js'
import type { DeadLetterStore, LetterFilter } from '../ports/letters.js'
import {
  type Law,
  allOf,
  answerOf,
  eachPage,
  expect,
  expectEqual,
  heldOf,
  ids,
  idsOf,
  late,
  law,
  letter,
  theLetter,
  utf8
} from './law.js'

const hourMs = 3_600_000

export const readingLaws: readonly Law[] = [
  law('gives an empty answer to every question where nothing is stored', async ({ ask }) => {
    const answers = [await ask.page(), await ask.groups(), await ask.count(), await ask.arrivals()]
    expectEqual('page, groups, count and arrivals', answers, [{ letters: [] }, [], 0, []])
  }),

  law('gives the oldest 50 letters if nothing else is said, and the rest after them', async ({ ask }) => {
    await Promise.all(ids(53).map((id) => ask.put(letter({ id }))))
    const first = await ask.page()
    const second = await ask.page({ after: first.next })
    expectEqual(
      'the sizes of the pages',
      [first, second].map(({ letters }) => letters.length),
      [50, 3]
    )
    expectEqual('what comes after the last page', second.next, undefined)
    const all = idsOf([...first.letters, ...second.letters])
    expectEqual('all of them', all.toSorted(), ids(53).toSorted())
    expectEqual('all of them, newest first', idsOf(await allOf(ask, { order: 'newest' })), all.toReversed())
  }),

  law('gives each letter once along its pages, in order of arrival, while others come', async ({ ask }) => {
    for (const order of ['oldest', 'newest'] as const) {
      const there = ids(11).map((id) => letter({ id, source: order }))
      for (const each of there) await ask.put(each)
      const found: string[] = []
      const filter = { source: order }
      await eachPage(
        (after) => ask.page({ filter, order, limit: 3, after }),
        async ({ letters }) => {
          found.push(...idsOf(letters))
          const start = found.length
          await ask.put(letter({ id: `new ${start}`, source: order }))
          // Letters that come again keep their places.
          await ask.put(letter({ id: '1', source: order }, 100 + start))
          await ask.put(letter({ id: '11', source: order }, 100 + start))
        }
      )
      const before = found.filter((id) => !id.startsWith('new'))
      expectEqual(`${order} first`, before, order === 'oldest' ? ids(11) : ids(11).toReversed())
      expectEqual(`what came meanwhile, at most once`, new Set(found).size, found.length)
    }
  }),

  law('gives no page of more than about 16 MiB, unless a single letter is larger', async ({ ask }) => {
    const sizes = [9, 9, 20, 1, 2].map((size) => size * 1_048_576)
    for (const [index, size] of sizes.entries())
      await ask.put(letter({ id: String(index), bytes: new Uint8Array(size) }))
    const found: string[] = []
    await eachPage(
      (after) => ask.page({ after }),
      ({ letters }) => {
        const bytes = letters.reduce((sum, each) => sum + each.bytes.length, 0)
        const isSmall = letters.length === 1 || bytes <= 17 * 1_048_576
        expect('a page of one letter, or of up to 17 MiB', isSmall, bytes)
        found.push(...idsOf(letters))
      }
    )
    expectEqual('the letters', found, ids(sizes.length, 0))
    const { letters } = await ask.claim({ owner: 'ann', leaseMs: 60_000 })
    expectEqual('the letters of a claim', idsOf(letters), ['0'])
  }),

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
  }),

  law('groups failures of one kind, whatever ids and numbers they name', async ({ ask, clock }) => {
    const begin = clock.now()
    const failures = [
      ...ids(3, 17).map((id) => defect('the handler of order', new Error(`customer ${id} not found`))),
      rejected('late'),
      rejected('late')
    ]
    for (const [index, failure] of failures.entries()) {
      await ask.put(letter({ id: String(index), failure, source: String(index) }))
      clock.pass(1_000)
    }
    await ask.put(letter({ id: 'other', failure: late, route: 'refund' }))
    const groups = await ask.groups()
    const [first, second, third] = groups
    expectEqual(
      'the groups, largest first',
      groups.map((group) => ({ ...group, fingerprint: undefined })),
      [
        {
          tag: 'Defect',
          route: 'order',
          message: 'the handler of order: Error: customer # not found',
          count: 3,
          firstSeenAt: begin,
          lastSeenAt: begin + 2_000
        },
        {
          tag: 'Rejected',
          route: 'order',
          message: 'late',
          count: 2,
          firstSeenAt: begin + 3_000,
          lastSeenAt: begin + 4_000
        },
        {
          tag: 'Rejected',
          route: 'refund',
          message: 'late',
          count: 1,
          firstSeenAt: begin + 5_000,
          lastSeenAt: begin + 5_000
        }
      ]
    )
    for (const [index, group] of [first, second, third].entries()) {
      const { fingerprint } = group as NonNullable<typeof group>
      const count = await ask.count({ fingerprint })
      expectEqual(`the letters with the fingerprint of group ${index + 1}`, count, 3 - index)
    }
    expectEqual('at most two groups', await ask.groups({ limit: 2 }), [first, second])
    expectEqual('the groups of a route', await ask.groups({ filter: { route: 'refund' } }), [third])
  }),

  law('groups a letter by its last failure', async ({ ask, clock }) => {
    await ask.put(letter({ failure: late }, 1))
    const begin = clock.now()
    clock.pass(1_000)
    const failure = malformed([{ path: '.total', message: 'expected number' }])
    await ask.put(letter({ failure, route: undefined }, 2))
    await ask.put(letter({ id: '2', failure, route: undefined }))
    const [group, ...others] = await ask.groups()
    expectEqual('the other groups', others, [])
    expectEqual(
      'the group',
      { ...group, fingerprint: undefined },
      {
        tag: 'Malformed',
        message: '.total expected number',
        count: 2,
        firstSeenAt: begin,
        lastSeenAt: begin + 1_000
      }
    )
    const { fingerprint } = await theLetter(ask)
    expectEqual('the fingerprint', fingerprint, group?.fingerprint)
  }),

  law('gives 100 groups if nothing else is said', async ({ ask }) => {
    const kinds = ids(101).map((id) => 'x'.repeat(Number(id)))
    await Promise.all(kinds.map((kind) => ask.put(letter({ id: kind, failure: rejected(kind) }))))
    expectEqual('how many there are', (await ask.groups()).length, 100)
    expectEqual('how many there are of 101', (await ask.groups({ limit: 101 })).length, 101)
  }),

  law('finds, claims, renews, settles, discards and prunes all of many', async ({ ask, clock }) => {
    const many = 1_100
    await Promise.all(ids(many).map((id) => ask.put(letter({ id }))))
    const [group] = await ask.groups()
    const [hour] = await ask.arrivals()
    expectEqual(
      'count, group and arrivals',
      [await ask.count(), group?.count, hour?.count],
      [many, many, many]
    )
    expectEqual('a page of all', (await ask.page({ limit: many })).letters.length, many)
    const { letters } = await ask.claim({ owner: 'ann', leaseMs: 10_000, limit: many })
    expectEqual('what is claimed', letters.length, many)
    clock.pass(6_000)
    const ok = letters.map(() => 'ok')
    expectEqual('renew', await ask.renew(letters.map(heldOf), 10_000), ok)
    clock.pass(6_000)
    const released = letters.map((each) => ({ ...heldOf(each), result: { _tag: 'Released' } }) as const)
    expectEqual('settle', await ask.settle(released), ok)
    expectEqual('discard', await ask.discard({ filter: {}, by: 'ann', note: 'no use' }), many)
    clock.pass(1)
    expectEqual('prune', (await ask.prune({ keepTombstonesMs: 0 })).tombstones, many)
    expectEqual('what is left', await ask.count(), 0)
  }),

  law('counts letters that were taken over by when they were first seen', async ({ ask, clock }) => {
    const begin = clock.now()
    await ask.put(letter())
    const young = await theLetter(ask)
    const [firstSeenAt, lastSeenAt] = [begin - 2 * hourMs, begin - hourMs]
    await ask.add([{ ...young, id: '2', key: 'f'.repeat(40), firstSeenAt, lastSeenAt }])
    expectEqual('the arrivals', await ask.arrivals(), [
      { hour: firstSeenAt, count: 1 },
      { hour: begin, count: 1 }
    ])
    const seen = (await ask.groups()).map((group) => [group.firstSeenAt, group.lastSeenAt])
    expectEqual('when the group was seen', seen, [[firstSeenAt, begin]])
  }),

  law('tells how many letters arrived for the first time in each hour', async ({ ask, clock }) => {
    const begin = clock.now()
    const waits = [0, hourMs - 1, 1, 3 * hourMs]
    for (const [index, wait] of waits.entries()) {
      clock.pass(wait)
      await ask.put(letter({ id: String(index) }))
      await ask.put(letter({ id: '0', bytes: utf8('first') }, index))
    }
    expectEqual('the arrivals', await ask.arrivals(), [
      { hour: begin, count: 3 },
      { hour: begin + hourMs, count: 1 },
      { hour: begin + 4 * hourMs, count: 1 }
    ])
    expectEqual('the arrivals of a filter', await ask.arrivals({ id: ['2', '3'] }), [
      { hour: begin + hourMs, count: 1 },
      { hour: begin + 4 * hourMs, count: 1 }
    ])
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
