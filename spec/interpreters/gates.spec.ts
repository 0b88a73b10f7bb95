import { pipe } from 'fp-ts/lib/function.js'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Event,
  type Message,
  type OpenGate,
  type OpenSource,
  type Outcome,
  Resource,
  type Verdict,
  ack,
  bytes,
  circuitBreaker,
  failed,
  handle,
  hook,
  message,
  nack,
  otherwise,
  rateLimit,
  receive,
  rejected,
  withDlq,
  withTimeout
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { type ConsumeOptions, consume, memory } from 'missive-ts/node'
import { right } from '../../lib/core/result.js'
import type { Source } from '../../lib/ports/source.js'
import { type VirtualClock, turn, virtualClock } from '../support/clock.js'

fc.configureGlobal({ includeErrorInReport: true })

const numbered = (count: number): readonly Message[] =>
  Array.from({ length: count }, (_, index) => message('', { id: String(index) }))

const waits = (clock: VirtualClock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve))

const running = (
  messages: readonly Message[],
  handler: (message: Message) => Promise<Verdict>,
  options: ConsumeOptions,
  clock: VirtualClock
) => {
  const stopping = new AbortController()
  const events: Event[] = []
  const processor = pipe(receive(bytes), handle(otherwise(handler)), withDlq(memoryDlq(), { clock }))
  const report = consume(memory(messages, { clock }), { ...options, clock })(processor)(
    stopping.signal,
    (event) => events.push(event)
  )()
  return { events, stop: () => stopping.abort(), report: () => clock.finish(report, 10_000_000) }
}

// rateLimit

const limiting = suite('rateLimit')

limiting('never lets more start than it says, and starts all as soon as it may', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 10, max: 1_000 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 0, max: 30 }),
      async (count, perMs, burst, messages, concurrency, durationMs) => {
        const clock = virtualClock()
        const starts: number[] = []
        const handler = async (): Promise<Verdict> => {
          starts.push(clock.monotonic())
          await waits(clock, durationMs)
          return ack
        }
        const gates = [rateLimit({ count, perMs, burst })]
        const report = await running(numbered(messages), handler, { gates, concurrency }, clock).report()
        assert.is(report.acked, messages)
        for (const [index, at] of starts.entries()) {
          const earlier = starts[index - burst]
          // Of burst + 1 starts in a row, the last comes after the time for one.
          if (earlier !== undefined) assert.ok(at - earlier >= perMs / count - 1e-6, starts.join())
        }
        const soonest = (Math.max(0, messages - burst) * perMs) / count
        const last = starts.at(-1) ?? 0
        assert.ok(last >= soonest - 1e-6)
        // Timers are whole milliseconds, and handlers may have been what it waited for.
        if (durationMs === 0) assert.ok(last <= soonest + messages + 1, `${last} ${soonest}`)
      }
    ),
    { numRuns: 200 }
  )
)

limiting('changes no outcome', async () => {
  const clock = virtualClock()
  const verdicts = [ack, nack({ afterMs: 5 }), failed(rejected('no'))]
  const handler = async ({ id, deliveryCount }: Message) =>
    deliveryCount > 1 ? ack : (verdicts[Number(id) % 3] as Verdict)
  const plain = await running(numbered(30), handler, {}, clock).report()
  const limited = await running(
    numbered(30),
    handler,
    { gates: [rateLimit({ count: 5, perMs: 100 })] },
    clock
  ).report()
  const { durationMs: _, storedIn: __, ...expected } = plain
  const { durationMs, storedIn: ___, ...actual } = limited
  assert.equal(actual, expected)
  assert.ok(durationMs >= 500)
})

limiting('does not hold up a stop', async () => {
  const clock = virtualClock()
  const { stop, report } = running(
    numbered(3),
    async () => ack,
    { gates: [rateLimit({ count: 1, perMs: 1_000_000 })] },
    clock
  )
  for (let turns = 0; turns < 10; turns += 1) await turn()
  stop()
  const { acked, released, durationMs } = await report()
  assert.equal([acked, released, durationMs], [1, 2, 0])
})

