import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../lib/core/clock.js'
import type { DeadLetter } from '../../lib/core/letter.js'
import { left, right } from '../../lib/core/result.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { sqliteDlq } from '../../lib/dlq/sqlite.js'
import type { DeadLetterStore, LetterFilter, LetterPage } from '../../lib/ports/letters.js'
import { Resource, resourceError } from '../../lib/ports/resource.js'
import { type StoreLaw, storeLaws } from '../../lib/testing.js'
import { inFolder, letter } from '../support/letters.js'

const memory = suite('memoryDlq keeps the laws: it')

for (const { name, run } of storeLaws((clock) => Resource.of(memoryDlq({ clock })))) memory(name, run)

memory.run()

const sqlite = suite('sqliteDlq keeps the laws: it')

let folder = ''
let files = 0
for (const { name, run } of storeLaws((clock) => sqliteDlq(join(folder, `${(files += 1)}.db`), { clock })))
  sqlite(name, () =>
    inFolder(async (path) => {
      folder = path
      await run()
    })
  )

sqlite('keeps the bytes of what is settled as long as its retention says', () =>
  inFolder(async (path) => {
    const open = sqliteDlq(join(path, 'kept.db'), { retention: { keepSettledMs: 86_400_000 } })
    const used = await Resource.use((store: DeadLetterStore) => async () => {
      const { source, id, bytes, headers } = letter()
      await store.put(letter())()
      await store.resolve({ source, id, bytes })()
      const page = await store.page()()
      assert.equal(
        page._tag === 'Right' && page.right.letters.map((each) => [each.state, each.bytes, each.headers]),
        [['resolved', bytes, headers]]
      )
    })(open)()
    assert.is(used._tag, 'Right')
  })
)

sqlite.run()

/** What becomes of a law when it is run. */
const lawful = async (law: StoreLaw | undefined): Promise<void> => {
  const { run } = law ?? { run: async () => undefined }
  await run()
}

const laws = suite('storeLaws')

/** A store in memory that does some things in another way. */
type Break = (store: DeadLetterStore, clock: Clock) => Partial<DeadLetterStore>

const brokenBy =
  (change: Break) =>
  (clock: Clock): Resource<DeadLetterStore> => {
    const store = memoryDlq({ clock })
    return Resource.of({ ...store, ...change(store, clock) })
  }

const pageOf = async (store: DeadLetterStore, filter: LetterFilter): Promise<LetterPage> => {
  const page = await store.page({ filter, limit: 1_000 })()
  return page._tag === 'Right' ? page.right : { letters: [], next: undefined }
}

