// What each combinator and each option of `consume` adds to a message, in nanoseconds: the same pipeline with it and
// without, alternated in one process. Usage: node bench/combinators/run.mjs [ROUNDS] [MESSAGES]
import { pipe } from 'fp-ts/lib/function.js'
import { memoryDlq } from '../../dist/esm/dlq.js'
import {
  ack,
  byField,
  circuitBreaker,
  exponentialBackoff,
  handle,
  hook,
  json,
  memoryIdempotency,
  message,
  rateLimit,
  receive,
  route,
  withDedupe,
  withDlq,
  withLogging,
  withMaxDeliveries,
  withRetry,
  withTimeout
} from '../../dist/esm/index.js'
import { consume, memory } from '../../dist/esm/node.js'
import { withMetrics, withTracing } from '../../dist/esm/otel.js'
import { report } from '../report.mjs'
import { median } from '../rounds.mjs'

const [rounds = 15, count = 20_000] = process.argv.slice(2).map(Number)

const types = Array.from({ length: 10 }, (_, index) => `order.type${index}`)
const messages = Array.from({ length: count }, (_, index) =>
  message(
    {
      type: types[index % 10],
      customer: `c${index}`,
      total: index,
      note: 'left at the door, ring twice, thanks'
    },
    { id: String(index), headers: { customer: `c${index % 100}` } }
  )
)
const routes = types.map((type) => route(byField('type', type), async () => ack))
const bare = pipe(receive(json), handle(...routes))
const silent = () => undefined
const logger = { debug: silent, info: silent, warn: silent, error: silent }

/** All messages, one after the other, as a test calls a processor. */
const called = (processor) => async () => {
  for (const each of messages) if ((await processor(each)())._tag !== 'Acked') throw new Error('not acked')
}

/** The same as `consume` runs them. */
const consumed = (options) => {
  const processor = pipe(bare, withDlq(memoryDlq()))
  return async () => {
    const { acked } = await consume(memory(messages), options)(processor)(new AbortController().signal)()
    if (acked !== count) throw new Error('not all acked')
  }
}

const tables = {
  'a pipeline of 10 routes, called': [
    called(bare),
    {
      hook: () =>
        called(
          pipe(
            receive(json),
            hook('one', async () => 1),
            handle(...routes)
          )
        ),
      withDlq: () => called(pipe(bare, withDlq(memoryDlq()))),
      withRetry: () =>
        called(pipe(bare, withRetry(exponentialBackoff({ baseMs: 50, maxDelayMs: 2_000, attempts: 5 })))),
      withTimeout: () => called(pipe(bare, withTimeout(1_000))),
      withMaxDeliveries: () => called(pipe(bare, withMaxDeliveries(5))),
      // A store of its own in each run: what was done in the one before is not done here.
      'withDedupe, in memory': () => async () => {
        const store = memoryIdempotency({ maxKeys: count * 2 })
        await called(
          pipe(
            bare,
            withDedupe(store, ({ id }) => id)
          )
        )()
      },
      'withLogging, to nobody': () => called(pipe(bare, withLogging(logger))),
      'withTracing, no SDK': () => called(pipe(bare, withTracing())),
      'withMetrics, no SDK': () => called(pipe(bare, withMetrics()))
    }
  ],
  'the same under consume, from memory': [
    consumed({}),
    {
      'concurrency: 16': () => consumed({ concurrency: 16 }),
      'orderBy, 100 keys': () => consumed({ orderBy: ({ headers }) => headers.customer }),
      'orderBy, concurrency: 16': () =>
        consumed({ orderBy: ({ headers }) => headers.customer, concurrency: 16 }),
      'rateLimit, never reached': () => consumed({ gates: [rateLimit({ count: 1e9, perMs: 1 })] }),
      'circuitBreaker, closed': () => consumed({ gates: [circuitBreaker({ failures: 5, openMs: 1_000 })] })
    }
  ]
}

/** Nanoseconds a message. */
const timed = async (run) => {
  const startedAt = performance.now()
  await run()
  return ((performance.now() - startedAt) * 1e6) / count
}

for (const [name, [base, others]] of Object.entries(tables)) {
  const bases = []
  const rows = []
  for (const [other, make] of Object.entries(others)) {
    const run = make()
    await timed(base)
    await timed(run)
    const added = []
    for (let round = 0; round < rounds; round += 1) {
      const order = round % 2 === 0
      const first = await timed(order ? base : run)
      const second = await timed(order ? run : base)
      const [without, withIt] = order ? [first, second] : [second, first]
      bases.push(without)
      added.push(withIt - without)
    }
    const text = `${median(added).toFixed(0).padStart(7)} ns more`
    rows.push({ name: other, text, figures: { 'ns more': added } })
  }
  const alone = {
    name: 'by itself',
    text: `${median(bases).toFixed(0).padStart(7)} ns`,
    figures: { ns: bases }
  }
  const title = `${name}, ${count.toLocaleString('en-US')} messages, ${rounds} rounds`
  report(title, [alone, ...rows], { compared: false })
}
process.exit(0)