limiting('is refused with numbers that make no sense', () => {
  for (const options of [
    { count: 0, perMs: 1 },
    { count: 1, perMs: 0 },
    { count: NaN, perMs: 1 },
    { count: 1, perMs: 1, burst: 0 },
    { count: Infinity, perMs: 1 }
  ])
    assert.throws(
      () => rateLimit(options),
      (error: unknown) => error instanceof RangeError
    )
})

limiting.run()

// circuitBreaker

const breaking = suite('circuitBreaker')

breaking('starts nothing while it is open, tries one, and goes on when that is acked', async () => {
  const clock = virtualClock()
  const starts: string[] = []
  const handler = async ({ id }: Message): Promise<Verdict> => {
    starts.push(`${id} at ${clock.monotonic()}`)
    // The service is down for the first 2.5 s.
    if (clock.monotonic() < 2_500) throw new Error('down')
    return ack
  }
  const { events, report } = running(
    numbered(8),
    handler,
    { gates: [circuitBreaker({ failures: 3, openMs: 1_000 })] },
    clock
  )
  const { acked, deadLettered } = await report()
  assert.equal(starts, [
    '0 at 0',
    '1 at 0',
    '2 at 0',
    '3 at 1000',
    '4 at 2000',
    '5 at 3000',
    '6 at 3000',
    '7 at 3000'
  ])
  assert.equal([acked, deadLettered], [3, 5])
  assert.equal(
    events.filter(({ _tag }) => _tag === 'Paused'),
    []
  )
})

breaking('tries one at a time, whatever the concurrency', async () => {
  const clock = virtualClock()
  const starts: number[] = []
  const handler = async (): Promise<Verdict> => {
    starts.push(clock.monotonic())
    await waits(clock, 100)
    if (clock.monotonic() < 5_000) return nack({ afterMs: 10 })
    return ack
  }
  const gates = [circuitBreaker({ failures: 2, openMs: 1_000 })]
  const report = await running(numbered(10), handler, { gates, concurrency: 4 }, clock).report()
  assert.is(report.acked, 10)
  const probes = starts.filter((at) => at > 0 && at < 5_000)
  assert.ok(probes.length >= 3 && new Set(probes).size === probes.length, starts.join())
})

breaking('tries one at a time beside what was started before it opened', async () => {
  const clock = virtualClock()
  const starts: number[] = []
  const handler = async ({ id }: Message): Promise<Verdict> => {
    const index = Number(id)
    starts[index] = clock.monotonic()
    if (index >= 5) return waits(clock, 1_000).then(() => ack)
    if (index >= 3) throw new Error('down')
    await waits(clock, 150 + index * 30)
    return failed(rejected('no'))
  }
  const gates = [circuitBreaker({ failures: 1, openMs: 100 })]
  const report = await running(numbered(9), handler, { gates, concurrency: 5 }, clock).report()
  assert.equal([report.acked, report.deadLettered], [4, 5])
  assert.equal(starts.slice(5), [100, 1_100, 1_100, 1_100])
})

breaking('is not opened by what is the messages’ own fault', async () => {
  const clock = virtualClock()
  const gates = [circuitBreaker({ failures: 2, openMs: 1_000 })]
  const report = await running(numbered(20), async () => failed(rejected('no')), { gates }, clock).report()
  assert.equal([report.deadLettered, report.durationMs], [20, 0])
})

