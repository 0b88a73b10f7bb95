import { pipe } from 'fp-ts/lib/function.js'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withDedupe } from '../../lib/combinators/dedupe.js'
import { withTimeout } from '../../lib/combinators/timeout.js'
import { defect, rejected, timedOut } from '../../lib/core/failure.js'
import { bytes } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { type Message, interruption, message } from '../../lib/core/message.js'
import {
  type Outcome,
  type Verdict,
  ack,
  ackWith,
  deadLettered,
  failed,
  nack,
  released
} from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import type { Processor } from '../../lib/core/processor.js'
import { left, right } from '../../lib/core/result.js'
import { memoryIdempotency } from '../../lib/idempotency/memory.js'
import { otherwise } from '../../lib/matchers/route.js'
import type { IdempotencyState, IdempotencyStore } from '../../lib/ports/idempotency.js'
import { type VirtualClock, turn, virtualClock } from '../support/clock.js'

fc.configureGlobal({ includeErrorInReport: true })

const byKey = ({ headers }: Message): string | undefined => headers['key']

const keyed = (key: string | undefined, id = 'test', fields: object = {}): Message =>
  message('', { id, headers: key === undefined ? {} : { key }, ...fields })

const waits = (clock: VirtualClock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve))

const deduped = (
  handler: (message: Message) => Promise<Verdict>,
  {
    clock = virtualClock(),
    store = memoryIdempotency({ clock }),
    leaseMs = 3_000
  }: { readonly clock?: VirtualClock; readonly store?: IdempotencyStore; readonly leaseMs?: number } = {}
): Processor => pipe(receive(bytes), handle(otherwise(handler)), withDedupe(store, byKey, clock, { leaseMs }))

const note = 'it was handled before'
const before = ackWith({ note })

const never = (): Promise<Verdict> => {
  throw new Error('it was handled')
}

const dedupe = suite('withDedupe')

dedupe('a key that is no text fails its message, also where that comes back', async () => {
  const clock = virtualClock()
  for (const [key, type] of [
    [17, 'number'],
    [null, 'null'],
    [Promise.reject(new Error('late')), 'object']
  ] as const) {
    const processor = pipe(
      receive(bytes),
      handle(otherwise(never)),
      withDedupe(memoryIdempotency({ clock }), (() => key) as never, clock, {})
    )
    const outcome = await processor(message(''))()
    const words = `gave a key of type ${type}; give text, or undefined for none`
    assert.match(JSON.stringify(outcome), JSON.stringify(words).slice(1, -1))
    assert.is(outcome._tag, 'Failed')
  }
})

dedupe('lets through what is to be stored only, while its first attempt goes on', async () => {
  let passes = 0
  const inner: Processor = () => () => {
    passes += 1
    return passes === 1 ? new Promise<Outcome>(() => undefined) : Promise.resolve(deadLettered(failure))
  }
  const processor = withDedupe(memoryIdempotency(), byKey, virtualClock(), {})(inner)
  const failure = rejected('deadline-passed')
  const delivered = keyed('a')
  void processor(delivered)()
  await turn()
  delivered.trace.unstored = { startedAt: 0, durationMs: 0, failure }
  assert.equal(await processor(delivered)(), deadLettered(failure))
})

dedupe('refuses a store that is not open, and a key that is no function, when it is built', () => {
  const refused = (store: unknown, keyOf: unknown): void =>
    assert.throws(
      () => withDedupe(store as never, keyOf as never, virtualClock(), {}),
      (error: unknown) => error instanceof TypeError && error.message.startsWith('withDedupe: give ')
    )
  refused({ open: async () => right({}) }, byKey)
  refused(undefined, byKey)
  refused(memoryIdempotency(), 'id')
})

dedupe('acks what was acked before, and does not handle it again', async () => {
  const handled: string[] = []
  const processor = deduped(async ({ id }) => {
    handled.push(id)
    return ackWith({ note: 'done' })
  })
  const outcomes: Outcome[] = []
  for (const [key, id] of [
    ['a', '1'],
    ['a', '2'],
    ['b', '3'],
    [undefined, '4'],
    [undefined, '5']
  ] as const)
    outcomes.push(await processor(keyed(key, id))())
  const done = ackWith({ note: 'done' })
  assert.equal(outcomes, [done, before, done, done, done])
  assert.equal(handled, ['1', '3', '4', '5'])
})

dedupe('handles again what was not acked: failures, nacks, throws, what was released', async () => {
  const results: readonly (() => Verdict)[] = [
    () => failed(rejected('no')),
    () => nack(),
    () => {
      throw new Error('late')
    },
    () => ack
  ]
  let calls = 0
  const processor = deduped(async () => (results[calls++] ?? nack)())
  const tags: string[] = []
  for (let time = 0; time < 5; time += 1) tags.push((await processor(keyed('a'))())._tag)
  assert.equal([tags, calls], [['Failed', 'Nacked', 'Failed', 'Acked', 'Acked'], 4])
})

