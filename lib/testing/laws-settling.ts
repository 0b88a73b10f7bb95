/** Laws of what is done to letters by hand and by time: resolving, editing, discarding, taking over, pruning. */
import { malformed } from '../core/failure.js'
import type { StoredLetter } from '../core/letter.js'
import type { Edit } from '../ports/letters.js'
import {
  type Bench,
  type Law,
  allOf,
  attempt,
  expect,
  expectEqual,
  held,
  heldOf,
  identityOf,
  ids,
  idsOf,
  law,
  letter,
  theLetter,
  utf8
} from './law.js'

const dayMs = 24 * 3_600_000

export const settlingLaws: readonly Law[] = [
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
  }),

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
  }),

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
  }),

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

const whatOf = (events: StoredLetter['events']) => events.map(({ at, by, what }) => [at, by, what])

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