breaking('counts what it is told to count, in a row', async () => {
  const clock = virtualClock()
  const isFailure = ({ _tag }: Outcome) => _tag === 'DeadLettered'
  const handler = async ({ id }: Message): Promise<Verdict> =>
    Number(id) % 3 === 2 ? ack : failed(rejected('no'))
  const twice = await running(
    numbered(9),
    handler,
    { gates: [circuitBreaker({ failures: 3, openMs: 1_000, isFailure })] },
    clock
  ).report()
  assert.is(twice.durationMs, 0)
  const once = await running(
    numbered(9),
    handler,
    { gates: [circuitBreaker({ failures: 2, openMs: 1_000, isFailure })] },
    clock
  ).report()
  assert.is(once.durationMs, 3_000)
})

breaking('judges by itself where isFailure throws, which is told', async () => {
  const clock = virtualClock()
  const isFailure = (outcome: Outcome) => (outcome as any).failure.error.name === 'Busy'
  const handler = async ({ id }: Message): Promise<Verdict> =>
    id === '0' ? ack : id === '1' ? failed(rejected('no')) : nack({ afterMs: 10 })
  const gates = [circuitBreaker({ failures: 1, openMs: 60_000, isFailure })]
  const { events, stop, report } = running(numbered(5), handler, { gates, concurrency: 2 }, clock)
  clock.after(50, stop)
  const { acked, deadLettered, nacked } = await report()
  assert.equal([acked, deadLettered, nacked >= 1], [1, 1, true])
  assert.equal(
    events.flatMap((event) => (event._tag === 'GateFailed' ? [event.gate, event.error.name] : [])),
    ['circuitBreaker', 'TypeError']
  )
})

breaking('is refused with numbers that make no sense', () => {
  for (const options of [
    { failures: 0, openMs: 1 },
    { failures: 1.5, openMs: 1 },
    { failures: 1, openMs: 0 }
  ])
    assert.throws(
      () => circuitBreaker(options),
      (error: unknown) => error instanceof RangeError
    )
})

breaking.run()

// all gates

const gates = suite('gates')

gates('of one’s own are asked before each start, and told of each start and outcome', async () => {
  const clock = virtualClock()
  const log: string[] = []
  const started: unknown[] = []
  const own: OpenGate = () => ({
    name: 'own',
    closedMs: () => (clock.monotonic() < 500 ? 500 - clock.monotonic() : 0),
    onStart: (start) => {
      log.push('start')
      started.push(start)
    },
    onOutcome: ({ _tag }, start) => {
      log.push(_tag)
      assert.is(start, started.at(-1))
    }
  })
  const { report } = running(
    numbered(2),
    async () => ack,
    { gates: [own, rateLimit({ count: 1, perMs: 1 })] },
    clock
  )
  assert.is((await report()).acked, 2)
  assert.equal(log, ['start', 'Acked', 'start', 'Acked'])
  assert.is(new Set(started).size, 2)
  assert.ok(clock.monotonic() >= 500)
})

interface Sent {
  readonly durationMs: number
  readonly ends: 'ack' | 'nack' | 'fail' | 'throw'
}

const anySent: fc.Arbitrary<readonly Sent[]> = fc.array(
  fc.record({
    durationMs: fc.integer({ min: 0, max: 40 }),
    ends: fc.constantFrom('ack', 'ack', 'nack', 'fail', 'throw')
  }),
  { maxLength: 30 }
)

const anyGates = fc.record({
  count: fc.integer({ min: 1, max: 20 }),
  perMs: fc.integer({ min: 1, max: 200 }),
  failures: fc.integer({ min: 1, max: 4 }),
  openMs: fc.integer({ min: 1, max: 300 })
})

/** Messages that do as they are told, and are acked when they come back. */
const obeying =
  (sent: readonly Sent[], clock: VirtualClock, onStart: () => () => void = () => () => undefined) =>
  async ({ id, deliveryCount }: Message): Promise<Verdict> => {
    const { durationMs, ends } = sent[Number(id)] as Sent
    const onEnd = onStart()
    await waits(clock, durationMs)
    onEnd()
    if (deliveryCount > 1) return ack
    switch (ends) {
      case 'ack':
        return ack
      case 'nack':
        return nack({ afterMs: 10 })
      case 'fail':
        return failed(rejected('no'))
      case 'throw':
        throw new Error('down')
    }
  }