dedupe('waits for the one that is handled here, and is acked only if that was', async () => {
  const clock = virtualClock()
  let calls = 0
  const processor = deduped(
    async () => {
      calls += 1
      await waits(clock, 100)
      return calls === 1 ? failed(rejected('no')) : ack
    },
    { clock }
  )
  const all = Promise.all(['1', '2', '3'].map((id) => processor(keyed('a', id))()))
  assert.equal(await clock.finish(all), [failed(rejected('no')), ack, before])
  assert.is(calls, 2)
})

dedupe('is nacked, or waits, while another process handles it', async () => {
  const clock = virtualClock()
  const store = memoryIdempotency({ clock })
  const there = deduped(
    async () => {
      await waits(clock, 2_500)
      return ack
    },
    { clock, store }
  )
  const here = deduped(never, { clock, store })
  const first = there(keyed('a'))()
  for (let turns = 0; turns < 10; turns += 1) await turn()
  assert.equal(await here(keyed('a'))(), nack({ reason: 'it is being handled elsewhere', afterMs: 1_000 }))
  const waiting = here(keyed('a', '2', { redelivers: false }))()
  assert.equal(await clock.finish(Promise.all([first, waiting])), [ack, before])
})

dedupe('waits no longer than it is wanted', async () => {
  const clock = virtualClock()
  const store: IdempotencyStore = {
    ...memoryIdempotency({ clock }),
    begin: () => async () => right<IdempotencyState>({ _tag: 'InFlight', leftMs: 60_000 })
  }
  const stopping = new AbortController()
  const waiting = deduped(async () => ack, { clock, store })(
    keyed('a', '1', { redelivers: false, signal: stopping.signal })
  )()
  for (let turns = 0; turns < 10; turns += 1) await turn()
  stopping.abort(interruption('shutdown'))
  assert.equal(await waiting, released('shutdown'))
})

dedupe('waits for the one that is handled here no longer than it is wanted', async () => {
  const clock = virtualClock()
  const slow = async () => {
    await waits(clock, 100)
    return ack
  }
  const processor = deduped(slow, { clock })
  const first = processor(keyed('a'))()
  const stopping = new AbortController()
  const waiting = processor(keyed('a', '2', { signal: stopping.signal }))()
  await turn()
  stopping.abort(interruption('shutdown'))
  assert.equal(await waiting, released('shutdown'))
  assert.equal(await clock.finish(first), ack)
})

dedupe('waits for one after the other by one listener of its signal', async () => {
  const stopping = new AbortController()
  let listeners = 0
  const { signal } = stopping
  const add = signal.addEventListener.bind(signal)
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    listeners += 1
    add(...given)
  }
  const processor = deduped(async () => failed(rejected('no')))
  const others = ['1', '2', '3', '4', '5'].map((id) => processor(keyed('a', id))())
  const last = processor(keyed('a', '6', { signal }))()
  await Promise.all([...others, last])
  assert.is(listeners, 1)
})

dedupe('asks no more once a limit around it has ended', async () => {
  const clock = virtualClock()
  let asked = 0
  const store: IdempotencyStore = {
    ...memoryIdempotency({ clock }),
    begin: () => async () => {
      asked += 1
      return right<IdempotencyState>(asked > 10 ? { _tag: 'Begun' } : { _tag: 'InFlight', leftMs: 60_000 })
    }
  }
  const limited = withTimeout(1_500, 500, clock)(deduped(never, { clock, store }))
  const waiting = limited(keyed('a', '1', { redelivers: false }))()
  assert.equal(await clock.finish(waiting), failed(timedOut(1_500)))
  assert.equal([asked, clock.waiting()], [2, []])
})

dedupe('does not begin after another one of its key once a limit around it has ended', async () => {
  const clock = virtualClock()
  const handled: string[] = []
  const processor = deduped(
    async ({ id }) => {
      handled.push(id)
      await waits(clock, 1_000)
      return nack()
    },
    { clock }
  )
  const first = processor(keyed('a', '1'))()
  const second = withTimeout(900, 500, clock)(processor)(keyed('a', '2'))()
  assert.equal(await clock.finish(Promise.all([first, second])), [nack(), failed(timedOut(900))])
  assert.equal(handled, ['1'])
})

dedupe('handles each message whose key is an empty text, as it is none', async () => {
  const handled: string[] = []
  const processor = deduped(async ({ id }) => {
    handled.push(id)
    return ack
  })
  const outcomes = await Promise.all(['1', '2'].map((id) => processor(keyed('', id))()))
  assert.equal(
    [outcomes, handled],
    [
      [ack, ack],
      ['1', '2']
    ]
  )
})

