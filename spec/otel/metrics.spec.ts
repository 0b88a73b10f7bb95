import { type Meter, metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import { pipe } from 'fp-ts/lib/function.js'
import {
  type Settled,
  ack,
  ackWith,
  byField,
  deadLettered,
  failed,
  handle,
  json,
  message,
  noMatch,
  receive,
  rejected,
  route,
  withDlq
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { type MetricsOptions, withMetrics } from 'missive-ts/otel'
import { virtualClock } from 'missive-ts/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

/** An SDK of its own, and what it has measured. */
const sdk = () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 31 - 1 })
  const provider = new MeterProvider({ readers: [reader] })
  return {
    provider,
    meter: provider.getMeter('spec'),
    measured: async (name: string) => {
      exporter.reset()
      await reader.forceFlush()
      const [resource] = exporter.getMetrics()
      const all = resource?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []
      const found = all.find(({ descriptor }) => descriptor.name === name)
      return {
        unit: found?.descriptor.unit,
        points: (found?.dataPoints ?? []).map(({ attributes, value }) => ({ attributes, value }))
      }
    },
    close: () => provider.shutdown()
  }
}

/** Acks what is placed, dead-letters what is not; each takes as long as its payload says. */
const shop = (options: MetricsOptions, clock = virtualClock()): Settled =>
  pipe(
    receive(json),
    handle(
      route(byField('type', 'placed'), async (body) => {
        const { ms } = body as unknown as { readonly ms: number }
        await new Promise<void>((resolve) => void clock.after(ms, resolve))
        return ack
      }),
      route(byField('type', 'late'), async () => failed(rejected('late', { private: 'hunter2' })))
    ),
    withDlq(memoryDlq()),
    withMetrics({ clock, ...options })
  )

const place = {
  'messaging.operation.name': 'process',
  'messaging.operation.type': 'process',
  'messaging.system': '_OTHER',
  'messaging.destination.name': 'test'
}
const placed = { ...place, 'missive.outcome': 'Acked' }
const stored = { ...place, 'missive.outcome': 'DeadLettered' }

const measuring = suite('withMetrics')

measuring('counts messages by place, route, outcome and kind of failure', async () => {
  const { meter, measured, close } = sdk()
  const clock = virtualClock()
  const processor = shop({ meter }, clock)
  for (const type of ['placed', 'late', 'placed', 'nobody'])
    await clock.finish(processor(message({ type, ms: 1 }))())
  const { points, unit } = await measured('messaging.client.consumed.messages')
  assert.is(unit, '{message}')
  const late = processor.description?.routes[1]?.label
  assert.equal(points, [
    { attributes: { ...placed, 'missive.route': processor.description?.routes[0]?.label }, value: 2 },
    { attributes: { ...stored, 'missive.route': late, 'error.type': 'Rejected' }, value: 1 },
    { attributes: { ...stored, 'error.type': 'NoMatch' }, value: 1 }
  ])
  await close()
})

