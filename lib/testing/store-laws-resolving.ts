/** Laws of resolving: what a source brings again is known, and a letter that was handled is a tombstone. */
import { malformed } from '../core/failure.js'
import type { StoredLetter } from '../core/letter.js'
import {
  type Law,
  allOf,
  attempt,
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

export const resolvingLaws: readonly Law[] = [
  law('recalls the state of a letter by its source, id and bytes', async ({ ask }) => {
    const [dead, leased, done, discarded] = ids(4).map((id) => letter({ id }))
    for (const each of [dead, leased, done, discarded]) await ask.put(each as never)
    await held(ask, '2')
    await ask.resolve(identityOf(done as never))
    await ask.discard({ filter: { id: '4' }, by: 'ann', note: 'no use' })
    const others = [{ id: '5' }, { source: 'other' }, { bytes: utf8('other') }].map((fields) =>
      letter(fields)
    )
    const states = []
    for (const each of [dead, leased, done, discarded, ...others])
      states.push(await ask.recall(identityOf(each as never)))
    const expected = ['dead', 'replaying', 'resolved', 'discarded', undefined, undefined, undefined]
    expectEqual('the states', states, expected)
  }),

  law('keeps a letter that it recalls as dead from replays, for a minute', async ({ ask, clock }) => {
    const identity = identityOf(letter())
    const claimable = async () => idsOf((await ask.claim({ owner: 'bob', leaseMs: 1 })).letters)
    const recalled = async (what: string): Promise<void> => {
      expectEqual(what, await ask.recall(identity), 'dead')
      expectEqual(`what can be claimed after it is recalled, ${what}`, await claimable(), [])
    }
    await ask.put(letter())
    await recalled('at once')
    clock.pass(59_999)
    expectEqual('what can be claimed within a minute', await claimable(), [])
    await recalled('again within a minute')
    clock.pass(60_000)
    expectEqual('what can be claimed after a minute', await claimable(), ['1'])
    clock.pass(1)
    await recalled('a third time')
    await ask.put(letter({}, 2))
    expectEqual('the state once it is put', (await theLetter(ask)).state, 'dead')
    await recalled('once it was put')
    await ask.resolve(identity)
    expectEqual('the state once it is resolved', (await theLetter(ask)).state, 'resolved')
    await ask.put(letter({}, 3))
    const lease = await held(ask)
    expectEqual('what is recalled while it is replayed', await ask.recall(identity), 'replaying')
    expectEqual('renew by who replays it', await ask.renew([lease], 60_000), ['ok'])
  }),

  law('resolves a dead letter, and leaves a tombstone without bytes and headers', async ({ ask, clock }) => {
    await ask.put(letter())
    await ask.put(letter({ id: '2' }))
    const before = await theLetter(ask)
    clock.pass(1_000)
    await ask.resolve(identityOf(letter()))
    const { events, ...after } = await theLetter(ask)
    expectEqual('the letter', after, {
      ...before,
      events: undefined,
      state: 'resolved',
      bytes: new Uint8Array(),
      headers: {},
      lastSeenAt: clock.now()
    })
    expectEqual('its events', whatOf(events), [[clock.now(), 'laws', 'resolved']])
    expectEqual('the other letter', (await theLetter(ask, '2')).state, 'dead')
    await ask.resolve(identityOf(letter({ id: 'nobody' })))
    expectEqual('the number of letters', await ask.count(), 2)
  }),

  law('leaves a letter that is not dead as it is when it is to be resolved', async ({ ask, clock }) => {
    await ask.put(letter({ id: '1' }))
    await ask.put(letter({ id: '2' }))
    await held(ask, '1')
    await ask.discard({ filter: { id: '2' }, by: 'ann', note: 'no use' })
    const before = await allOf(ask)
    clock.pass(1_000)
    for (const id of ids(2)) await ask.resolve(identityOf(letter({ id })))
    expectEqual('the letters', await allOf(ask), before)
  }),

  law('revives with its bytes what was settled and is put again', async ({ ask, clock }) => {
    const fault = malformed([])
    for (const id of ids(2)) {
      await ask.put(letter({ id, fault }))
      const { key, bytes } = await theLetter(ask, id)
      await ask.edit({ key, id, from: bytes, to: utf8('edited'), by: 'ann' })
    }
    await ask.resolve(identityOf(letter({ id: '1' })))
    await ask.discard({ filter: { id: '2' }, by: 'ann', note: 'no use' })
    clock.pass(1_000)
    for (const id of ids(2)) {
      const buffer = Uint8Array.from(letter().bytes)
      const again = letter({ id, fault, deliveryCount: 2 }, 2)
      await ask.put({ ...again, bytes: buffer })
      buffer.fill(0)
      const { bytes, original, headers, state, times, attempts, events, ...rest } = await theLetter(ask, id)
      expectEqual('state and times', [state, times, rest.lastSeenAt], ['dead', 2, clock.now()])
      expectEqual(
        'bytes, original and headers',
        [bytes, original, headers],
        [again.bytes, undefined, again.headers]
      )
      expectEqual('what its source found wrong', rest.fault, fault)
      expectEqual('its attempts', attempts, [attempt(1), attempt(2)])
      expectEqual('its last event', events.map(({ at, what }) => [at, what]).at(-1), [clock.now(), 'revived'])
    }
  })
]

// helpers

const whatOf = (events: StoredLetter['events']) => events.map(({ at, by, what }) => [at, by, what])
