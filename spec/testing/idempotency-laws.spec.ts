import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../lib/core/clock.js'
import { left, right } from '../../lib/core/result.js'
import { memoryIdempotency } from '../../lib/index.js'
import type { IdempotencyHold, IdempotencyState, IdempotencyStore } from '../../lib/ports/idempotency.js'
import { Resource, resourceError } from '../../lib/ports/resource.js'
import { type IdempotencyLaw, idempotencyLaws } from '../../lib/testing.js'

const laws = suite('idempotencyLaws')

/** A store in memory that does some things in another way. */
type Break = (store: IdempotencyStore, clock: Clock) => Partial<IdempotencyStore>

const brokenBy =
  (change: Break) =>
  (clock: Clock): Resource<IdempotencyStore> => {
    const store = memoryIdempotency({ clock })
    return Resource.of({ ...store, ...change(store, clock) })
  }

/** Answers another state than the store's. */
const answering =
  (change: (state: IdempotencyState) => IdempotencyState): Break =>
  (store) => ({
    begin: (claim) => async () => {
      const state = await store.begin(claim)()
      return state._tag === 'Right' ? right(change(state.right)) : state
    }
  })

/** Takes some keys for the same. */
const keyed =
  (alike: (key: string) => string): Break =>
  (store) => ({
    begin: (claim) => store.begin({ ...claim, key: alike(claim.key) }),
    renew: (claim) => store.renew({ ...claim, key: alike(claim.key) }),
    finish: (claim) => store.finish({ ...claim, key: alike(claim.key) }),
    abandon: (claim) => store.abandon({ ...claim, key: alike(claim.key) })
  })

/** Knows who holds each key, and does not look at who asks. */
const careless =
  (names: readonly ('renew' | 'finish' | 'abandon')[]): Break =>
  (store) => {
    const holders = new Map<string, string>()
    const asHolder = <A extends { readonly key: string; readonly token: string }>(asked: A): A => ({
      ...asked,
      token: holders.get(asked.key) ?? asked.token
    })
    const all: Partial<IdempotencyStore> = {
      renew: (claim) => store.renew(asHolder(claim)),
      finish: (claim) => store.finish(asHolder(claim)),
      abandon: (claim) => store.abandon(asHolder(claim))
    }
    return {
      begin: (claim) => async () => {
        const state = await store.begin(claim)()
        if (state._tag === 'Right' && state.right._tag === 'Begun') holders.set(claim.key, claim.token)
        return state
      },
      ...Object.fromEntries(names.map((name) => [name, all[name]]))
    }
  }

const afterwards = <A>(ask: () => Promise<A>): Promise<A> =>
  new Promise((resolve, reject) => void setImmediate(() => ask().then(resolve, reject)))