measuring('measures how long they take, in seconds and in the advised buckets', async () => {
  const { meter, measured, close } = sdk()
  const clock = virtualClock()
  const processor = shop({ meter }, clock)
  for (const ms of [4, 30, 20_000]) await clock.finish(processor(message({ type: 'placed', ms }))())
  const { points, unit } = await measured('messaging.process.duration')
  assert.is(unit, 's')
  const { buckets, count, sum, max } = (points[0]?.value ?? {}) as {
    readonly buckets: { readonly boundaries: readonly number[]; readonly counts: readonly number[] }
    readonly count: number
    readonly sum?: number
    readonly max?: number
  }
  assert.equal([count, sum?.toFixed(3), max], [3, '20.034', 20])
  assert.equal(
    buckets.boundaries,
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
  )
  assert.equal(buckets.counts, [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
  await close()
})

measuring('knows how many are under way', async () => {
  const { meter, measured, close } = sdk()
  const clock = virtualClock()
  const processor = shop({ meter }, clock)
  const active = async () => (await measured('missive.process.active')).points
  const running = [1, 2].map((ms) => processor(message({ type: 'placed', ms }))())
  assert.equal(await active(), [{ attributes: place, value: 2 }])
  await clock.advance(1)
  assert.equal(await active(), [{ attributes: place, value: 1 }])
  await clock.finish(Promise.all(running))
  assert.equal(await active(), [{ attributes: place, value: 0 }])
  await close()
})

measuring('says what its user says of a place, and names no channel that a pattern stands for', async () => {
  const { meter, measured, close } = sdk()
  const processor = shop({ meter, attributes: () => ({ shop: 'north' }) })
  const raw = { _tag: 'Publication', server: 'redis:6379/0', channel: 'orders.17', pattern: 'orders.*' }
  await processor(message({}, { raw }))()
  assert.equal((await measured('missive.process.active')).points[0]?.attributes, {
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.system': 'redis',
    'messaging.destination.template': 'orders.*',
    'server.address': 'redis',
    'server.port': 6379,
    shop: 'north'
  })
  await close()
})

measuring('takes the global meter where none is given, once it is there', async () => {
  const { provider, measured, close } = sdk()
  const early = shop({})
  metrics.setGlobalMeterProvider(provider)
  const late = shop({})
  metrics.disable()
  await early(message({}))()
  await late(message({}))()
  assert.equal(
    (await measured('messaging.client.consumed.messages')).points.map(({ value }) => value),
    [1]
  )
  await close()
})

measuring.run()

// what fails

const failing = suite('outcomes')

const boom = (): never => {
  throw new Error('the meter is broken')
}

const outcomes = async (options: MetricsOptions) => {
  let calls = 0
  const processor = pipe(
    receive(json),
    handle(
      route(byField('type', 'done'), async () => {
        calls += 1
        return ackWith({ note: 'done' })
      }),
      route(byField('type', 'thrown'), async () => {
        calls += 1
        throw new Error('boom')
      })
    ),
    withMetrics(options)
  )
  const thrown = await processor(message({ type: 'thrown' }))()
  const missed = await processor(message({ type: 'nobody' }))()
  return [
    await processor(message({ type: 'done' }))(),
    thrown._tag === 'Failed' && thrown.failure._tag,
    missed._tag === 'Failed' && missed.failure._tag,
    calls
  ]
}
const expected = [ackWith({ note: 'done' }), 'Defect', noMatch()._tag, 2]

failing('are what they were without an SDK', async () => {
  assert.equal(await outcomes({}), expected)
})

const { meter } = sdk()
/** The meter, with a part in the place of its own. */
const meterWith = (parts: Partial<Meter>): Meter => Object.assign(Object.create(meter) as Meter, parts)

const broken: readonly (readonly [string, MetricsOptions])[] = [
  [
    'a meter that makes nothing',
    { meter: meterWith({ createCounter: boom, createHistogram: boom, createUpDownCounter: boom }) }
  ],
  [
    'instruments that measure nothing',
    {
      meter: meterWith({
        createCounter: () => ({ add: boom }),
        createHistogram: () => ({ record: boom }),
        createUpDownCounter: () => ({ add: boom })
      })
    }
  ],
  ['attributes', { meter, attributes: boom }],
  ['a clock', { meter, clock: { ...virtualClock(), monotonic: boom } }]
]
failing('are measured on a clock that is an object of a class, too', async () => {
  /** Asks itself for its time, as methods may. */
  class Seconds {
    private readonly seconds = 3
    readonly now = () => 0
    readonly after = () => () => undefined
    readonly random = () => 0.5
    monotonic(): number {
      return this.seconds * 1_000
    }
  }
  const measured: unknown[] = []
  const watched = meterWith({
    createCounter: () => ({ add: () => undefined }),
    createHistogram: () => ({ record: (value: unknown) => void measured.push(value) }),
    createUpDownCounter: () => ({ add: () => undefined })
  })
  await outcomes({ meter: watched, clock: new Seconds() })
  assert.equal(measured, [0, 0, 0])
})

for (const [what, options] of broken)
  failing(`are what they were in spite of ${what}`, async () => {
    assert.equal(await outcomes(options), expected)
  })

failing('stay what they are for a settled processor, which stays one', async () => {
  const processor: Settled = shop({})
  assert.is(processor.settled, true)
  assert.equal(
    await processor(message({ type: 'late' }))(),
    deadLettered(rejected('late', { private: 'hunter2' }))
  )
  assert.equal(processor.description?.combinators, ['withDlq', 'withMetrics'])
})

failing.run()
