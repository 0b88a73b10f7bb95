/** Laws of taking letters over from another store. */
import { malformed } from '../core/failure.js'
import type { StoredLetter } from '../core/letter.js'
import {
  type Bench,
  type Law,
  allOf,
  attempt,
  expectEqual,
  held,
  heldOf,
  ids,
  law,
  letter,
  theLetter,
  utf8
} from './store-law.js'

export const addingLaws: readonly Law[] = [
  law('takes letters over as they are, and leaves those that are there', async (bench) => {
    const { ask, clock } = bench
    const letters = await manyLetters(bench)
    await ask.prune({ maxLetters: 0 })
    expectEqual('what is left', await ask.count(), 0)
    clock.pass(1_000)
    expectEqual(
      'the first time',
      await ask.add(letters),
      letters.map(() => 'added')
    )
    const added = await allOf(ask)
    expectEqual(
      'the letters',
      added,
      letters.map((each) => (each.state === 'replaying' ? deadOf(each) : each))
    )
    const changed = letters.map((each): StoredLetter => ({ ...each, times: 9, state: 'discarded' }))
    expectEqual(
      'the second time',
      await ask.add(changed),
      letters.map(() => 'present')
    )
    expectEqual('the letters after that', await allOf(ask), added)
    const [first] = letters as readonly [StoredLetter, ...StoredLetter[]]
    const other = { ...first, id: 'new', key: 'f'.repeat(40) }
    expectEqual('the same letter twice', await ask.add([other, other]), ['added', 'present'])
    expectEqual('nothing', await ask.add([]), [])
  }),

  law('goes on with a letter that was taken over as with its own', async (bench) => {
    const { ask } = bench
    const [own, leased] = await manyLetters(bench)
    await ask.prune({ maxLetters: 0 })
    const bytes = Uint8Array.from(own?.bytes ?? [])
    const original = Uint8Array.from(own?.original ?? [])
    await ask.add([{ ...(own as StoredLetter), bytes, original }, leased as StoredLetter])
    bytes.fill(0)
    original.fill(0)
    const added = await theLetter(ask)
    expectEqual('its bytes', [added.bytes, added.original], [own?.bytes, own?.original])
    const foreign = heldOf(leased as StoredLetter)
    expectEqual('renew by whom the other store leased it to', await ask.renew([foreign], 1_000), ['lost'])
    expectEqual('settle by them', await ask.settle([{ ...foreign, result: { _tag: 'Resolved' } }]), ['lost'])
    await ask.put(letter({ id: '1', bytes: letter().bytes }, 9))
    const { times, attempts } = await theLetter(ask)
    expectEqual('times and attempts', [times, attempts.at(-1)], [(own?.times ?? 0) + 1, attempt(9)])
    const lease = await held(ask)
    expectEqual('settle', await ask.settle([{ ...lease, result: { _tag: 'Resolved' } }]), ['ok'])
  })
]

// helpers

const deadOf = (each: StoredLetter): StoredLetter => ({ ...each, state: 'dead', lease: undefined })

/** Letters of every state as a store of their own would give them; in this one they are dead. */
const manyLetters = async ({ ask, clock }: Bench): Promise<readonly StoredLetter[]> => {
  for (const id of ids(4)) await ask.put(letter({ id, fault: malformed([]) }))
  const { key, bytes } = await theLetter(ask)
  await ask.edit({ key, id: '1', from: bytes, to: utf8('edited'), by: 'ann' })
  clock.pass(1_000)
  await ask.put(letter({ id: '1' }, 2))
  const [edited, leased, done, given] = await allOf(ask)
  return [
    { ...(edited as StoredLetter), headers: { authorization: 'as it was stored' } },
    { ...(leased as StoredLetter), state: 'replaying', lease: { token: 't', owner: 'ann', until: 2 ** 50 } },
    { ...(done as StoredLetter), state: 'resolved', bytes: new Uint8Array(), headers: {} },
    { ...(given as StoredLetter), state: 'discarded', attemptCount: 70, times: 60, deliveryCount: 7 }
  ]
}
