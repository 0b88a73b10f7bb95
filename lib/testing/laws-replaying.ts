/** Laws of replaying: leases, and what becomes of the letters that are under them. */
import { malformed } from '../core/failure.js'
import type { DeadLetter, StoredLetter } from '../core/letter.js'
import type { Held, Replayed } from '../ports/letters.js'
import {
  type Law,
  allOf,
  attempt,
  eachPage,
  expect,
  expectEqual,
  held,
  heldOf,
  identityOf,
  ids,
  idsOf,
  late,
  law,
  letter,
  theLetter
} from './law.js'
import { oddLetters } from './odd-letters.js'

export const replayingLaws: readonly Law[] = [
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
  }),

  law('settles what was handled as resolved, and says by whom', async ({ ask, clock }) => {
    await ask.put(letter())
    const { fingerprint, key } = await theLetter(ask)
    const lease = await held(ask)
    clock.pass(1_000)
    const note = 'acked'
    expectEqual('settle', await ask.settle([{ ...lease, result: { _tag: 'Resolved', note } }]), ['ok'])
    const { state, attempts, times, lease: ended, events, ...after } = await theLetter(ask)
    expectEqual('its state and lease', [state, ended], ['resolved', undefined])
    expectEqual('its attempts', [times, attempts], [1, [attempt(1)]])
    expectEqual('key and fingerprint', [after.key, after.fingerprint], [key, fingerprint])
    expectEqual('its events', events, [{ at: clock.now(), by: 'ann', what: 'resolved', note }])
  }),

  law('settles what failed again as dead, with the attempt and the new failure', async ({ ask, clock }) => {
    await ask.put(letter())
    const before = await theLetter(ask)
    const lease = await held(ask)
    clock.pass(1_000)
    const failure = malformed([{ path: '.total', message: 'expected number' }])
    const attempts = [attempt(2), attempt(3, failure)]
    expectEqual('settle', await ask.settle([failedBy(lease, { failure, route: undefined, attempts })]), [
      'ok'
    ])
    const after = await theLetter(ask)
    const [event, ...others] = after.events
    expectEqual('the event', [event?.at, event?.by, event?.what], [clock.now(), 'ann', 'replayed'])
    expectEqual('the other events', others, [])
    expect('another fingerprint', after.fingerprint !== before.fingerprint, after.fingerprint)
    expectEqual(
      'the letter',
      { ...after, events: [], fingerprint: '' },
      {
        ...before,
        failure,
        route: undefined,
        attempts: [attempt(1), ...attempts],
        attemptCount: 3,
        lastSeenAt: clock.now(),
        fingerprint: ''
      }
    )
  }),

  law('settles what was released as dead, as it was', async ({ ask, clock }) => {
    await ask.put(letter())
    const before = await theLetter(ask)
    const lease = await held(ask)
    clock.pass(1_000)
    expectEqual('settle', await ask.settle([{ ...lease, result: { _tag: 'Released' } }]), ['ok'])
    expectEqual('the letter', await theLetter(ask), before)
  }),

  law('settles each of several by itself', async ({ ask }) => {
    for (const id of ids(4)) await ask.put(letter({ id }))
    const one = await held(ask, '1')
    const two = await held(ask, '2')
    const three = await held(ask, '3')
    const four = await held(ask, '4')
    const answers = await ask.settle([
      resolvedBy(one),
      resolvedBy({ ...two, token: one.token }),
      failedBy(three),
      { ...four, result: { _tag: 'Released' } },
      resolvedBy({ ...one, key: 'f'.repeat(40), id: 'nobody' })
    ])
    expectEqual('the answers', answers, ['ok', 'lost', 'ok', 'ok', 'lost'])
    const states = (await allOf(ask)).map(({ state }) => state)
    expectEqual('the states', states, ['resolved', 'replaying', 'dead', 'dead'])
  }),

  law('changes nothing for a settlement whose lease is lost', async ({ ask, clock }) => {
    await ask.put(letter())
    const lost = await held(ask, '1', 1_000)
    clock.pass(1_000)
    const lease = await held(ask)
    const before = await theLetter(ask)
    for (const replayed of [
      resolvedBy(lost),
      failedBy(lost),
      { ...lost, result: { _tag: 'Released' } } as const
    ])
      expectEqual(`settling ${replayed.result._tag}`, await ask.settle([replayed]), ['lost'])
    expectEqual('renew', await ask.renew([lost], 60_000), ['lost'])
    await ask.put(under(lost, before, 2))
    expectEqual('the letter', await theLetter(ask), before)
    expectEqual('settle by its holder', await ask.settle([resolvedBy(lease)]), ['ok'])
  }),

  law('adds one attempt for a letter put under its lease, and none when that is settled', async (bench) => {
    const { ask, clock } = bench
    await ask.put(letter())
    const lease = await held(ask)
    const replaying = await theLetter(ask)
    clock.pass(1_000)
    const put = under(lease, replaying, 2)
    await ask.put(put)
    const after = await theLetter(ask)
    expectEqual('state, lease and times', [after.state, after.lease, after.times], ['dead', undefined, 1])
    expectEqual('its attempts', [after.attemptCount, after.attempts], [2, [attempt(1), attempt(2)]])
    const events = after.events.map(({ at, by, what }) => [at, by, what])
    expectEqual('its events', events, [[clock.now(), 'ann', 'replayed']])
    clock.pass(1_000)
    await ask.put(put)
    expectEqual('settle', await ask.settle([failedBy(lease, { attempts: put.attempts })]), ['ok'])
    expectEqual('the letter, put and settled once more', await theLetter(ask), after)
  }),

  law('says ok to a settlement made twice, and makes it once', async ({ ask, clock }) => {
    for (const id of ids(3)) await ask.put(letter({ id }))
    const [one, two, three] = [await held(ask, '1'), await held(ask, '2'), await held(ask, '3')]
    const replayed = [resolvedBy(one), failedBy(two), { ...three, result: { _tag: 'Released' } } as const]
    expectEqual('the first time', await ask.settle(replayed), ['ok', 'ok', 'ok'])
    const before = await allOf(ask)
    clock.pass(1_000)
    expectEqual('the second time', await ask.settle(replayed), ['ok', 'ok', 'ok'])
    expectEqual('the letters', await allOf(ask), before)
  }),

  law('leases, discards, settles and takes over once what several ask for at once', async ({ ask }) => {
    for (const id of ids(30)) await ask.put(letter({ id }))
    const [some, discarded, others] = await Promise.all([
      ask.claim({ owner: 'ann', leaseMs: 60_000, limit: 10 }),
      ask.discard({ filter: {}, by: 'bob', note: 'no use' }),
      ask.claim({ owner: 'cid', leaseMs: 60_000, limit: 10 })
    ])
    const leased = [...some.letters, ...others.letters]
    expectEqual('those that are leased or discarded', leased.length + discarded, 30)
    const found = await allOf(ask, { filter: { state: 'replaying' } })
    expectEqual('those that are replayed', idsOf(sorted(found)), idsOf(sorted(leased)))
    expectEqual('those that are discarded', await ask.count({ state: 'discarded' }), discarded)
    await ask.put(letter({ id: '31' }))
    const lease = await held(ask, '31')
    const whole = await theLetter(ask, '31')
    const answers = await Promise.all([ask.settle([failedBy(lease)]), ask.settle([failedBy(lease)])])
    expectEqual('both who settle the same', answers, [['ok'], ['ok']])
    const { attemptCount, events } = await theLetter(ask, '31')
    expectEqual('attempts and events', [attemptCount, events.length], [2, 1])
    const copy = { ...whole, id: '32', key: 'f'.repeat(40) }
    const added = await Promise.all([ask.add([copy]), ask.add([copy])])
    expectEqual('both who take over the same', added.flat().toSorted(), ['added', 'present'])
  }),

  law('leaves a letter to its holder where its source brings it again meanwhile', async ({ ask }) => {
    await ask.put(letter())
    const lease = await held(ask)
    const { lease: leased } = await theLetter(ask)
    await ask.put(letter({}, 2))
    const again = await theLetter(ask)
    expectEqual('state and lease', [again.state, again.lease], ['replaying', leased])
    expectEqual('times and attempts', [again.times, again.attempts], [2, [attempt(1), attempt(2)]])
    expectEqual('what another can claim', (await ask.claim({ owner: 'bob', leaseMs: 1 })).letters, [])
    expectEqual('settle', await ask.settle([failedBy(lease, { attempts: [attempt(3)] })]), ['ok'])
    const { state, attemptCount } = await theLetter(ask)
    expectEqual('state and attempts in the end', [state, attemptCount], ['dead', 3])
  })
]

// helpers

const resolvedBy = (lease: Held): Replayed => ({ ...lease, result: { _tag: 'Resolved' } })

const failedBy = (lease: Held, fields: Partial<StoredLetter> = {}): Replayed => {
  const { failure = late, attempts = [attempt(2)] } = fields
  const route = 'route' in fields ? fields.route : 'order'
  return { ...lease, result: { _tag: 'Failed', failure, route, attempts } }
}

/** What a replay puts when it fails: the letter as it was claimed, with the attempt of the replay. */
const under = (
  { token }: Held,
  { id, source, bytes, headers }: StoredLetter,
  startedAt: number
): DeadLetter => letter({ id, source, bytes, headers, lease: { token, owner: 'ann', until: 0 } }, startedAt)

const sorted = (letters: readonly StoredLetter[]): readonly StoredLetter[] =>
  letters.toSorted((a, b) => Number(a.id) - Number(b.id))
