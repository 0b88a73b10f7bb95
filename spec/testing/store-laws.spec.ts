import { mock } from 'node:test'
import type { Either } from 'fp-ts/lib/Either.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../lib/core/clock.js'
import type { DlqError, Lease, StoredLetter } from '../../lib/core/letter.js'
import { left, right } from '../../lib/core/result.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import type { DeadLetterStore, LetterFilter, LetterPage } from '../../lib/ports/letters.js'
import { Resource } from '../../lib/ports/resource.js'
import { type StoreLaw, storeLaws } from '../../lib/testing.js'

const laws = suite('storeLaws')

/** A store in memory that does some things in another way. */
type Break = (store: DeadLetterStore) => Partial<DeadLetterStore>

const brokenBy =
  (change: Break) =>
  (clock: Clock): Resource<DeadLetterStore> => {
    const store = memoryDlq({ clock })
    return Resource.of({ ...store, ...change(store) })
  }

/** What becomes of the law with this name: what it says, if it is broken. */
const saidOf = async (change: Break, name: string): Promise<string> => {
  const law = storeLaws(brokenBy(change)).find((each) => each.name === name)
  if (law === undefined) throw new Error(`there is no law that says: it ${name}`)
  const { run } = law
  return run().then(
    () => 'kept',
    (error: Error) => `${error.name}: ${error.message}`
  )
}

const without = (filter: LetterFilter | undefined, name: string): LetterFilter => {
  const { [name as keyof LetterFilter]: _, ...rest } = filter ?? {}
  return rest
}

const filters: readonly (keyof LetterFilter)[] = [
  'key',
  'id',
  'source',
  'tag',
  'route',
  'fingerprint',
  'seenFrom',
  'seenBefore',
  'minAttempts',
  'maxAttempts',
  'headers',
  'fields'
]

const functions = [
  'put',
  'recall',
  'resolve',
  'page',
  'groups',
  'count',
  'arrivals',
  'claim',
  'renew',
  'settle',
  'edit',
  'discard',
  'add',
  'prune'
] as const

/** A function that does its work when it is asked for the Task. */
const eager =
  (name: (typeof functions)[number]): Break =>
  (store) => ({
    [name]: (...parts: readonly unknown[]) => {
      const ask = store[name] as (...parts: readonly unknown[]) => () => Promise<unknown>
      const answer = ask(...parts)()
      return () => answer
    }
  })

type Page = Either<DlqError, LetterPage>

const changed = (page: Page, change: (letters: readonly StoredLetter[]) => readonly StoredLetter[]): Page =>
  page._tag === 'Left' ? page : right({ ...page.right, letters: change(page.right.letters) })

/** Shows letters that are not as they were stored. */
const reading =
  (change: (letter: StoredLetter) => Partial<StoredLetter>): Break =>
  (store) => ({
    page: (query) => async () =>
      changed(await store.page(query)(), (letters) => letters.map((each) => ({ ...each, ...change(each) })))
  })

/** Claims letters that are not as they were stored. */
const claiming =
  (change: (letter: StoredLetter) => Partial<StoredLetter>): Break =>
  (store) => ({
    claim: (claim) => async () =>
      changed(await store.claim(claim)(), (letters) => letters.map((each) => ({ ...each, ...change(each) })))
  })

const utf8 = (id: string): string => Buffer.from(id).toString()

const claimed = 'claims letters with every field, and their bytes unchanged'