/** Stores with a fault, and the law that each of them breaks. */
const faults: readonly (readonly [string, string, Break])[] = [
  [
    'stores bytes as text',
    'gives back every field of a letter, and its bytes unchanged',
    (store) => ({
      put: (put) => store.put({ ...put, bytes: Buffer.from(Buffer.from(put.bytes).toString()) })
    })
  ],
  [
    'takes letters with other bytes for the same',
    'keeps letters apart whose source, id or bytes differ, however they run together',
    (store) => {
      const first = new Map<string, Uint8Array>()
      const known = (put: DeadLetter): Uint8Array => {
        const name = JSON.stringify([put.source, put.id])
        if (!first.has(name)) first.set(name, put.bytes)
        return first.get(name) as Uint8Array
      }
      return { put: (put) => store.put({ ...put, bytes: known(put) }) }
    }
  ],
  [
    'forgets that it has an attempt already',
    'adds nothing where the very same attempt is put twice',
    (store) => {
      let durationMs = 0
      const fresh = (put: DeadLetter): DeadLetter => ({
        ...put,
        attempts: put.attempts.map((each) => ({ ...each, durationMs: (durationMs += 1) }))
      })
      return { put: (put) => store.put(fresh(put)) }
    }
  ],
  [
    'stores credentials',
    'does not store the values of headers that let somebody in',
    (store) => ({
      put: (put) =>
        store.put({
          ...put,
          headers: Object.fromEntries(
            Object.entries(put.headers).map(([name, value]) => [`${name[0]}`, value])
          )
        })
    })
  ],
  [
    'answers before it has stored',
    'keeps what is put again as one letter, with all its attempts',
    (store) => ({
      put: (put) => async () => {
        setTimeout(() => void store.put(put)(), 1)
        return right(undefined)
      }
    })
  ],
  [
    'rejects',
    'stays readable whatever it is given, and rejects nothing',
    (store) => ({
      put: (put) => async () => {
        const answer = await store.put(put)()
        if (answer._tag === 'Left') throw new Error(answer.left.reason)
        return answer
      }
    })
  ],
  [
    'pages by place in the list',
    'gives each letter once along its pages, in order of arrival, while others come',
    (store) => ({
      page:
        ({ after, limit = 50, ...query } = {}) =>
        async () => {
          const all = await store.page({ ...query, limit: 1_000 })()
          if (all._tag === 'Left') return all
          const from = Number(after ?? 0)
          const next = from + limit < all.right.letters.length ? String(from + limit) : undefined
          return right({ letters: all.right.letters.slice(from, from + limit), next })
        }
    })
  ],
  [
    'leaves a part of a filter out',
    'finds by each filter, and by several, the letters that it means',
    (store) => ({
      page: (query = {}) => store.page({ ...query, filter: { ...query.filter, seenBefore: Infinity } })
    })
  ],
  [
    'counts what a filter leaves out',
    'finds by each filter, and by several, the letters that it means',
    (store) => ({ count: () => store.count() })
  ],
  [
    'gives the smallest group first',
    'groups failures of one kind, whatever ids and numbers they name',
    (store) => ({
      groups: (query) => async () => {
        const groups = await store.groups(query)()
        return groups._tag === 'Right' ? right(groups.right.toReversed()) : groups
      }
    })
  ],
  [
    'leases the same letter twice',
    'leases each dead letter to one owner, also where several claim at once',
    (store, clock) => {
      let token = 0
      return {
        claim:
          ({ owner, leaseMs, filter, ...query }) =>
          async () => {
            const dead = await store.page({ ...query, filter: { ...filter, state: 'dead' } })()
            if (dead._tag === 'Left') return dead
            const until = clock.now() + leaseMs
            const letters = dead.right.letters.map((each) => {
              token += 1
              return { ...each, state: 'replaying' as const, lease: { token: String(token), owner, until } }
            })
            return right({ ...dead.right, letters })
          }
      }
    }
  ],
  [
    'claims what came after the first page',
    'claims each letter once along the pages of a claim, and none that came later',
    (store) => ({ claim: (claim) => store.claim({ ...claim, after: undefined }) })
  ],
  [
    'never ends a lease',
    'makes a letter dead again when its lease ends, and its token worthless',
    (_, clock) => memoryDlq({ clock: { ...clock, now: () => 1_699_999_200_000 } })
  ],
  [
    'renews nothing',
    'prolongs the leases that it renews, from now on',
    () => ({ renew: (held) => async () => right(held.map(() => 'ok' as const)) })
  ],
  [
    'adds an attempt twice when it settles',
    'adds one attempt for a letter put under its lease, and none when that is settled',
    (store) => ({
      settle: (replayed) => async () => {
        const answers = await store.settle(replayed)()
        for (const { id, result } of replayed) {
          const [found] = (await pageOf(store, { id })).letters
          if (found === undefined || result._tag !== 'Failed') continue
          const attempts = result.attempts.map((each) => ({ ...each, durationMs: 7 }))
          await store.put({ ...found, attempts, lease: { token: 'none', owner: '', until: 0 } })()
        }
        return answers
      }
    })
  ],
  [
    'settles whoever asks',
    'changes nothing for a settlement whose lease is lost',
    (store) => ({
      settle: (replayed) => async () => {
        for (const { id } of replayed) {
          const [found] = (await pageOf(store, { id, state: 'replaying' })).letters
          const { token } = found?.lease ?? { token: '' }
          if (found !== undefined) await store.settle([{ ...found, token, result: { _tag: 'Resolved' } }])()
        }
        return right(replayed.map(() => 'ok' as const))
      }
    })
  ],
  [
    'removes what is resolved',
    'resolves a dead letter, and leaves a tombstone without bytes and headers',
    (store) => ({
      resolve:
        ({ id }) =>
        async () => {
          const { letters } = await pageOf(store, {})
          await store.prune({ maxLetters: 0 })()
          await store.add(letters.filter((each) => each.id !== id))()
          return right(undefined)
        }
    })
  ],
  [
    'leaves what is put again settled',
    'revives with its bytes what was settled and is put again',
    (store) => ({
      put: (put) => async () => {
        const state = await store.recall(put)()
        const isSettled = state._tag === 'Right' && /resolved|discarded/.test(state.right ?? '')
        return isSettled ? right(undefined) : store.put(put)()
      }
    })
  ],
  [
    'edits whatever the bytes are',
    'edits nothing that is changed, busy or missing',
    (store) => ({
      edit: (edit) => async () => {
        const [found] = (await pageOf(store, { id: edit.id })).letters
        return store.edit({ ...edit, from: found?.bytes ?? edit.from })()
      }
    })
  ],
  [
    'says that nothing was discarded',
    'discards dead letters alone, and drops their bytes and headers',
    (store) => ({
      discard: (discard) => async () => {
        await store.discard(discard)()
        return right(0)
      }
    })
  ],
  [
    'takes letters over as if they were put',
    'takes letters over as they are, and leaves those that are there',
    (store) => ({
      add: (letters) => async () => {
        for (const each of letters) await store.put({ ...each, lease: undefined })()
        return right(letters.map(() => 'added' as const))
      }
    })
  ],
  [
    'forgets tombstones after a day',
    'forgets nothing of what it is not told to, but tombstones after 7 days',
    (store) => ({ prune: (retention) => store.prune({ keepTombstonesMs: 86_400_000, ...retention }) })
  ],
  [
    'removes more than it is told to',
    'removes the oldest dead letters while there are more than it is told to keep',
    (store) => ({
      prune: ({ maxLetters, ...retention } = {}) =>
        store.prune({ ...retention, ...(maxLetters !== undefined && { maxLetters: maxLetters - 1 }) })
    })
  ],
  [
    'removes nothing',
    'removes the oldest dead letters while all bytes are more than it is told to keep',
    () => ({ prune: () => async () => right({ dead: 0, tombstones: 0, emptied: 0 }) })
  ]
]