gates('change no outcome, whatever happens', () =>
  fc.assert(
    fc.asyncProperty(anySent, anyGates, fc.integer({ min: 1, max: 5 }), async (sent, limits, concurrency) => {
      const outcomes = async (gates: readonly OpenGate[]) => {
        const clock = virtualClock()
        const run = running(numbered(sent.length), obeying(sent, clock), { gates, concurrency }, clock)
        const { received, acked, nacked, failed, deadLettered, released, unsettled, ended } =
          await run.report()
        return { received, acked, nacked, failed, deadLettered, released, unsettled, ended }
      }
      assert.equal(await outcomes([rateLimit(limits), circuitBreaker(limits)]), await outcomes([]))
    }),
    { numRuns: 100 }
  )
)

gates('and order by key let nothing start after a stop, and no more at a time than they may', () =>
  fc.assert(
    fc.asyncProperty(
      anySent,
      anyGates,
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      fc.integer({ min: 0, max: 300 }),
      async (sent, limits, concurrency, isOrdered, stopMs) => {
        const clock = virtualClock()
        let active = 0
        let isStopped = false
        const handler = obeying(sent, clock, () => {
          assert.is(isStopped, false)
          active += 1
          assert.ok(active <= concurrency)
          return () => void (active -= 1)
        })
        const options: ConsumeOptions = {
          concurrency,
          gates: [rateLimit(limits), circuitBreaker(limits)],
          ...(isOrdered && { orderBy: ({ id }: Message) => Number(id) % 3 })
        }
        const { stop, report } = running(numbered(sent.length), handler, options, clock)
        clock.after(stopMs, () => {
          isStopped = true
          stop()
        })
        const { received, acked, nacked, deadLettered, released, unsettled } = await report()
        assert.is(received, acked + nacked + deadLettered + released)
        assert.equal([unsettled, active], [0, 0])
      }
    ),
    { numRuns: 200 }
  )
)

/** What a gate does when it is asked or told: the part that is said fails, the others let all through. */
const failing = (part: 'closedMs' | 'onStart' | 'onOutcome', fail: () => unknown): OpenGate => {
  const gate = { name: 'own', closedMs: () => 0, onStart: () => undefined, onOutcome: () => undefined }
  return () => ({ ...gate, [part]: fail })
}

const throws = (): never => {
  throw new Error('gone')
}

gates(
  'that stop the run start nothing more, and neither does an order that does: each message has one end',
  async () => {
    for (const place of ['closedMs', 'onStart', 'orderBy'] as const) {
      const clock = virtualClock()
      const handled: string[] = []
      let asked = 0
      const stopping = (): number => {
        if ((asked += 1) === 3) stop()
        return 0
      }
      const handler = async ({ id }: Message): Promise<Verdict> => {
        handled.push(id)
        return ack
      }
      const options: ConsumeOptions =
        place === 'orderBy' ? { orderBy: stopping } : { gates: [failing(place, stopping)] }
      const { stop, report } = running(numbered(6), handler, options, clock)
      const { acked, released, ended } = await report()
      assert.equal([acked, released, ended], [handled.length, 6 - handled.length, { _tag: 'Aborted' }], place)
      assert.equal(handled, ['0', '1'].slice(0, handled.length), place)
    }
  }
)

gates('that throw or reject hold up nothing, and the first error of each is told', async () => {
  for (const part of ['closedMs', 'onStart', 'onOutcome'] as const)
    for (const fail of [throws, async () => throws()])
      for (const concurrency of [1, 3]) {
        const clock = virtualClock()
        const all = [failing(part, fail), rateLimit({ count: 1, perMs: 10, burst: 1 })]
        const { events, report } = running(numbered(5), async () => ack, { gates: all, concurrency }, clock)
        const { acked, ended, durationMs } = await report()
        assert.equal([acked, ended, durationMs], [5, { _tag: 'Drained' }, 40])
        const told = events.flatMap((event) =>
          event._tag === 'GateFailed' ? [[event.gate, event.error.message]] : []
        )
        assert.equal(told, [['own', 'gone']], part)
      }
})