/** Stores with a fault, the law that each of them breaks, and how it is found out. */
const faults: readonly (readonly [string, string, RegExp, Break])[] = [
  ...filters.flatMap((name): readonly (readonly [string, string, RegExp, Break])[] => [
    [
      `discards without looking at ${name}`,
      'discards by each filter, and by several, the letters that it means, and no others',
      new RegExp(name === 'id' ? 'by their ids' : `what {.*"${name}":.*} discards: expected`),
      (store) => ({
        discard: (discard) => store.discard({ ...discard, filter: without(discard.filter, name) })
      })
    ],
    [
      `claims without looking at ${name}`,
      'claims by each filter, and by several, the letters that it means',
      new RegExp(name === 'id' ? 'one leased letter with the id' : `what {.*"${name}":.*} claims: expected`),
      (store) => ({ claim: (claim) => store.claim({ ...claim, filter: without(claim.filter, name) }) })
    ]
  ]),
  [
    'claims long letters without their bytes',
    claimed,
    /the letter/,
    claiming(({ bytes }) => (bytes.length > 20 ? { bytes: new Uint8Array() } : {}))
  ],
  [
    'claims very long letters with other bytes at their end',
    claimed,
    /the letter 1: \.bytes is .*SHA-1/s,
    claiming(({ bytes }) => (bytes.length < 1_000 ? {} : { bytes: Uint8Array.from(bytes).fill(0, 1_000) }))
  ],
  [
    'claims letters without what their source found wrong',
    claimed,
    /the letter/,
    claiming(() => ({ fault: undefined }))
  ],
  [
    'takes an empty list of keys for all keys',
    'finds by each filter, and by several, the letters that it means',
    /what {"key":\[\]} finds/,
    (store) => ({
      page: (query) => {
        const { filter } = query ?? {}
        return store.page({
          ...query,
          filter: filter?.key?.length === 0 ? without(filter, 'key') : (filter ?? {})
        })
      }
    })
  ],
  [
    'finds letters by when they were first seen',
    'finds by each filter, and by several, the letters that it means',
    /what {"seenFrom":\d+} finds/,
    (store) => ({
      page: (query) => async () => {
        const { seenFrom = -Infinity } = query?.filter ?? {}
        const page = await store.page({ ...query, filter: without(query?.filter, 'seenFrom') })()
        return changed(page, (letters) => letters.filter(({ firstSeenAt }) => firstSeenAt >= seenFrom))
      }
    })
  ],
  [
    'keeps the fingerprint of the first failure',
    'groups a letter by its last failure',
    /the fingerprint/,
    (store) => {
      const first = new Map<string, string>()
      const known = reading(({ key, fingerprint }) => {
        first.set(key, first.get(key) ?? fingerprint)
        return { fingerprint: first.get(key) ?? '' }
      })(store)
      return {
        ...known,
        put: (put) => async () => {
          const stored = await store.put(put)()
          await known.page?.()()
          return stored
        }
      }
    }
  ],
  [
    'gives everybody the same original',
    'keeps bytes that their owner writes over once they are stored',
    /bytes and original after all wrote over them/,
    (store) => {
      const first = new Map<string, Uint8Array>()
      return reading(({ key, original }) => {
        if (original !== undefined) first.set(key, first.get(key) ?? original)
        return { original: first.get(key) }
      })(store)
    }
  ],
  [
    'takes what a replay puts of an edited letter for another letter',
    'replays what was edited with its new bytes',
    /one letter with the id 1, found 2/,
    (store) => ({ put: (put) => store.put({ ...put, original: undefined }) })
  ],
  [
    'keeps the lease that a letter is put with',
    'keeps as dead what is put under a lease that there is not',
    /state and lease/,
    (store) => {
      const leases = new Map<string, Lease>()
      return {
        ...reading((each) => ({ lease: leases.get(each.id) ?? each.lease }))(store),
        put: (put) => {
          if (put.lease !== undefined) leases.set(put.id, put.lease)
          return store.put(put)
        }
      }
    }
  ],
  ...(['page', 'claim', 'discard'] as const).map((name): readonly [string, string, RegExp, Break] => [
    `does not say that it would refuse ${name} again`,
    'refuses a filter that there is not, and to act on one that is undefined',
    /a refusal that names .* with isRefused/,
    (store) => ({
      [name]: (asked: never) => async () => {
        const answer = await store[name](asked)()
        return answer._tag === 'Left' ? left({ reason: answer.left.reason }) : answer
      }
    })
  ]),
  [
    'gives 10 groups if nothing else is said',
    'gives 100 groups if nothing else is said',
    /expected 100, found 10/,
    (store) => ({ groups: (query) => store.groups({ limit: 10, ...query }) })
  ],
  [
    'discards 1,000 letters at most',
    'finds, claims, renews, settles, discards and prunes all of many',
    /discard: expected 1100, found 1000/,
    (store) => ({
      discard: (discard) => async () => {
        const page = await store.page({ filter: discard.filter, limit: 1_000 })()
        const letters = page._tag === 'Right' ? page.right.letters : []
        return store.discard({ ...discard, filter: { key: letters.map(({ key }) => key) } })()
      }
    })
  ],
  [
    'takes over when letters were seen last for when they were seen first',
    'counts letters that were taken over by when they were first seen',
    /the arrivals/,
    (store) => ({
      add: (letters) => store.add(letters.map((each) => ({ ...each, firstSeenAt: each.lastSeenAt })))
    })
  ],
  [
    'takes over when letters were seen first for when they were seen last',
    'takes letters over as they are, and leaves those that are there',
    /the letters/,
    (store) => ({
      add: (letters) => store.add(letters.map((each) => ({ ...each, lastSeenAt: each.firstSeenAt })))
    })
  ],
  [
    'discards dead letters where others are meant',
    'discards dead letters alone, and drops their bytes and headers',
    /how many that are not dead by the filter: expected 0, found 2/,
    (store) => ({
      discard: (discard) => store.discard({ ...discard, filter: without(discard.filter, 'state') })
    })
  ],
  [
    'claims dead letters where others are meant',
    'claims the dead letters that a filter means, in the order that is asked for',
    /what is not dead by the filter/,
    (store) => ({ claim: (claim) => store.claim({ ...claim, filter: without(claim.filter, 'state') }) })
  ],
  [
    'looks first and discards afterwards',
    'leases, discards, settles and takes over once what several ask for at once',
    /those that are leased or discarded/,
    (store) => ({
      discard: (discard) => async () => {
        const count = await store.count({ ...discard.filter, state: 'dead' })()
        await new Promise(setImmediate)
        await store.discard(discard)()
        return count
      }
    })
  ],
  [
    'does not keep what it recalls from replays',
    'keeps a letter that it recalls as dead from replays, for a minute',
    /what can be claimed after it is recalled, at once/,
    (store) => ({
      recall:
        ({ source, id }) =>
        async () => {
          const page = await store.page({ filter: { source, id } })()
          return page._tag === 'Left' ? page : right(page.right.letters[0]?.state)
        }
    })
  ],
  [
    'keeps what it recalls from its source, too',
    'keeps a letter that it recalls as dead from replays, for a minute',
    /again within a minute: expected 'dead', found 'replaying'/,
    (store) => {
      const recalled = new Set<string>()
      return {
        recall: (identity) => async () => {
          const again = recalled.has(identity.id)
          recalled.add(identity.id)
          return again ? right('replaying') : store.recall(identity)()
        }
      }
    }
  ],
  [
    'edits bytes of the same length, whatever they are',
    'edits nothing that is changed, busy or missing',
    /the answers/,
    (store) => ({
      edit: (edit) => async () => {
        const page = await store.page({ filter: { key: edit.key } })()
        const bytes = page._tag === 'Right' ? page.right.letters[0]?.bytes : undefined
        return store.edit(bytes?.length === edit.from.length ? { ...edit, from: bytes } : edit)()
      }
    })
  ],
  [
    'renews two leases at most',
    'renews, and settles, each of many leases',
    /those that are leased/,
    (store) => ({
      renew: (held, leaseMs) => async () => {
        const answers = await store.renew(held.slice(0, 2), leaseMs)()
        return answers._tag === 'Left' ? answers : right(held.map(() => 'ok' as const))
      }
    })
  ],
  [
    'stores ids as UTF-8',
    'keeps letters apart whose ids differ in half a character, and settles each of them',
    /the ids/,
    (store) => ({ put: (put) => store.put({ ...put, id: utf8(put.id) }) })
  ],
  [
    'looks for ids in UTF-8',
    'keeps letters apart whose ids differ in half a character, and settles each of them',
    /what is recalled/,
    (store) => ({ recall: (identity) => store.recall({ ...identity, id: utf8(identity.id) }) })
  ],
  [
    'does not say where its letters lie',
    'says where its letters lie',
    /a location/,
    () => ({ location: undefined })
  ],
  ...(['put', 'page', 'groups', 'count', 'arrivals'] as const).map(
    (name): readonly [string, string, RegExp, Break] => [
      `does ${name} when it is asked for the Task`,
      'reads nothing before the Task is run, and anew each time',
      /the letters before put is run|what is read/,
      eager(name)
    ]
  ),
  ...(
    ['put', 'resolve', 'recall', 'claim', 'edit', 'discard', 'add', 'prune', 'renew', 'settle'] as const
  ).map((name): readonly [string, string, RegExp, Break] => [
    `does ${name} when it is asked for the Task, and not when it is run`,
    'changes nothing before the Task is run',
    /the letters|what can be claimed/,
    eager(name)
  ])
]

