/** Laws of replaying: what becomes of a letter under a lease, and once it is settled. */
import { malformed } from '../core/failure.js'
import type { DeadLetter, StoredLetter } from '../core/letter.js'
import type { Held, Replayed } from '../ports/letters.js'
import {
  type Law,
  allOf,
  attempt,
  expect,
  expectEqual,
  held,
  ids,
  idsOf,
  late,
  law,
  letter,
  resolvedBy,
  sorted,
  theLetter
} from './store-law.js'

export const replayingLaws: readonly Law[] = [
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