/** Stores with a fault, and a law that each of them breaks. */
const faults: readonly (readonly [string, string, Break])[] = [
  ['begins nothing', 'begins what nobody has begun', answering(() => ({ _tag: 'Mismatch' }))],
  [
    'begins when it is asked for a Task',
    'does nothing before its Task is run, and all of it once for each time',
    (store) => ({
      begin: (claim) => {
        const begun = store.begin(claim)()
        return () => begun
      }
    })
  ],
  [
    'abandons when it is asked for a Task',
    'does nothing before its Task is run, and all of it once for each time',
    (store) => ({
      abandon: (claim) => {
        const abandoned = store.abandon(claim)()
        return () => abandoned
      }
    })
  ],
  [
    'does not know how long it still is',
    'tells others how long a key is held at least',
    answering((state) => (state._tag === 'InFlight' ? { ...state, leftMs: 60_000 } : state))
  ],
  [
    'says that nothing is left',
    'tells others how long a key is held at least',
    answering((state) => (state._tag === 'InFlight' ? { ...state, leftMs: 0 } : state))
  ],
  [
    'says in seconds how long it still is',
    'tells others how long a key is held at least',
    answering((state) => (state._tag === 'InFlight' ? { ...state, leftMs: state.leftMs / 1_000 } : state))
  ],
  [
    'renews whatever who asks holds',
    'renews the lease of one key, and of no other that is held by the same',
    (store) => {
      const keys = new Set<string>()
      return {
        begin: (claim) => {
          keys.add(claim.key)
          return store.begin(claim)
        },
        renew: (claim) => async () => {
          for (const key of keys) await store.renew({ ...claim, key })()
          return store.renew(claim)()
        }
      }
    }
  ],
  [
    'finishes again what has an empty result',
    'gives back a result as it was, whatever text it is',
    (store) => {
      const empty = new Set<string>()
      return {
        finish: (claim) => async () => {
          const isOver = empty.has(claim.key)
          if (claim.result === '') empty.add(claim.key)
          return isOver ? right(true) : store.finish(claim)()
        }
      }
    }
  ],
  [
    'forgets the first of more than 100 keys',
    'forgets none of 500 keys that it has begun, and may refuse some',
    (store) => {
      const keys: IdempotencyHold[] = []
      return {
        begin: (claim) => async () => {
          const oldest = keys.length > 100 ? keys.shift() : undefined
          if (oldest !== undefined) await store.abandon(oldest)()
          keys.push(claim)
          return store.begin(claim)()
        }
      }
    }
  ],
  [
    'looks first and begins afterwards',
    'lets one of a hundred begin that ask at the same time',
    (store) => {
      const taken = new Map<string, boolean>()
      return {
        begin: (claim) => async () => {
          const isTaken = taken.get(claim.key) === true
          await afterwards(async () => taken.set(claim.key, true))
          return isTaken ? store.begin(claim)() : right({ _tag: 'Begun' })
        }
      }
    }
  ],
  [
    'begins for each who asks when a lease has ended',
    'lets one of a hundred begin that ask at the same time',
    (store, clock) => {
      const firsts = new Map<string, number>()
      return {
        begin: (claim) => async () => {
          const state = await store.begin(claim)()
          const now = clock.now()
          const first = firsts.get(claim.key) ?? now
          firsts.set(claim.key, first)
          return state._tag === 'Right' && now > first + claim.leaseMs ? right({ _tag: 'Begun' }) : state
        }
      }
    }
  ],
  [
    'keeps what is abandoned',
    'gives a key to the next once it is abandoned, whatever that does with it',
    () => ({ abandon: () => async () => right(undefined) })
  ],
  [
    'remembers the fingerprint of what is abandoned',
    'gives a key to the next once it is abandoned, whatever that does with it',
    (store) => {
      const fingerprints = new Map<string, string>()
      return {
        begin: (claim) => async () => {
          const known = fingerprints.get(claim.key) ?? claim.fingerprint
          fingerprints.set(claim.key, known)
          return known === claim.fingerprint ? store.begin(claim)() : right({ _tag: 'Mismatch' })
        }
      }
    }
  ],
  [
    'never ends a lease',
    'gives a key to the next once its lease has ended, and not before',
    (store) => ({ begin: (claim) => store.begin({ ...claim, leaseMs: claim.leaseMs * 1_000 }) })
  ],
  [
    'ends a lease too early',
    'gives a key to the next once its lease has ended, and not before',
    (store) => ({ begin: (claim) => store.begin({ ...claim, leaseMs: claim.leaseMs / 2 }) })
  ],
  [
    'renews nothing and says that it did',
    'holds a key for a lease that is counted from its renewal',
    () => ({ renew: () => async () => right(true) })
  ],
  [
    'adds the lease to what is left',
    'holds a key for a lease that is counted from its renewal',
    (store) => ({ renew: (claim) => store.renew({ ...claim, leaseMs: claim.leaseMs * 2 }) })
  ],
  [
    'renews for a minute at most',
    'holds a key for a lease that is counted from its renewal',
    (store) => ({ renew: (claim) => store.renew({ ...claim, leaseMs: Math.min(claim.leaseMs, 60_000) }) })
  ],
  [
    'begins for a minute at most',
    'holds a key for a lease that is counted from its renewal',
    (store) => ({ begin: (claim) => store.begin({ ...claim, leaseMs: Math.min(claim.leaseMs, 60_000) }) })
  ],
  ...(['renew', 'finish', 'abandon'] as const).map((name): readonly [string, string, Break] => [
    `lets whoever asks ${name} what is another's`,
    'leaves a key to who took it over, whatever the first one asks',
    careless([name])
  ]),
  [
    'says that it finished what was never begun',
    'answers false about what nobody holds',
    () => ({ finish: () => async () => right(true) })
  ],
  [
    'trims results',
    'gives back a result as it was, whatever text it is',
    (store) => ({ finish: (claim) => store.finish({ ...claim, result: claim.result.trim() }) })
  ],
  [
    'ends results at NUL',
    'gives back a result as it was, whatever text it is',
    (store) => ({ finish: (claim) => store.finish({ ...claim, result: claim.result.split('\0')[0] ?? '' }) })
  ],
  [
    'cuts long results',
    'gives back a result as it was, whatever text it is',
    (store) => ({ finish: (claim) => store.finish({ ...claim, result: claim.result.slice(0, 65_536) }) })
  ],
  [
    'does not compare fingerprints',
    'tells a work from another under its key, in flight and finished',
    (store) => ({ begin: (claim) => store.begin({ ...claim, fingerprint: '' }) })
  ],
  [
    'compares fingerprints in flight alone',
    'tells a work from another under its key, in flight and finished',
    (store) => {
      const results = new Map<string, string>()
      return {
        begin: (claim) => async () => {
          const result = results.get(claim.key)
          return result === undefined ? store.begin(claim)() : right({ _tag: 'Finished', result })
        },
        finish: (claim) => {
          results.set(claim.key, claim.result)
          return store.finish(claim)
        }
      }
    }
  ],
  [
    'lets its holder abandon what is finished',
    'leaves what is finished as it is, whoever asks for what',
    (store, clock) => {
      let current = store
      const forget = (): void => void (current = memoryIdempotency({ clock }))
      return {
        begin: (claim) => async () => current.begin(claim)(),
        renew: (claim) => async () => current.renew(claim)(),
        finish: (claim) => async () => current.finish(claim)(),
        abandon: () => async () => right(forget())
      }
    }
  ],
  [
    'never forgets',
    'forgets what is finished when its time is over, counted from the finish',
    (_, clock) => memoryIdempotency({ clock, ttlMs: 1e12 })
  ],
  [
    'forgets too early',
    'forgets what is finished when its time is over, counted from the finish',
    (_, clock) => memoryIdempotency({ clock, ttlMs: 86_400_000 - 30_000 })
  ],
  [
    'holds a key whose lease it refuses',
    'keeps nothing of a wish that it refuses for its lease',
    (store) => ({
      begin: (claim) => async () => {
        const state = await store.begin(claim)()
        if (state._tag === 'Left') await store.begin({ ...claim, leaseMs: 60_000 })()
        return state
      }
    })
  ],
  ['trims keys', 'keeps keys apart, whatever texts they are', keyed((key) => key.trim())],
  ['ignores case in keys', 'keeps keys apart, whatever texts they are', keyed((key) => key.toLowerCase())],
  ['normalises keys', 'keeps keys apart, whatever texts they are', keyed((key) => key.normalize())],
  ['ends keys at NUL', 'keeps keys apart, whatever texts they are', keyed((key) => key.split('\0')[0] ?? '')],
  ['cuts long keys', 'keeps keys apart, whatever texts they are', keyed((key) => key.slice(0, 4_096))],
  [
    'stores keys as UTF-8',
    'keeps keys apart, whatever texts they are',
    keyed((key) => Buffer.from(key).toString())
  ],
  [
    'ignores case in fingerprints',
    'keeps fingerprints and tokens apart that look alike',
    (store) => ({
      begin: (claim) => store.begin({ ...claim, fingerprint: claim.fingerprint.toUpperCase() })
    })
  ],
  [
    'rejects what it does not understand',
    'answers Left or Right, and goes on, whatever it is asked',
    (store) => ({
      finish: (claim) => async () => {
        if (typeof claim.key !== 'string') throw new TypeError('the key is no text')
        return store.finish(claim)()
      }
    })
  ],
  [
    'throws instead of giving a Task',
    'answers Left or Right, and goes on, whatever it is asked',
    (store) => ({ begin: (claim) => store.begin({ ...claim, key: claim.key.slice() }) })
  ],
  [
    'takes what is no text for a key that it has',
    'answers Left or Right, and goes on, whatever it is asked',
    (store) => ({
      begin: (claim) =>
        store.begin({ ...claim, key: typeof claim.key === 'string' ? claim.key : 'order 17', token: 'odd' })
    })
  ]
]