for (const [fault, name, change] of faults) {
  laws(`find out a store that ${fault}`, async () => {
    const meant = storeLaws(brokenBy(change)).find((each) => each.name === name)
    if (meant === undefined) throw new Error(`there is no law that says: it ${name}`)
    const broken: unknown = await lawful(meant).catch((error: unknown) => error)
    assert.is((broken as Error | undefined)?.name, 'BrokenLaw', String(broken))
  })
}

laws('say why a store cannot be opened or closed', async () => {
  const refusing = Resource.make(
    'refusing',
    async () => left(resourceError('refusing', 'no disk')),
    async () => {}
  )
  const [one] = storeLaws(() => refusing)
  assert.is(await lawful(one).catch((error: Error) => error.message), 'the store cannot be opened: no disk')
  const stuck = (clock: Clock) =>
    Resource.make(
      'stuck',
      async () => right(memoryDlq({ clock })),
      async () => Promise.reject(new Error('stuck'))
    )
  const [two] = storeLaws(stuck)
  assert.is(
    await lawful(two).catch((error: Error) => error.message),
    'the store cannot be closed: Error: stuck'
  )
})

laws('close the store that they opened, kept or broken', async () => {
  let open = 0
  const counted = (change: Break) => (clock: Clock) =>
    Resource.make(
      'counted',
      async () => {
        open += 1
        const store = memoryDlq({ clock })
        return right({ ...store, ...change(store, clock) })
      },
      async () => void (open -= 1)
    )
  for (const { run } of storeLaws(counted(() => ({})))) await run().catch(() => undefined)
  for (const { run } of storeLaws(counted(() => ({ count: () => async () => right(-1) }))))
    await run().catch(() => undefined)
  assert.is(open, 0)
})

laws('have names that differ', () => {
  const names = storeLaws((clock) => Resource.of(memoryDlq({ clock }))).map(({ name }) => name)
  assert.is(new Set(names).size, names.length)
})

laws.run()
