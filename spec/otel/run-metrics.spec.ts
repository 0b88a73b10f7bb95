import type { BatchObservableCallback, Meter } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import { pipe } from 'fp-ts/lib/function.js'
import {
  type Event,
  type Gauges,
  deadLettered,
  defect,
  failed,
  handle,
  message,
  receive,
  rejected,
  text
} from 'missive-ts'
import { consume, memory } from 'missive-ts/node'
import { metricsOf } from 'missive-ts/otel'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

/** An SDK of its own, and all that it has measured, as lines. */
const sdk = (temporality = AggregationTemporality.CUMULATIVE) => {
  const exporter = new InMemoryMetricExporter(temporality)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 31 - 1 })
  const provider = new MeterProvider({ readers: [reader] })
  return {
    meter: provider.getMeter('spec'),
    lines: async (): Promise<readonly string[]> => {
      exporter.reset()
      await reader.forceFlush()
      return exporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .flatMap(({ metrics }) => metrics)
        .flatMap(({ descriptor, dataPoints }) =>
          dataPoints.map(({ attributes, value }) =>
            [descriptor.name, ...Object.entries(attributes).map(String), JSON.stringify(value)].join(' ')
          )
        )
    },
    close: () => provider.shutdown()
  }
}

const gauges: Gauges = { unsettled: 3, inFlight: 2, isPaused: false, abandoned: 1 }

const telling = suite('metricsOf')

telling('shows the gauges that were told last, and nothing before', async () => {
  const { meter, lines, close } = sdk()
  const watched = metricsOf({ meter })
  assert.equal(await lines(), [])
  watched({ _tag: 'Measured', gauges: { ...gauges, inFlight: 1 } })
  watched({
    _tag: 'Measured',
    gauges: {
      ...gauges,
      lag: 7,
      pending: 6,
      parked: 5,
      oldestPendingMs: 1_500,
      lost: 4,
      reconnects: 3,
      heldByKey: 2
    }
  })
  assert.equal(await lines(), [
    'missive.source.lag 7',
    'missive.source.pending 6',
    'missive.source.parked 5',
    'missive.source.oldest_pending 1.5',
    'missive.source.lost 4',
    'missive.source.reconnects 3',
    'missive.run.unsettled 3',
    'missive.run.in_flight 2',
    'missive.run.abandoned 1',
    'missive.run.held_by_key 2',
    'missive.run.paused 0'
  ])
  await close()
})

telling(
  'leaves out what the source does not know, and says whether nothing is started, by the queue or a gate',
  async () => {
    const { meter, lines, close } = sdk()
    const watched = metricsOf({ meter, attributes: { 'missive.run': 'orders' } })
    const paused = async (more: Partial<Gauges>) => {
      watched({ _tag: 'Measured', gauges: { ...gauges, ...more } })
      return (await lines()).filter((line) => line.startsWith('missive.run.paused'))
    }
    const line = 'missive.run.paused missive.run,orders'
    assert.equal(await paused({ isPaused: true, pausedBy: 'dlq' }), [`${line} 1`])
    assert.equal(await paused({ pausedBy: 'rateLimit' }), [`${line} 1`])
    assert.equal(await paused({}), [`${line} 0`])
    assert.equal(
      (await lines()).map((line) => line.split(' ')[0]),
      ['unsettled', 'in_flight', 'abandoned', 'paused'].map((name) => `missive.run.${name}`)
    )
    await close()
  }
)

const events: readonly Event[] = [
  { _tag: 'Ready', inFlight: () => [] },
  { _tag: 'Reported', id: '1', outcome: deadLettered(rejected('hunter2')) },
  { _tag: 'Reported', id: '2', outcome: failed(defect('hunter2', new Error('hunter2'))) },
  { _tag: 'Lost', id: '3' },
  { _tag: 'Trimmed', stream: 'orders', count: 2 },
  { _tag: 'Dropped', count: 3 },
  { _tag: 'Gap', durationMs: 250 },
  { _tag: 'Gap', durationMs: 500 },
  { _tag: 'GroupLost', stream: 'orders', group: 'billing', from: '0' },
  { _tag: 'Refused', status: 413, path: '/hunter2', reason: 'hunter2' },
  { _tag: 'Reconnected', afterMs: 10 },
  { _tag: 'Draining', inFlight: 1 }
]