const lawOf = (fresh: (clock: Clock) => Resource<IdempotencyStore>, name: string): IdempotencyLaw => {
  const found = idempotencyLaws(fresh).find((law) => law.name === name)
  if (found === undefined) throw new Error(`no law ${name}`)
  return found
}

/** What a law says of a store that breaks it. */
const complaintOf = ({ run }: IdempotencyLaw): Promise<string> =>
  run().then(
    () => 'it is kept',
    (error: Error) => `${error.name}: ${error.message}`
  )

for (const [fault, name, change] of faults)
  laws(`find out a store that ${fault}`, async () => {
    assert.match(await complaintOf(lawOf(brokenBy(change), name)), /^BrokenLaw: /)
  })

const closing = 'answers also once it is closed: Left, or as before'

/** A store that is another one once it is closed. */
const closable =
  (closed: (store: IdempotencyStore) => Partial<IdempotencyStore>) =>
  (clock: Clock): Resource<IdempotencyStore> => {
    let isClosed = false
    const store = memoryIdempotency({ clock })
    const now = (): IdempotencyStore => (isClosed ? { ...store, ...closed(store) } : store)
    return Resource.make<IdempotencyStore>(
      'closable',
      async () =>
        right({
          begin: (claim) => async () => now().begin(claim)(),
          renew: (claim) => async () => now().renew(claim)(),
          finish: (claim) => async () => now().finish(claim)(),
          abandon: (claim) => async () => now().abandon(claim)()
        }),
      async () => void (isClosed = true)
    )
  }

