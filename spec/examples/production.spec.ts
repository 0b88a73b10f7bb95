import { metrics, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { pipe } from 'fp-ts/lib/function.js'
import { type Event, type LogFields, type Logger, type Report, Resource, health } from 'missive-ts'
import { metricsOf } from 'missive-ts/otel'
import { redisDlq, redisIdempotency } from 'missive-ts/redis'
import * as assert from 'uvu/assert'
import { type Bank, charging, payments } from '../../examples/production.js'
import { until, within } from '../support/deadline.js'
import { withRedis } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

const example = redisSuite('examples/production.ts')

// the SDK, before anything asks for a tracer or a meter

const spans = new InMemorySpanExporter()
const traces = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
const points = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const meters = new MeterProvider({
  readers: [new PeriodicExportingMetricReader({ exporter: points, exportIntervalMillis: 3_600_000 })]
})
traces.register()
metrics.setGlobalMeterProvider(meters)

example.after(async () => {
  await Promise.all([traces.shutdown(), meters.shutdown()])
  trace.disable()
  metrics.disable()
})

/** The sums of a counter, by an attribute. */
const sumsOf = async (name: string, by: string): Promise<Readonly<Record<string, number>>> => {
  points.reset()
  await meters.forceFlush()
  const found = points
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
    .filter(({ descriptor }) => descriptor.name === name)
    .flatMap(({ dataPoints }): readonly DataPoint<unknown>[] => dataPoints)
  const sums: Record<string, number> = {}
  for (const { attributes, value } of found) {
    const key = String(attributes[by])
    sums[key] = (sums[key] ?? 0) + Number(value)
  }
  return sums
}

const card = '4111 1111 1111 1111'

interface Paid {
  readonly id: string
  readonly customer: string
  readonly total: unknown
  readonly traceparent?: string
}

example('does all that it has on, together', () =>
  withRedis(
    async ({ url, cli }) => {
      const lines: (readonly [string, LogFields])[] = []
      const write = (level: string) => (fields: LogFields, text: string) =>
        void lines.push([`${level}: ${text}`, fields])
      const logger: Logger = {
        debug: write('debug'),
        info: write('info'),
        warn: write('warn'),
        error: write('error')
      }
      const log: string[] = []
      let opened = 0
      let fails = 2
      const bank = async (): Promise<Bank> => {
        opened += 1
        return {
          charge: async (given, total) => {
            assert.is(given, card)
            if (total === 7 && (fails -= 1) >= 0) throw new Error(`no answer for ${total}`)
            log.push(`charged ${total}`)
          },
          close: async () => void (opened -= 1)
        }
      }

      const add = ({ id, customer, total, traceparent = '' }: Paid) => {
        const payload = JSON.stringify({ type: 'payment', id, total, card })
        const headers = ['customer', customer, 'payment-id', id, 'traceparent', traceparent]
        return cli('XADD', 'payments', '*', ...headers, 'payload', payload)
      }
      const traceId = '0af7651916cd43dd8448eb211c80319c'
      const sent: readonly Paid[] = [
        { id: 'p1', customer: 'ann', total: 1, traceparent: `00-${traceId}-b7ad6b7169203331-01` },
        { id: 'p2', customer: 'ann', total: 7 },
        { id: 'p3', customer: 'ann', total: 3 },
        { id: 'p1', customer: 'bob', total: 1 },
        { id: 'p4', customer: 'bob', total: 0 },
        { id: 'p5', customer: 'bob', total: 'ten' }
      ]
      for (const each of sent) await add(each)

      const stopping = new AbortController()
      const watched = health()
      const measured = metricsOf()
      const onEvent = (event: Event): void => {
        watched.onEvent(event)
        measured(event)
      }
      let report: Report | undefined
      const needs = Resource.all({ dlq: redisDlq({ url }), done: redisIdempotency({ url }) })
      const running = pipe(
        needs,
        Resource.use((found) => async () => {
          report = await charging(url, onEvent)(payments({ ...found, bank, logger }))(stopping.signal)()
          return found.dlq.page({})()
        })
      )()
      await until('all to be settled', () => lines.length === sent.length)
      assert.equal([watched.status().isReady, watched.status().isLive], [true, true])
      stopping.abort()
      const ended = await within('the end', running)

      // Ann's in the order in which they came, though the second was tried three times; the first was not charged twice.
      assert.equal(log, ['charged 1', 'charged 7', 'charged 3'])
      assert.equal([report?.acked, report?.deadLettered, opened], [4, 2, 0])

      const letters = ended._tag === 'Right' && ended.right._tag === 'Right' ? ended.right.right.letters : []
      assert.equal(letters.map(({ failure: { _tag } }) => _tag).toSorted(), ['Malformed', 'Rejected'])
      assert.equal(lines.map(([text]) => text).toSorted(), [
        'error: message dead-lettered: rejected: nothing-to-pay',
        'error: message dead-lettered: the payload is malformed: .total expected number',
        ...Array.from({ length: 4 }, () => 'info: message acked')
      ])
      assert.not.match(JSON.stringify(lines), /4111/)
      assert.match(JSON.stringify(lines), /"card":"\[sensitive\]"/)

      const finished = spans.getFinishedSpans()
      assert.is(finished.length, sent.length)
      assert.ok(finished.some((span) => span.spanContext().traceId === traceId))
      assert.equal(await sumsOf('messaging.client.consumed.messages', 'missive.outcome'), {
        Acked: 4,
        DeadLettered: 2
      })
      measured.unregister()
    },
    { appendonly: 'everysec' }
  )
)

example.run()
