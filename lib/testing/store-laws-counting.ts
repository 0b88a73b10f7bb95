/** Laws of counting: groups of failures, arrivals by the hour, and letters that are many. */
import { defect, malformed, rejected } from '../core/failure.js'
import { type Law, expectEqual, heldOf, ids, late, law, letter, theLetter, utf8 } from './store-law.js'

export const countingLaws: readonly Law[] = [
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

const hourMs = 3_600_000