for (const [fault, name, found, change] of faults)
  laws(`find out a store that ${fault}`, async () =>
    assert.match(await saidOf(change, name), new RegExp(`^BrokenLaw: [^]*(?:${found.source})`, found.flags))
  )

laws('end all of them over a store that does not answer, and say what', async () => {
  for (const name of functions) {
    const silent = brokenBy(() => ({ [name]: () => () => new Promise(() => undefined) }))
    const said = await Promise.all(
      storeLaws(silent, { deadlineMs: 100 }).map(({ run }) => run().catch((error: Error) => error.message))
    )
    assert.ok(said.includes(`${name}: no answer within 100 ms`), said.join('\n'))
  }
})

laws("end over a store that does not answer also where timers are a framework's", async () => {
  const silent = brokenBy(() => ({ settle: () => () => new Promise(() => undefined) }))
  mock.timers.enable()
  try {
    const all = storeLaws(silent, { deadlineMs: 100 })
    const said = await Promise.all(all.map(({ run }) => run().catch((error: Error) => error.message)))
    assert.ok(said.includes('settle: no answer within 100 ms'), said.join('\n'))
  } finally {
    mock.timers.reset()
  }
})

laws('find out a store that rejects once it is closed', async () => {
  const name = 'answers also once it is closed: Left, or as before'
  const all = storeLaws((clock) => {
    let isClosed = false
    const store = memoryDlq({ clock })
    const prune: DeadLetterStore['prune'] = (retention) => async () => {
      if (isClosed) throw new Error('the pool is closed')
      return store.prune(retention)()
    }
    return Resource.make<DeadLetterStore>(
      'closable',
      async () => right({ ...store, prune }),
      async () => void (isClosed = true)
    )
  })
  const [{ run }] = all.filter((law) => law.name === name) as [StoreLaw]
  const said = await run().catch((error: Error) => error.message)
  assert.is(said?.split('\n')[0], 'prune: it threw or rejected: Error: the pool is closed')
})

laws('take a store for what it is, a class or frozen', async () => {
  class Kept {
    readonly location = 'memory'
    constructor(readonly store: DeadLetterStore) {}
    put(...parts: Parameters<DeadLetterStore['put']>) {
      return this.store.put(...parts)
    }
    page(...parts: Parameters<DeadLetterStore['page']>) {
      return this.store.page(...parts)
    }
  }
  const name = 'gives back every field of a letter, and its bytes unchanged'
  const kept = async (fresh: (store: DeadLetterStore) => object): Promise<void> => {
    const all = storeLaws((clock) => Resource.of(fresh(memoryDlq({ clock })) as DeadLetterStore))
    for (const { run } of all.filter((law) => law.name === name)) await run()
  }
  await kept((store) => new Kept(store))
  await kept((store) => Object.freeze({ ...store }))
})

laws.run()
