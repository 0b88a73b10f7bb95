import { pipe } from 'fp-ts/lib/function.js'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Message,
  type OpenSource,
  type Processor,
  type Verdict,
  Resource,
  ack,
  bytes,
  failed,
  handle,
  message,
  nack,
  otherwise,
  receive,
  rejected,
  withDlq,
  withMaxDeliveries
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { type ConsumeOptions, type OrderBy, consume, memory } from 'missive-ts/node'
import { right } from '../../lib/core/result.js'
import type { Delivery, Source } from '../../lib/ports/source.js'
import { sleep } from '../../lib/ports/waiting.js'
import { type VirtualClock, turn, virtualClock } from '../support/clock.js'

fc.configureGlobal({ includeErrorInReport: true })

const byKey: OrderBy = ({ headers }) => headers['key']

const keyed = (key: string | undefined, id: string): Message =>
  message(id, { id, headers: key === undefined ? {} : { key } })

const waits = (clock: VirtualClock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve))

const handled = (
  handler: (message: Message) => Promise<Verdict>,
  clock: VirtualClock,
  dlq = memoryDlq()
): Processor => pipe(receive(bytes), handle(otherwise(handler)), withDlq(dlq, { clock }))

const running = (
  source: OpenSource | readonly Message[],
  handler: (message: Message) => Promise<Verdict>,
  options: ConsumeOptions,
  clock: VirtualClock
) => {
  const stopping = new AbortController()
  const open = typeof source === 'function' ? source : memory(source, { clock })
  const report = consume(open, { orderBy: byKey, ...options, clock })(handled(handler, clock))(
    stopping.signal
  )()
  return { stop: () => stopping.abort(), report: () => clock.finish(report, 1_000_000) }
}

// laws

const laws = suite('orderBy: laws')

interface Sent {
  readonly key: string | undefined
  readonly durationMs: number
  /** How often it is nacked, and for how long. */
  readonly nacks: readonly number[]
  readonly ends: 'ack' | 'fail' | 'throw'
}

const anySent: fc.Arbitrary<Sent> = fc.record({
  key: fc.constantFrom('a', 'b', 'c', undefined),
  durationMs: fc.integer({ min: 0, max: 50 }),
  nacks: fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 2 }),
  ends: fc.constantFrom('ack', 'ack', 'fail', 'throw')
})

laws('messages of a key are handled one at a time and as they came, whatever they do', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(anySent, { maxLength: 40 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 5 }),
      async (sent, concurrency, maxHeldPerKey) => {
        const clock = virtualClock()
        const running_ = new Map<string, string>()
        const done: (readonly [string | undefined, string])[] = []
        const starts = new Map<string, number>()
        let active = 0
        const handler = async ({ id, headers, deliveryCount }: Message): Promise<Verdict> => {
          const key = headers['key']
          const { durationMs, nacks, ends } = sent[Number(id)] as Sent
          if (key !== undefined) {
            assert.is(running_.get(key), undefined)
            running_.set(key, id)
          }
          active += 1
          assert.ok(active <= concurrency)
          starts.set(id, (starts.get(id) ?? 0) + 1)
          assert.is(deliveryCount, starts.get(id))
          await waits(clock, durationMs)
          active -= 1
          if (key !== undefined) running_.delete(key)
          const again = nacks[deliveryCount - 1]
          if (again !== undefined) return nack({ afterMs: again })
          done.push([key, id])
          if (ends === 'throw') throw new Error('late')
          return ends === 'ack' ? ack : failed(rejected('late'))
        }
        const messages = sent.map(({ key }, index) => keyed(key, String(index)))
        const report = await running(messages, handler, { concurrency, maxHeldPerKey }, clock).report()
        assert.equal(report.ended, { _tag: 'Drained' })
        assert.is(report.acked + report.deadLettered, sent.length)
        for (const key of ['a', 'b', 'c'])
          assert.equal(
            done.filter(([each]) => each === key).map(([, id]) => id),
            messages.filter(({ headers }) => headers['key'] === key).map(({ id }) => id)
          )
        assert.is(done.length, sent.length)
      }
    ),
    { numRuns: 200 }
  )
)

laws.run()

// what it does

const ordered = suite('orderBy')

