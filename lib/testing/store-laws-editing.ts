/** Laws of what is done to letters by hand: editing and discarding. */
import { malformed } from '../core/failure.js'
import type { StoredLetter } from '../core/letter.js'
import type { Edit } from '../ports/letters.js'
import {
  type Law,
  allOf,
  attempt,
  expect,
  expectEqual,
  held,
  identityOf,
  ids,
  law,
  letter,
  theLetter,
  utf8
} from './store-law.js'

export const editingLaws: readonly Law[] = [
  law('edits the bytes of a dead letter, which stays the same letter', async ({ ask, clock }) => {
    const [first, second, third] = [letter().bytes, utf8('{"total":4}'), utf8('{"total":5}')] as const
    await ask.put(letter({ fault: malformed([]) }))
    const { key, ...before } = await theLetter(ask)
    const edit: Edit = { key, id: '1', from: first, to: second, by: 'ann', note: 'typing error' }
    clock.pass(1_000)
    expectEqual('the first edit', await ask.edit(edit), 'edited')
    const { events, ...after } = await theLetter(ask)
    const { events: _, fault: __, ...rest } = before
    expectEqual('the letter', after, { ...rest, key, bytes: second, original: first })
    const event = { at: clock.now(), by: 'ann', what: 'edited', note: 'typing error' }
    expectEqual('its events', events, [event])
    expectEqual(
      'the second edit',
      await ask.edit({ key, id: '1', from: second, to: third, by: 'bob' }),
      'edited'
    )
    const twice = await theLetter(ask)
    expectEqual('bytes and original', [twice.bytes, twice.original], [third, first])
    expectEqual('its events', twice.events, [event, { at: clock.now(), by: 'bob', what: 'edited' }])
    expectEqual('recall by the bytes that arrived', await ask.recall(identityOf(letter())), 'dead')
    for (const startedAt of [2, 3]) await ask.put(letter({ fault: malformed([]) }, startedAt))
    const again = await theLetter(ask)
    expectEqual('bytes and fault when it comes again', [again.bytes, again.fault], [third, undefined])
  }),

  law('edits nothing that is changed, busy or missing', async ({ ask }) => {
    for (const id of ids(4)) await ask.put(letter({ id }))
    await held(ask, '2')
    await ask.resolve(identityOf(letter({ id: '3' })))
    await ask.discard({ filter: { id: '4' }, by: 'ann', note: 'no use' })
    const before = await allOf(ask)
    const edit = (id: string, from = letter().bytes): Promise<string> => {
      const key = before.find((each) => each.id === id)?.key ?? 'f'.repeat(40)
      return ask.edit({ key, id, from, to: utf8('new'), by: 'ann' })
    }
    const other = utf8('{"total":4}') // as long as its own
    const answers = [await edit('1', other), await edit('2'), await edit('3'), await edit('4')]
    expectEqual('the answers', answers, ['changed', 'busy', 'busy', 'busy'])
    expectEqual('the answer where there is no letter', await edit('nobody'), 'missing')
    expectEqual('the letters', await allOf(ask), before)
  }),

  law('makes one of two edits of the same bytes, and the very same edit once', async ({ ask, clock }) => {
    await ask.put(letter())
    const { key } = await theLetter(ask)
    const edits = ['one', 'two'].map((text) => ({
      key,
      id: '1',
      from: letter().bytes,
      to: utf8(text),
      by: text
    }))
    const answers = await Promise.all(edits.map((edit) => ask.edit(edit)))
    expectEqual('the answers', answers.toSorted(), ['changed', 'edited'])
    const made = edits[answers.indexOf('edited')] as Edit
    const before = await theLetter(ask)
    expectEqual('the bytes', before.bytes, made.to)
    clock.pass(1_000)
    expectEqual('the same edit again', await ask.edit(made), 'edited')
    expectEqual('the letter', await theLetter(ask), before)
  }),

  law('replays what was edited with its new bytes', async ({ ask }) => {
    await ask.put(letter())
    const { key, bytes } = await theLetter(ask)
    await ask.edit({ key, id: '1', from: bytes, to: utf8('new'), by: 'ann' })
    const { letters } = await ask.claim({ owner: 'bob', leaseMs: 60_000 })
    const said = letters.map((each) => [each.key, each.id, each.bytes, each.original])
    expectEqual('key, id, bytes and original', said, [[key, '1', utf8('new'), bytes]])
    const token = letters[0]?.lease?.token ?? ''
    const [edited] = letters as readonly [StoredLetter]
    await ask.put({ ...edited, attempts: [attempt(2)] })
    const failed = await theLetter(ask)
    expectEqual(
      'the letter when its replay has failed',
      [failed.key, failed.state, failed.attemptCount, failed.times],
      [key, 'dead', 2, 1]
    )
    expectEqual('bytes and original then', [failed.bytes, failed.original], [utf8('new'), bytes])
    const next = await held(ask)
    expect('another lease', next.token !== token, next)
    await ask.settle([{ ...next, result: { _tag: 'Resolved' } }])
    const after = await theLetter(ask)
    expectEqual('the tombstone', [after.bytes.length, after.original], [0, undefined])
  }),

  law('discards dead letters alone, and drops their bytes and headers', async ({ ask, clock }) => {
    for (const id of ids(4)) await ask.put(letter({ id, source: id === '4' ? 'other' : 'laws' }))
    await held(ask, '2')
    await ask.resolve(identityOf(letter({ id: '3' })))
    const [before, ...others] = await allOf(ask)
    clock.pass(1_000)
    const discard = { filter: { source: 'laws' }, by: 'ann', note: 'no use' }
    const settled = await ask.discard({ ...discard, filter: { state: ['resolved', 'replaying'] } })
    expectEqual('how many that are not dead by the filter', settled, 0)
    expectEqual('how many', await ask.discard(discard), 1)
    const [after, ...othersAfter] = await allOf(ask)
    expectEqual('the letter', after, {
      ...before,
      state: 'discarded',
      bytes: new Uint8Array(),
      headers: {},
      lastSeenAt: clock.now(),
      events: [{ at: clock.now(), by: 'ann', what: 'discarded', note: 'no use' }]
    })
    expectEqual('the other letters', othersAfter, others)
    expectEqual('how many the second time', await ask.discard(discard), 0)
    const all = await allOf(ask)
    const states = ['replaying', 'resolved', 'discarded'] as const
    await ask.discard({ ...discard, filter: { source: 'laws', state: states } })
    expectEqual('the letters that are not dead, when they are asked for', await allOf(ask), all)
  }),

  law('keeps the newest 50 events of a letter', async ({ ask }) => {
    await ask.put(letter())
    const { key } = await theLetter(ask)
    const texts = ids(60).map((id) => utf8(id))
    for (const [index, to] of texts.entries())
      await ask.edit({ key, id: '1', from: texts[index - 1] ?? letter().bytes, to, by: String(index) })
    const { events, original } = await theLetter(ask)
    expectEqual(
      'who',
      events.map(({ by }) => by),
      ids(50, 10)
    )
    expectEqual('the original', original, letter().bytes)
  })
]
