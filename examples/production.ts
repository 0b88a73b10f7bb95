/** A worker with everything on. `REDIS_URL` says where Redis is; start as many as you like. */
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import {
  type Dlq,
  type IdempotencyStore,
  type Interpreter,
  type Logger,
  type OnEvent,
  type Processor,
  Resource,
  ack,
  byField,
  circuitBreaker,
  exponentialBackoff,
  failed,
  handle,
  health,
  hook,
  json,
  rateLimit,
  receive,
  rejected,
  route,
  sensitive,
  telling,
  withDedupe,
  withDlq,
  withLogging,
  withMaxDeliveries,
  withRetry,
  withTimeout
} from 'missive-ts'
import { healthFile, runMain } from 'missive-ts/node'
import { metricsOf, withMetrics, withTracing } from 'missive-ts/otel'
import { redisDlq, redisIdempotency, redisStream } from 'missive-ts/redis'

// model

const Payment = t.type({
  type: t.literal('payment'),
  id: t.string,
  total: t.number,
  card: sensitive(t.string)
})

export interface Bank {
  readonly charge: (card: string, total: number, signal: AbortSignal) => Promise<void>
  readonly close: () => Promise<void>
}

export interface Needs {
  readonly bank: () => Promise<Bank>
  readonly dlq: Dlq
  readonly done: IdempotencyStore
  readonly logger: Logger
}

// routes

/** From the handler outwards: what one attempt is, how often it is tried, and what becomes of it in the end. */
export const payments = ({ bank, dlq, done, logger }: Needs): Processor =>
  pipe(
    receive(json),
    hook('bank', bank, (opened) => opened.close()),
    handle(
      route(Payment, async ({ card, total }, { bank, message }) => {
        if (total <= 0) return failed(rejected('nothing-to-pay', { total }))
        await bank.charge(card, total, message.signal)
        return ack
      }),
      route(byField('type', 'refund'), async () => ack)
    ),
    withTimeout(2_000),
    withRetry(exponentialBackoff({ baseMs: 20, maxDelayMs: 1_000, attempts: 3 })),
    withMaxDeliveries(5),
    withDedupe(done, ({ headers }) => headers['payment-id']),
    withDlq(dlq),
    withLogging(logger, { fields: ['id', 'total', 'card'] }),
    withTracing(),
    withMetrics()
  )

/** What the source is to keep to: order, limits, and a pause when the bank is down. */
export const charging = (url: string, onEvent: OnEvent): Interpreter =>
  redisStream({
    url,
    stream: 'payments',
    group: 'charging',
    field: 'payload',
    concurrency: 16,
    orderBy: ({ headers }) => headers['customer'],
    scope: 'process',
    gates: [rateLimit({ count: 500, perMs: 1_000 }), circuitBreaker({ failures: 20, openMs: 5_000 })],
    onEvent
  })

// main

const bank = async (): Promise<Bank> => ({
  charge: async (_card, total) => console.log(`charged ${total}`),
  close: async () => undefined
})

const logger: Logger = {
  debug: () => undefined,
  info: (fields, text) => console.error(JSON.stringify({ level: 'info', text, ...fields })),
  warn: (fields, text) => console.error(JSON.stringify({ level: 'warn', text, ...fields })),
  error: (fields, text) => console.error(JSON.stringify({ level: 'error', text, ...fields }))
}

// Also where it is started through a link, as a release often is.
if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url)) {
  const url = process.env['REDIS_URL'] ?? 'redis://localhost:6379'
  const [told, measured] = [healthFile(process.env['HEALTH'] ?? 'health.json', health()), metricsOf()]
  const needs = Resource.all({ dlq: redisDlq({ url }), done: redisIdempotency({ url }) })
  runMain(charging(url, telling(told, measured)))(
    pipe(
      needs,
      Resource.map((opened) => payments({ ...opened, bank, logger }))
    )
  )
}