laws('find out a store that rejects, or begins anything, once it is closed', async () => {
  const rejecting = closable(() => ({ abandon: () => async () => Promise.reject(new Error('closed')) }))
  assert.match(await complaintOf(lawOf(rejecting, closing)), 'abandon: it threw or rejected')
  const beginning = closable(() => ({ begin: () => async () => right({ _tag: 'Begun' }) }))
  assert.match(await complaintOf(lawOf(beginning, closing)), 'begin, once it is closed: expected InFlight')
  const finishing = closable(() => ({ finish: () => async () => right(true) }))
  assert.match(await complaintOf(lawOf(finishing, closing)), 'once it is closed: expected false, found true')
  const refusing = async () => left({ reason: 'closed' })
  const silent = closable(() => ({ begin: () => refusing, renew: () => refusing, finish: () => refusing }))
  assert.is(await complaintOf(lawOf(silent, closing)), 'it is kept')
})

laws('find out a store that is Left without need', async () => {
  for (const { name, run } of idempotencyLaws(
    brokenBy(() => ({ begin: () => async () => left({ reason: 'no' }) }))
  ))
    assert.match(
      await complaintOf({ name, run }),
      "begin: it answered { _tag: 'Left', left: { reason: 'no' } }"
    )
})

laws('end all of them over a store that does not answer, and say what', async () => {
  for (const name of ['begin', 'renew', 'finish', 'abandon'] as const) {
    const silent = brokenBy(() => ({ [name]: () => () => new Promise(() => undefined) }))
    const said = await Promise.all(idempotencyLaws(silent, { deadlineMs: 50 }).map(complaintOf))
    assert.ok(said.includes(`BrokenLaw: ${name}: no answer within 50 ms`), said.join('\n'))
  }
})

laws('are broken all of them by one store or another', () => {
  const names = idempotencyLaws((clock) => Resource.of(memoryIdempotency({ clock }))).map(({ name }) => name)
  assert.is(new Set(names).size, names.length)
  assert.equal([...new Set([...faults.map(([, name]) => name), closing])].toSorted(), names.toSorted())
})

laws('ask for as much time as the store has', async () => {
  const brief = (clock: Clock) => Resource.of(memoryIdempotency({ clock, ttlMs: 1_000 }))
  const name = 'forgets what is finished when its time is over, counted from the finish'
  const lawFor = (ttlMs: number) => idempotencyLaws(brief, { ttlMs }).filter((law) => law.name === name)
  for (const law of lawFor(1_000)) assert.is(await complaintOf(law), 'it is kept')
  for (const law of [...lawFor(900), ...lawFor(1_100)]) assert.match(await complaintOf(law), /^BrokenLaw: /)
})

laws('say when a store cannot be opened or closed, and close what they opened', async () => {
  const refusing = Resource.make<IdempotencyStore>(
    'refusing',
    async () => left(resourceError('refusing', 'no disk')),
    async () => undefined
  )
  const [one] = idempotencyLaws(() => refusing)
  assert.is(await complaintOf(one as IdempotencyLaw), 'Error: the store cannot be opened: no disk')
  let open = 0
  const counted = (change: Break) => (clock: Clock) =>
    Resource.make<IdempotencyStore>(
      'counted',
      async () => {
        open += 1
        const store = memoryIdempotency({ clock })
        return right({ ...store, ...change(store, clock) })
      },
      async () => void (open -= 1)
    )
  const nothing: Break = () => ({})
  const failing: Break = () => ({ begin: () => async () => left({ reason: 'no' }) })
  for (const change of [nothing, failing])
    for (const law of idempotencyLaws(counted(change))) await complaintOf(law)
  assert.is(open, 0)
  const stuck = (clock: Clock) =>
    Resource.make(
      'stuck',
      async () => right(memoryIdempotency({ clock })),
      async () => Promise.reject(new Error('stuck'))
    )
  const [two] = idempotencyLaws(stuck)
  assert.is(await complaintOf(two as IdempotencyLaw), 'Error: the store cannot be closed: Error: stuck')
})

laws.run()
