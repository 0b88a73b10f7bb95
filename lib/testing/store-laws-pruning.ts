/** Laws of pruning: what is forgotten after a time, and what is removed where it is told to be. */
import {
  type Law,
  allOf,
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

export const pruningLaws: readonly Law[] = [
  law('forgets nothing of what it is not told to, but tombstones after 7 days', async ({ ask, clock }) => {
    for (const id of ids(4)) await ask.put(letter({ id }))
    await held(ask, '2', 10 * 365 * dayMs)
    await ask.resolve(identityOf(letter({ id: '3' })))
    await ask.discard({ filter: { id: '4' }, by: 'ann', note: 'no use' })
    const nothing = { dead: 0, tombstones: 0, emptied: 0 }
    clock.pass(7 * dayMs)
    expectEqual('after 7 days', await ask.prune(), nothing)
    expectEqual('what is recalled', await ask.recall(identityOf(letter({ id: '3' }))), 'resolved')
    clock.pass(1)
    expectEqual('later', await ask.prune({}), { ...nothing, tombstones: 2 })
    expectEqual('what is left', idsOf(await allOf(ask)), ['1', '2'])
    expectEqual('what is recalled then', await ask.recall(identityOf(letter({ id: '3' }))), undefined)
    clock.pass(365 * dayMs)
    expectEqual('after a year', await ask.prune(), nothing)
    expectEqual('what is left then', idsOf(await allOf(ask)), ['1', '2'])
  }),

  law(
    'keeps tombstones, and the bytes of settled letters, as long as it is told to',
    async ({ ask, clock }) => {
      await ask.put(letter())
      const whole = await theLetter(ask)
      await ask.prune({ maxLetters: 0 })
      await ask.add([{ ...whole, state: 'resolved', original: utf8('was') }])
      const nothing = { dead: 0, tombstones: 0, emptied: 0 }
      clock.pass(10 * dayMs)
      expectEqual('after 10 days', await ask.prune({ keepSettledMs: 10 * dayMs }), nothing)
      expectEqual('its bytes', (await theLetter(ask)).bytes, whole.bytes)
      clock.pass(1)
      const retention = { keepSettledMs: 10 * dayMs, keepTombstonesMs: 20 * dayMs }
      expectEqual('later', await ask.prune(retention), { ...nothing, emptied: 1 })
      const { bytes, headers, original, state } = await theLetter(ask)
      expectEqual('what is left', [bytes.length, headers, original, state], [0, {}, undefined, 'resolved'])
      expectEqual('emptied once', await ask.prune(retention), nothing)
      clock.pass(10 * dayMs)
      expectEqual('after 20 days', await ask.prune(retention), { ...nothing, tombstones: 1 })
    }
  ),

  law('removes dead letters that are older than it is told to keep them', async ({ ask, clock }) => {
    for (const id of ids(4)) {
      await ask.put(letter({ id }))
      clock.pass(1_000)
    }
    await held(ask, '2')
    await ask.put(letter({ id: '1' }, 2))
    const pruned = await ask.prune({ maxAgeMs: 1_000 })
    expectEqual('pruned', pruned, { dead: 1, tombstones: 0, emptied: 0 })
    expectEqual('what is left', idsOf(await allOf(ask)), ['1', '2', '4'])
  }),

  law('removes the oldest dead letters while there are more than it is told to keep', async ({ ask }) => {
    for (const id of ids(6)) await ask.put(letter({ id }))
    await held(ask, '1')
    await ask.resolve(identityOf(letter({ id: '3' })))
    expectEqual('enough room', (await ask.prune({ maxLetters: 4 })).dead, 0)
    expectEqual('too little', (await ask.prune({ maxLetters: 2 })).dead, 2)
    expectEqual('what is left', idsOf(await allOf(ask)), ['1', '3', '5', '6'])
  }),

  law('removes the oldest dead letters while all bytes are more than it is told to keep', async ({ ask }) => {
    for (const id of ids(5)) await ask.put(letter({ id, bytes: new Uint8Array(1_000) }))
    const { key, bytes } = await theLetter(ask, '4')
    await ask.edit({ key, id: '4', from: bytes, to: new Uint8Array(500), by: 'ann' })
    await held(ask, '1')
    expectEqual('enough room', (await ask.prune({ maxBytes: 5_500 })).dead, 0)
    expectEqual('too little', (await ask.prune({ maxBytes: 3_500 })).dead, 2)
    expectEqual('what is left', idsOf(await allOf(ask)), ['1', '4', '5'])
    expectEqual('none at all', (await ask.prune({ maxBytes: 0 })).dead, 2)
    expectEqual('what is left then', idsOf(await allOf(ask)), ['1'])
  })
]

// helpers

const dayMs = 24 * 3_600_000