ordered('handles different keys side by side', async () => {
  const clock = virtualClock()
  const log: string[] = []
  const handler = async ({ id }: Message): Promise<Verdict> => {
    log.push(`${id} at ${clock.monotonic()}`)
    await waits(clock, 10)
    return ack
  }
  const messages = [
    keyed('a', 'a1'),
    keyed('a', 'a2'),
    keyed('b', 'b1'),
    keyed(undefined, 'c'),
    keyed(undefined, 'd')
  ]
  await running(messages, handler, { concurrency: 4 }, clock).report()
  assert.equal(log, ['a1 at 0', 'b1 at 0', 'c at 0', 'd at 0', 'a2 at 10'])
})

ordered('tries a nacked message again before the others of its key, and others do not wait', async () => {
  const clock = virtualClock()
  const log: string[] = []
  const handler = async ({ id, deliveryCount }: Message): Promise<Verdict> => {
    log.push(`${id} ${deliveryCount} at ${clock.monotonic()}`)
    return id === 'a1' && deliveryCount < 3 ? nack({ afterMs: 100 }) : ack
  }
  const messages = [keyed('a', 'a1'), keyed('a', 'a2'), keyed('b', 'b1')]
  const report = await running(messages, handler, {}, clock).report()
  assert.equal(log, ['a1 1 at 0', 'b1 1 at 0', 'a1 2 at 100', 'a1 3 at 200', 'a2 1 at 200'])
  assert.equal([report.received, report.acked, report.nacked], [5, 3, 2])
})

ordered('counts what is tried again, so that a limit of deliveries ends it', async () => {
  const clock = virtualClock()
  const dlq = memoryDlq()
  const processor = pipe(
    receive(bytes),
    handle(otherwise(async ({ id }) => (id === 'a1' ? nack({ afterMs: 10 }) : ack))),
    withMaxDeliveries(3),
    withDlq(dlq, { clock })
  )
  const source = memory([keyed('a', 'a1'), keyed('a', 'a2')], { clock })
  const report = await clock.finish(
    consume(source, { orderBy: byKey, clock })(processor)(new AbortController().signal)()
  )
  assert.equal([report.acked, report.deadLettered, report.nacked], [1, 1, 3])
  assert.is(dlq.letters()[0]?.failure._tag, 'TooManyDeliveries')
})

ordered('gives back what waits for its turn, and what waits to be tried again, when it stops', async () => {
  const clock = virtualClock()
  const settled: string[] = []
  const source: OpenSource = (limits) => ({
    open: async () => {
      const opened = await memory([keyed('a', 'a1'), keyed('a', 'a2')], { clock })(limits).open()
      if (opened._tag === 'Left') return opened
      const { value, close } = opened.right
      return right({
        close,
        value: {
          ...value,
          settle: (batch) => {
            for (const { delivery, action } of batch)
              settled.push(`${delivery.message.id} ${JSON.stringify(action)}`)
            return value.settle?.(batch) ?? (async () => [])
          }
        }
      })
    }
  })
  const { stop, report } = running(source, async () => nack({ afterMs: 60_000 }), {}, clock)
  for (let turns = 0; turns < 10; turns += 1) await turn()
  stop()
  const { released, nacked, ended } = await report()
  assert.equal([released, nacked, ended], [1, 1, { _tag: 'Aborted' }])
  assert.equal(settled.toSorted(), [
    'a1 {"_tag":"Retry","afterMs":60000}',
    'a2 {"_tag":"Release","started":false}'
  ])
})

/** A source of what a dead process left: each is alone, and is not started before the last one is settled. */
const ofSuspects =
  (open: OpenSource, clock: VirtualClock): OpenSource =>
  (limits) => {
    const settled = new Set<Delivery>()
    let last: Delivery | undefined
    const suspected = (source: Source): Source => ({
      ...source,
      pull: (max, signal) => async () => {
        const pulled = await source.pull(max, signal)()
        if (pulled._tag === 'Right' && pulled.right._tag === 'Batch')
          for (const delivery of pulled.right.items) Object.assign(delivery, { alone: true })
        return pulled
      },
      start: (delivery) => async () => {
        while (last !== undefined && !settled.has(last)) await sleep(clock, 1, new AbortController().signal)
        last = delivery
        return 'ok'
      },
      settle: (batch) => {
        for (const { delivery } of batch) settled.add(delivery)
        return source.settle?.(batch) ?? (async () => batch.map(() => 'ok'))
      }
    })
    return Resource.map(suspected)(open(limits))
  }