telling('counts what happens, by what has few values', async () => {
  const { meter, lines, close } = sdk()
  const watched = metricsOf({ meter })
  for (const event of events) watched(event)
  assert.equal(await lines(), [
    'missive.run.events missive.event,Reported missive.outcome,DeadLettered error.type,Rejected 1',
    'missive.run.events missive.event,Reported missive.outcome,Failed error.type,Defect 1',
    'missive.run.events missive.event,Lost 1',
    'missive.run.events missive.event,Trimmed 1',
    'missive.run.events missive.event,Dropped 1',
    'missive.run.events missive.event,Gap 2',
    'missive.run.events missive.event,GroupLost 1',
    'missive.run.events missive.event,Refused http.response.status_code,413 1',
    'missive.run.events missive.event,Reconnected 1',
    'missive.run.gap 0.75'
  ])
  await close()
})

telling('observes and counts nothing any more once it is unregistered', async () => {
  const { meter, lines, close } = sdk(AggregationTemporality.DELTA)
  const [one, other] = ['one', 'other'].map((run) => metricsOf({ meter, attributes: { run } }))
  const measured: Event = { _tag: 'Measured', gauges }
  one?.(measured)
  other?.(measured)
  const runs = async () => (await lines()).filter((line) => line.startsWith('missive.run.in_flight'))
  assert.equal(await runs(), ['missive.run.in_flight run,one 2', 'missive.run.in_flight run,other 2'])
  one?.unregister()
  one?.unregister()
  one?.(measured)
  one?.({ _tag: 'Lost', id: '1' })
  assert.equal(await runs(), ['missive.run.in_flight run,other 2'])
  assert.equal(
    (await lines()).filter((line) => line.includes('Lost')),
    []
  )
  await close()
})

const running = (onEvent: (event: Event) => void) =>
  consume(memory([message('Hello')]), { onEvent, onFailed: 'report' })(pipe(receive(text), handle()))(
    new AbortController().signal
  )()

telling('is told by a run', async () => {
  const { meter, lines, close } = sdk()
  const watched = metricsOf({ meter })
  assert.is((await running(watched)).failed, 1)
  assert.ok(
    (await lines()).includes(
      'missive.run.events missive.event,Reported missive.outcome,Failed error.type,NoMatch 1'
    )
  )
  watched.unregister()
  await close()
})

telling('never throws: not without an SDK, and not where the meter or its instruments do', async () => {
  const { meter, close } = sdk()
  const boom = (): never => {
    throw new Error('the meter is broken')
  }
  const observed: BatchObservableCallback[] = []
  const instruments = ['createObservableGauge', 'createObservableCounter', 'createCounter'] as const
  const callbacks = ['addBatchObservableCallback', 'removeBatchObservableCallback'] as const
  const broken = [...instruments, ...callbacks].map((part) => ({ [part]: boom }))
  const observing: Meter['addBatchObservableCallback'] = (observe) => void observed.push(observe)
  const parts: readonly Partial<Meter>[] = [
    ...broken,
    { createCounter: () => ({ add: boom }) },
    { addBatchObservableCallback: observing }
  ]
  const all = parts.map((part) => metricsOf({ meter: Object.assign(Object.create(meter) as Meter, part) }))
  for (const watched of [...all, metricsOf()]) {
    for (const event of [...events, { _tag: 'Measured', gauges } as const]) watched(event)
    assert.is((await running(watched)).failed, 1)
    for (const observe of observed) await observe({ observe: boom })
    watched.unregister()
  }
  assert.is(observed.length, 1)
  await close()
})

telling.run()