dedupe('keeps its key for as long as it takes', async () => {
  const clock = virtualClock()
  const store = memoryIdempotency({ clock })
  const slow = deduped(
    async () => {
      await waits(clock, 10_000)
      return ack
    },
    { clock, store }
  )
  const other = deduped(never, { clock, store })
  const first = slow(keyed('a'))()
  await clock.advance(9_000)
  assert.is((await other(keyed('a'))())._tag, 'Nacked')
  assert.equal(await clock.finish(first), ack)
  assert.equal(clock.waiting(), [])
})

dedupe('is nacked while its store does not answer, or fails where that would lose it', async () => {
  const reason = 'the store of what was done does not answer: disk full'
  const stores: readonly Partial<IdempotencyStore>[] = [
    { begin: () => async () => left({ reason: 'disk full' }) },
    { begin: () => () => Promise.reject(new Error('disk full')) }
  ]
  for (const broken of stores) {
    const store = { ...memoryIdempotency(), ...broken }
    const processor = deduped(never, { store })
    assert.equal(await processor(keyed('a'))(), nack({ reason, afterMs: 1_000 }))
    const lost = await processor(keyed('a', '1', { redelivers: false }))()
    assert.ok(lost._tag === 'Failed' && lost.failure._tag === 'Defect')
    assert.is(lost.failure.message, reason)
  }
})

dedupe('is acked though its store does not take the mark', async () => {
  for (const finish of [
    () => async () => left({ reason: 'disk full' }),
    () => () => Promise.reject(new Error('disk full')),
    () => async () => right(false)
  ]) {
    const store: IdempotencyStore = { ...memoryIdempotency(), finish }
    assert.equal(await deduped(async () => ack, { store })(keyed('a'))(), ack)
  }
})

dedupe('fails where the key cannot be had', async () => {
  const thrown = new Error('no key')
  const processor = pipe(
    receive(bytes),
    handle(otherwise(async () => ack)),
    withDedupe(
      memoryIdempotency(),
      () => {
        throw thrown
      },
      virtualClock(),
      {}
    )
  )
  assert.equal(await processor(keyed('a'))(), failed(defect('withDedupe', thrown)))
  assert.throws(() => withDedupe(memoryIdempotency(), byKey, virtualClock(), { leaseMs: 0 }), /leaseMs/)
})

dedupe('loses no message whose first handling failed at any point, and handles none twice at a time', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          key: fc.constantFrom('a', 'b', undefined),
          process: fc.integer({ min: 0, max: 2 }),
          atMs: fc.integer({ min: 0, max: 500 }),
          takesMs: fc.integer({ min: 0, max: 300 }),
          ends: fc.constantFrom('ack', 'ack', 'fail', 'throw', 'nack', 'storeFails')
        }),
        { maxLength: 20 }
      ),
      async (sent) => {
        const clock = virtualClock()
        const memory = memoryIdempotency({ clock })
        let isBroken = false
        const store: IdempotencyStore = {
          ...memory,
          finish: (claim) => () =>
            isBroken ? Promise.resolve(left({ reason: 'broken' })) : memory.finish(claim)()
        }
        const active = new Map<string, number>()
        const acked = new Map<string, number>()
        const handler = async ({ id, headers }: Message): Promise<Verdict> => {
          const { takesMs, ends } = sent[Number(id)] as (typeof sent)[number]
          const { key } = headers
          if (key !== undefined) {
            assert.is(active.get(key) ?? 0, 0)
            active.set(key, 1)
          }
          await waits(clock, takesMs)
          if (key !== undefined) active.set(key, 0)
          if (ends === 'throw') throw new Error('late')
          if (ends === 'fail') return failed(rejected('late'))
          if (ends === 'nack') return nack()
          isBroken = ends === 'storeFails'
          if (key !== undefined && !isBroken) acked.set(key, (acked.get(key) ?? 0) + 1)
          return ack
        }
        const processes = [0, 1, 2].map(() => deduped(handler, { clock, store }))
        const outcomes = await clock.finish(
          Promise.all(
            sent.map(async ({ key, process, atMs }, index) => {
              await waits(clock, atMs)
              return (processes[process] as Processor)(keyed(key, String(index)))()
            })
          ),
          100_000
        )
        for (const [index, outcome] of outcomes.entries()) {
          const { key } = sent[index] as (typeof sent)[number]
          // Acked on the strength of another only if there is one that was acked.
          if (outcome._tag === 'Acked' && outcome.note === note)
            assert.ok(
              sent.some((other, at) => other.key === key && outcomes[at]?._tag === 'Acked' && at !== index)
            )
        }
        for (const count of acked.values()) assert.is(count, 1)
        assert.equal(clock.waiting(), [])
      }
    ),
    { numRuns: 200 }
  )
)

dedupe.run()
