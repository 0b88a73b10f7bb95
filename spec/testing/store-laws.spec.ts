import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../lib/core/clock.js'
import type { DeadLetterStore, LetterFilter, StoredLetter } from '../../lib/core/letter.js'
import { Resource } from '../../lib/core/resource.js'
import { right } from '../../lib/core/result.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { storeLaws } from '../../lib/testing.js'

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

/** Claims letters that are not as they were stored. */
const claiming =
  (change: (letter: StoredLetter) => Partial<StoredLetter>): Break =>
  (store) => ({
    claim: (claim) => async () => {
      const page = await store.claim(claim)()
      return page._tag === 'Left'
        ? page
        : right({ ...page.right, letters: page.right.letters.map((each) => ({ ...each, ...change(each) })) })
    }
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
    /the letter 1: expected .*SHA-1/s,
    claiming(({ bytes }) => (bytes.length < 1_000 ? {} : { bytes: Uint8Array.from(bytes).fill(0, 1_000) }))
  ],
  [
    'claims letters without what their source found wrong',
    claimed,
    /the letter/,
    claiming(() => ({ fault: undefined }))
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
