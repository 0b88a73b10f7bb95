/** Laws of asking: nothing happens before a Task is run, and people are told where the letters lie. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { DlqError } from '../core/letter.js'
import type { DeadLetterStore } from '../ports/letters.js'
import {
  type Law,
  allOf,
  answerOf,
  expect,
  expectEqual,
  held,
  identityOf,
  law,
  letter,
  theLetter,
  utf8
} from './store-law.js'
import { rightOf } from './store-trial.js'

export const askingLaws: readonly Law[] = [
  law('says where its letters lie', async ({ store: { location } }) => {
    expect(
      'a location that is a text, and not empty',
      typeof location === 'string' && location !== '',
      location
    )
  }),

  law('reads nothing before the Task is run, and anew each time', async ({ store, ask }) => {
    const readings = readingsOf(store)
    const put = store.put(letter())
    expectEqual('the letters before put is run', await ask.count(), 0)
    expectEqual('put, run', (await answerOf('put', () => put))._tag, 'Right')
    expectEqual('what is read then', await read(readings), [1, 1, 1, 1])
    await ask.put(letter({ id: '2', route: 'refund' }))
    expectEqual('what is read again', await read(readings), [2, 2, 2, 2])
  }),

  law('changes nothing before the Task is run', async ({ store, ask, clock }) => {
    await ask.put(letter())
    await ask.put(letter({ id: '2' }))
    const before = await allOf(ask)
    const { key, bytes, ...rest } = await theLetter(ask)
    store.put(letter({}, 2))
    store.recall(identityOf(letter()))
    store.resolve(identityOf(letter()))
    store.claim({ owner: 'ann', leaseMs: 60_000 })
    store.edit({ key, id: '1', from: bytes, to: utf8('new'), by: 'ann' })
    store.discard({ filter: {}, by: 'ann', note: 'no use' })
    store.add([{ ...rest, bytes, id: 'added', key: 'f'.repeat(40) }])
    store.prune({ maxLetters: 0 })
    expectEqual('the letters', await allOf(ask), before)
    expectEqual('what can be claimed', (await ask.claim({ owner: 'bob', leaseMs: 1 })).letters.length, 2)
    clock.pass(1)
    const lease = await held(ask)
    const leased = await allOf(ask)
    clock.pass(1_000)
    store.renew([lease], 60_000)
    store.settle([{ ...lease, result: { _tag: 'Resolved' } }])
    expectEqual('the letters that are leased', await allOf(ask), leased)
  }),

  law('answers also once it is closed: Left, or as before', async ({ store, ask, close }) => {
    await ask.put(letter())
    const lease = await held(ask)
    await close()
    const count = await answerOf('count', () => store.count())
    if (count._tag === 'Right') expectEqual('how many there are, once it is closed', count.right, 1)
    const filter = { id: '1' }
    const edit = { ...lease, from: letter().bytes, to: utf8('new'), by: 'ann' }
    const asking: Readonly<Record<string, () => TaskEither<DlqError, unknown>>> = {
      put: () => store.put(letter({}, 2)),
      recall: () => store.recall(identityOf(letter())),
      resolve: () => store.resolve(identityOf(letter())),
      page: () => store.page(),
      groups: () => store.groups(),
      arrivals: () => store.arrivals(),
      claim: () => store.claim({ owner: 'bob', leaseMs: 1_000 }),
      renew: () => store.renew([lease], 1_000),
      settle: () => store.settle([{ ...lease, result: { _tag: 'Released' } }]),
      edit: () => store.edit(edit),
      discard: () => store.discard({ filter, by: 'ann', note: 'no use' }),
      add: () => store.add([]),
      prune: () => store.prune()
    }
    for (const [name, ask] of Object.entries(asking)) await answerOf(name, ask)
  })
]

// helpers

/** How many letters, groups, and hours each of these Tasks gives. */
const readingsOf = (store: DeadLetterStore) => ({
  page: store.page(),
  groups: store.groups(),
  count: store.count(),
  arrivals: store.arrivals()
})

const read = async (readings: ReturnType<typeof readingsOf>): Promise<readonly number[]> => {
  const page = await rightOf('page', () => readings.page)
  const groups = await rightOf('groups', () => readings.groups)
  const count = await rightOf('count', () => readings.count)
  const arrivals = await rightOf('arrivals', () => readings.arrivals)
  return [page.letters.length, groups.length, count, arrivals.reduce((sum, hour) => sum + hour.count, 0)]
}
