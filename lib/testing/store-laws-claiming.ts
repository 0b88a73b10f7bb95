/** Laws of claiming: who claims a letter has it, alone, until the lease ends. */
import type { DeadLetter } from '../core/letter.js'
import { oddLetters } from './odd-letters.js'
import {
  type Law,
  allOf,
  eachPage,
  expect,
  expectEqual,
  held,
  heldOf,
  identityOf,
  ids,
  idsOf,
  law,
  letter,
  resolvedBy,
  sorted,
  theLetter
} from './store-law.js'

export const claimingLaws: readonly Law[] = [
  law('leases each dead letter to one owner, also where several claim at once', async ({ ask, clock }) => {
    for (const id of ids(20)) await ask.put(letter({ id }))
    const owners = ['ann', 'bob', 'cid']
    const pages = await Promise.all(owners.map((owner) => ask.claim({ owner, leaseMs: 60_000, limit: 8 })))
    const leased = pages.flatMap(({ letters }) => letters)
    expectEqual('the letters that were claimed', idsOf(leased).toSorted(), ids(20).toSorted())
    expectEqual('the number of tokens', new Set(leased.map(({ lease }) => lease?.token)).size, 20)
    pages.forEach(({ letters }, index) => {
      const said = letters.map(({ state, lease }) => [state, lease?.owner, lease?.until])
      const until = clock.now() + 60_000
      expectEqual(
        `state, owner and end`,
        said,
        letters.map(() => ['replaying', owners[index], until])
      )
    })
    const shown = await allOf(ask, { filter: { state: 'replaying' } })
    expectEqual('the letters as a page shows them', sorted(shown), sorted(leased))
    expectEqual('what is left to claim', idsOf((await ask.claim({ owner: 'dan', leaseMs: 1 })).letters), [])
  }),

  law('claims the dead letters that a filter means, in the order that is asked for', async ({ ask }) => {
    for (const id of ids(6)) await ask.put(letter({ id, source: Number(id) % 2 === 0 ? 'even' : 'odd' }))
    await ask.resolve(identityOf(letter({ id: '2', source: 'even' })))
    const claim = { owner: 'ann', leaseMs: 60_000, order: 'newest' as const }
    const settled = await ask.claim({ ...claim, filter: { state: ['resolved', 'replaying'] } })
    expectEqual('what is not dead by the filter', idsOf(settled.letters), [])
    const even = await ask.claim({ ...claim, filter: { source: 'even', state: ['resolved', 'dead'] } })
    expectEqual('what is even and dead, newest first', idsOf(even.letters), ['6', '4'])
    expectEqual('the rest, oldest first', idsOf((await ask.claim({ ...claim, order: 'oldest' })).letters), [
      '1',
      '3',
      '5'
    ])
  }),

  law('claims letters with every field, and their bytes unchanged', async ({ ask }) => {
    for (const [index, fields] of oddLetters.entries())
      await ask.put(letter({ id: String(index), ...fields }))
    const before = await allOf(ask)
    const { letters } = await ask.claim({ owner: 'ann', leaseMs: 60_000, limit: 100 })
    expectEqual('the number of letters', letters.length, before.length)
    letters.forEach((each, index) =>
      expectEqual(`the letter ${each.id}`, { ...each, state: 'dead', lease: undefined }, before[index])
    )
  }),

  law('claims each letter once along the pages of a claim, and none that came later', async ({ ask }) => {
    for (const order of ['oldest', 'newest'] as const) {
      for (const id of ids(7)) await ask.put(letter({ id, source: order }))
      const claimed: string[] = []
      const claim = { owner: 'ann', leaseMs: 60_000, filter: { source: order }, order, limit: 2 }
      await eachPage(
        (after) => ask.claim({ ...claim, after }),
        async ({ letters }) => {
          claimed.push(...idsOf(letters))
          // They are dead again before the next page is claimed, and others come meanwhile.
          await ask.settle(letters.map((each) => ({ ...heldOf(each), result: { _tag: 'Released' } })))
          await ask.put(letter({ id: `later ${claimed.length}`, source: order }))
        }
      )
      expectEqual(`${order} first`, claimed, order === 'oldest' ? ids(7) : ids(7).toReversed())
    }
  }),

  law('claims none that came later, also where the newest was removed meanwhile', async ({ ask, clock }) => {
    await ask.put(letter({ id: '1' }))
    clock.pass(1_000)
    await ask.put(letter({ id: '2' }))
    const first = await ask.claim({ owner: 'ann', leaseMs: 60_000, limit: 1 })
    await ask.prune({ maxLetters: 0 })
    await ask.put(letter({ id: 'later' }))
    const second = await ask.claim({ owner: 'ann', leaseMs: 60_000, limit: 1, after: first.next })
    expectEqual('the claimed', idsOf([...first.letters, ...second.letters]), ['1'])
  }),

  law('makes a letter dead again when its lease ends, and its token worthless', async ({ ask, clock }) => {
    await ask.put(letter())
    const before = await theLetter(ask)
    const lease = await held(ask, '1', 10_000)
    clock.pass(9_999)
    expectEqual('the state before the end', (await theLetter(ask)).state, 'replaying')
    clock.pass(1)
    expectEqual('the letter after the end', await theLetter(ask), before)
    expectEqual('renew', await ask.renew([lease], 10_000), ['lost'])
    expectEqual('settle', await ask.settle([resolvedBy(lease)]), ['lost'])
    expectEqual('the letter afterwards', await theLetter(ask), before)
    const next = await held(ask)
    expect('another token', next.token !== lease.token, next.token)
  }),

  law('counts a lease that has ended for nothing in every question', async ({ ask, clock }) => {
    const claimed = async (id: string): Promise<DeadLetter> => {
      const put = letter({ id })
      await ask.put(put)
      await held(ask, id, 10_000)
      clock.pass(10_000)
      return put
    }
    expectEqual('recall', await ask.recall(identityOf(await claimed('1'))), 'dead')
    await ask.resolve(identityOf(await claimed('2')))
    expectEqual('the state after resolve', (await theLetter(ask, '2')).state, 'resolved')
    await claimed('3')
    expectEqual('count', await ask.count({ id: '3', state: 'dead' }), 1)
    await claimed('4')
    expectEqual(
      'claim',
      (await ask.claim({ owner: 'bob', leaseMs: 1, filter: { id: '4' } })).letters.length,
      1
    )
    await claimed('5')
    expectEqual('discard', await ask.discard({ filter: { id: '5' }, by: 'ann', note: 'old' }), 1)
    const { bytes } = await claimed('6')
    const { key } = await theLetter(ask, '6')
    await held(ask, '6', 10_000)
    clock.pass(10_000)
    expectEqual('edit', await ask.edit({ key, id: '6', from: bytes, to: bytes, by: 'ann' }), 'edited')
    await ask.prune({ maxLetters: 0 })
    await claimed('7')
    expectEqual('prune', (await ask.prune({ maxLetters: 0 })).dead, 1)
  }),

  law('prolongs the leases that it renews, from now on', async ({ ask, clock }) => {
    await ask.put(letter())
    await ask.put(letter({ id: '2' }))
    const [lease, other] = [await held(ask, '1', 10_000), await held(ask, '2', 10_000)]
    clock.pass(6_000)
    const stranger = { ...other, token: 'no such token' }
    expectEqual('renew', await ask.renew([lease, stranger], 10_000), ['ok', 'lost'])
    expectEqual('the end', (await theLetter(ask)).lease?.until, clock.now() + 10_000)
    clock.pass(6_000)
    const states = (await allOf(ask)).map(({ state }) => state)
    expectEqual('the states after the first end', states, ['replaying', 'dead'])
    expectEqual('settle', await ask.settle([resolvedBy(lease)]), ['ok'])
  }),

  law('renews, and settles, each of many leases', async ({ ask, clock }) => {
    await Promise.all(ids(50).map((id) => ask.put(letter({ id }))))
    const { letters } = await ask.claim({ owner: 'ann', leaseMs: 10_000, limit: 50 })
    const all = letters.map(heldOf)
    const ok = ids(50).map(() => 'ok')
    clock.pass(6_000)
    expectEqual('renew', await ask.renew(all, 10_000), ok)
    clock.pass(6_000)
    expectEqual('those that are leased after the first end', await ask.count({ state: 'replaying' }), 50)
    expectEqual('settle', await ask.settle(all.map(resolvedBy)), ok)
    expectEqual('those that are resolved', await ask.count({ state: 'resolved' }), 50)
  })
]