ordered('stops at once where the asking for a key stops the run', async () => {
  for (const at of [1, 2, 3, 4]) {
    const clock = virtualClock()
    const stopping = new AbortController()
    let asked = 0
    const orderBy = () => {
      if (++asked === at) stopping.abort()
      return 'k'
    }
    const handler = () => waits(clock, 10).then(() => ack)
    const source = memory(
      ['1', '2', '3', '4'].map((id) => keyed('k', id)),
      { clock }
    )
    const run = consume(source, { orderBy, concurrency: 2, clock })(handled(handler, clock))(stopping.signal)
    const { acked, released, durationMs } = await clock.finish(run())
    const started = at === 1 ? 0 : 1
    assert.equal([acked, released, durationMs], [started, 4 - started, started * 10], `asked ${at} times`)
  }
})

ordered('gives back what was started alone and is nacked, so that others need not wait for it', async () => {
  const clock = virtualClock()
  const log: string[] = []
  const handler = async ({ id, deliveryCount }: Message): Promise<Verdict> => {
    log.push(`${id} ${deliveryCount} at ${clock.monotonic()}`)
    return id === 'a1' && deliveryCount === 1 ? nack({ afterMs: 100 }) : ack
  }
  const source = ofSuspects(memory([keyed('a', 'a1'), keyed('b', 'b1')], { clock }), clock)
  const { received, acked, nacked } = await running(source, handler, { concurrency: 2 }, clock).report()
  assert.equal([received, acked, nacked], [3, 2, 1])
  assert.equal(log, ['a1 1 at 0', 'b1 1 at 0', 'a1 2 at 100'])
})

ordered('stops pulling while a key has as many waiting as it may, and goes on after', async () => {
  const clock = virtualClock()
  let pulled = 0
  const messages = function* (): Generator<Message> {
    for (let index = 0; index < 2_000; index += 1) {
      pulled += 1
      yield keyed('a', String(index))
    }
  }
  let isSlow = true
  let most = 0
  const handler = async (): Promise<Verdict> => {
    if (isSlow) {
      isSlow = false
      await waits(clock, 1_000)
      most = pulled
    }
    return ack
  }
  const source = memory(messages(), { clock })
  const report = await running(source, handler, { maxHeldPerKey: 10, maxUnsettled: 2_000 }, clock).report()
  assert.is(report.acked, 2_000)
  assert.ok(most <= 512, String(most))
})

ordered('puts those whose key cannot be had in one line', async () => {
  const clock = virtualClock()
  const log: string[] = []
  const noKey = (): never => {
    throw new Error('no key')
  }
  const odd: Readonly<Record<string, () => any>> = {
    a: noKey,
    b: () => 'b',
    c: async () => noKey(),
    d: () => ({})
  }
  const orderBy: OrderBy = ({ id }) => odd[id]?.()
  const handler = async ({ id }: Message): Promise<Verdict> => {
    log.push(`${id} at ${clock.monotonic()}`)
    await waits(clock, 10)
    return ack
  }
  await running(
    ['a', 'b', 'c', 'd'].map((id) => keyed('x', id)),
    handler,
    { orderBy, concurrency: 4 },
    clock
  ).report()
  assert.equal(log, ['a at 0', 'b at 0', 'c at 10', 'd at 20'])
})

ordered(
  'is refused where several processes are given messages of one key, unless that is said to be enough',
  async () => {
    const clock = virtualClock()
    const shared: OpenSource = (limits) =>
      Resource.map((source: any) => ({ ...source, traits: { ...source.traits, exclusive: false } }))(
        memory([keyed('a', 'a1')], { clock })(limits)
      )
    const refused = await running(shared, async () => ack, {}, clock).report()
    assert.is(refused.ended._tag, 'NotStarted')
    assert.match(JSON.stringify(refused.ended), /say scope: 'process'/)
    assert.is((await running(shared, async () => ack, { scope: 'process' }, clock).report()).acked, 1)
  }
)

ordered('is refused with numbers that make no sense', () => {
  for (const options of [{ maxHeldPerKey: 0 }, { maxHeldPerKey: 1.5 }, { maxAbandoned: 0 }])
    assert.throws(() => consume(memory([]), options), /maxHeldPerKey and maxAbandoned/)
})

ordered.run()