gates('that cannot be opened are why a run does not start, and its source is closed', async () => {
  let isClosed = false
  const watched = (source: Source): Resource<Source> =>
    Resource.make(
      'the source',
      async () => right(source),
      async () => void (isClosed = true)
    )
  const source: OpenSource = (limits) => Resource.flatMap(watched)(memory(numbered(1))(limits))
  const processor = pipe(receive(bytes), handle(otherwise(async () => ack)))
  const run = consume(source, { onFailed: 'report', gates: [throws] })
  const { ended } = await run(processor)(new AbortController().signal)()
  assert.ok(ended._tag === 'NotStarted' && ended.error.message === 'gone')
  assert.ok(isClosed)
})

gates('say who holds the run up', async () => {
  const clock = virtualClock()
  const gates = [rateLimit({ count: 1, perMs: 20_000 })]
  const { events, report } = running(numbered(2), async () => ack, { gates }, clock)
  await report()
  const paused = events.flatMap((event) => (event._tag === 'Measured' ? [event.gauges.pausedBy] : []))
  assert.equal(paused.slice(0, 3), ['rateLimit', 'rateLimit', 'rateLimit'])
})

gates.run()

// handlers that hang

const hanging = suite('handlers that do not end')

const stuck = (clock: VirtualClock) =>
  pipe(
    receive(bytes),
    handle(otherwise(() => new Promise<Verdict>(() => undefined))),
    withTimeout(100, { graceMs: 50, clock }),
    withDlq(memoryDlq(), { clock })
  )

hanging('end the run where there are too many of them', async () => {
  const clock = virtualClock()
  const report = await clock.finish(
    consume(memory(numbered(100), { clock }), { maxAbandoned: 3, concurrency: 2, clock })(stuck(clock))(
      new AbortController().signal
    )(),
    1_000_000
  )
  assert.is(report.ended._tag, 'TooManyAbandoned')
  assert.ok(report.deadLettered >= 3 && report.deadLettered <= 4)
  assert.is(report.received, report.deadLettered + report.released)
})

hanging('are counted where an outer limit gives them up, and where it is a hook that hangs', async () => {
  const clock = virtualClock()
  const forever = () => new Promise<never>(() => undefined)
  const limited = withTimeout(100, { graceMs: 50, clock })
  const stuckHandler = pipe(
    receive(bytes),
    handle(otherwise(forever)),
    withTimeout(1_000, { clock }),
    limited
  )
  const stuckHook = pipe(receive(bytes), hook('db', forever), handle(otherwise(async () => ack)), limited)
  for (const processor of [stuckHandler, stuckHook]) {
    const source = memory(numbered(20), { clock })
    const run = consume(source, { maxAbandoned: 3, onFailed: 'report', clock })
    const report = await clock.finish(run(processor)(new AbortController().signal)(), 1_000_000)
    assert.equal([report.ended, report.failed], [{ _tag: 'TooManyAbandoned', count: 3 }, 3])
  }
})

hanging('are counted no more once they end after all', async () => {
  const clock = virtualClock()
  const processor = pipe(
    receive(bytes),
    handle(
      otherwise(async () => {
        await waits(clock, 160)
        return ack
      })
    ),
    withTimeout(100, { graceMs: 50, clock }),
    withDlq(memoryDlq(), { clock })
  )
  const report = await clock.finish(
    consume(memory(numbered(20), { clock }), { maxAbandoned: 2, clock })(processor)(
      new AbortController().signal
    )(),
    1_000_000
  )
  assert.equal([report.ended._tag, report.deadLettered], ['Drained', 20])
})

hanging.run()
