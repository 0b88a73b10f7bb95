/** A processor that is seen working: spans on standard output, and metrics for Prometheus to read. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { metrics, trace } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { NodeTracerProvider, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace-node'
import { right } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import {
  type Dlq,
  type Processor,
  Resource,
  ack,
  exponentialBackoff,
  handle,
  json,
  receive,
  route,
  withDlq,
  withRetry
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { http } from 'missive-ts/http'
import { runMain } from 'missive-ts/node'
import { metricsOf, withMetrics, withTracing } from 'missive-ts/otel'

// model

const Order = t.type({ type: t.literal('order.placed'), customer: t.string, total: t.number })

type Charge = (customer: string, total: number) => Promise<void>

// route

/** Outermost, so that a span and a measurement are of all that becomes of a message: attempts, and the letter. */
export const orders = (charge: Charge, dlq: Dlq): Processor =>
  pipe(
    receive(json),
    handle(
      route(Order, async ({ customer, total }) => {
        await charge(customer, total)
        return ack
      })
    ),
    withRetry(exponentialBackoff({ baseMs: 10, maxDelayMs: 100, attempts: 3 })),
    withDlq(dlq),
    withTracing(),
    withMetrics()
  )

/** A customer called Flaky is charged at the second try. Each try is a span inside the message's. */
const bank = (): Charge => {
  let tries = 0
  return (customer) =>
    trace.getTracer('bank').startActiveSpan('charge', async (span) => {
      try {
        if (customer === 'Flaky' && ++tries % 2 === 1) throw new Error('the bank does not answer')
      } finally {
        span.end()
      }
    })
}

// telemetry

/** A line for each span: its name, the beginnings of its trace's id, its own and its parent's, and what became of it. */
const lines: SpanProcessor = {
  onStart: () => undefined,
  onEnd: (span) => console.log(lineOf(span)),
  forceFlush: async () => undefined,
  shutdown: async () => undefined
}

const lineOf = (span: ReadableSpan): string => {
  const { name, attributes, links, parentSpanContext } = span
  const { traceId, spanId } = span.spanContext()
  return [
    name,
    `trace ${traceId.slice(0, 8)}`,
    `span ${spanId.slice(0, 8)}`,
    ...(parentSpanContext === undefined ? [] : [`in ${parentSpanContext.spanId.slice(0, 8)}`]),
    ...links.map(({ context }) => `after ${context.spanId.slice(0, 8)}`),
    ...['missive.route', 'missive.outcome', 'error.type', 'missive.failed_attempts'].flatMap((key) =>
      attributes[key] === undefined ? [] : [`${key.replace('missive.', '')} ${String(attributes[key])}`]
    )
  ].join(', ')
}

/** Registers the SDK: before anything asks for a tracer or a meter, or there is none. */
const register = () => {
  const traces = new NodeTracerProvider({ spanProcessors: [lines] })
  const prometheus = new PrometheusExporter({ preventServerStart: true })
  const meters = new MeterProvider({ readers: [prometheus] })
  traces.register()
  metrics.setGlobalMeterProvider(meters)
  return { traces, meters, prometheus }
}

/** What Prometheus reads; when it closes, what is still to be told is. */
const exposed = ({ traces, meters, prometheus }: ReturnType<typeof register>, port: number) =>
  Resource.make(
    'metrics',
    async () => {
      const server = createServer((request, response) =>
        prometheus.getMetricsRequestHandler(request, response)
      )
      await once(server.listen(port, '127.0.0.1'), 'listening')
      console.error(`metrics on http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)
      return right(server)
    },
    async (server) => {
      server.close()
      await Promise.all([traces.shutdown(), meters.shutdown()])
    }
  )

// main

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { PORT = '8080', METRICS_PORT = '9464' } = process.env
  const telemetry = register()
  // Anybody may send, as only this machine can; elsewhere it would be `verify: bearer(...)` or the like.
  runMain(http({ port: Number(PORT), host: '127.0.0.1', allowAnonymous: true, onEvent: metricsOf() }))(
    pipe(
      exposed(telemetry, Number(METRICS_PORT)),
      Resource.map(() => orders(bank(), memoryDlq()))
    )
  )
}
