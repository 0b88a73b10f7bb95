// A worker of a trial: a member of the group in a process of its own, which tells the ledger all that it does.
// Usage: worker.ts OPTIONS AS JSON. It prints events as lines of JSON, and stops at SIGTERM.
import { setTimeout as delay } from 'node:timers/promises'
import { pipe } from 'fp-ts/lib/function.js'
import {
  type Message,
  type OpenSource,
  type Settle,
  type Settlement,
  type Source,
  Resource,
  ack,
  byField,
  combinator,
  failed,
  handle,
  json,
  nack,
  receive,
  rejected,
  route,
  withDlq,
  withMaxDeliveries
} from 'missive-ts'
import { consume, runMain } from 'missive-ts/node'
import { redisStreamSource } from 'missive-ts/redis'
import { type SqliteDlq, sqliteDlq } from 'missive-ts/sqlite'
import { type What, openLedger } from './ledger.js'
import type { Payload } from './plan.js'
import { broken } from './worker-broken.js'
import type { WorkerOptions } from './worker-options.js'

const options = JSON.parse(process.argv[2] ?? '') as WorkerOptions
const { worker, firstMs, url, stream, group, queue, leaseMs, concurrency, maxUnsettled, limit } = options
const ledger = openLedger(options.ledger, worker)
const seqOf = ({ id }: Message): number => Number.parseInt(id, 10) - firstMs

// the source, whose answers the ledger is told

const confirmed: Readonly<Record<Settle['action']['_tag'], What>> = {
  Done: 'acked',
  Retry: 'parked',
  Release: 'released'
}

const noted = (settle: Settle, settlement: Settlement, askedAt: number) => {
  const { delivery, action } = settle
  const what =
    settlement === 'ok' ? confirmed[action._tag] : settlement === 'lost' ? 'lost' : ('unanswered' as const)
  const due = what === 'parked' && action._tag === 'Retry' ? { at: askedAt + action.afterMs } : {}
  return { what, seq: seqOf(delivery.message), ...due }
}

const watched =
  (open: OpenSource): OpenSource =>
  (limits) =>
    pipe(
      open(limits),
      Resource.map((source): Source => ({
        ...source,
        settle: (batch) => async () => {
          const askedAt = Date.now()
          const answers = (await source.settle?.(batch)()) ?? []
          ledger.writeAll(batch.map((settle, index) => noted(settle, answers[index] ?? 'unknown', askedAt)))
          return answers
        },
        renew: (held) => async () => {
          const answers = (await source.renew?.(held)()) ?? []
          ledger.writeAll(
            held.flatMap(({ message }, index) =>
              answers[index] === 'lost' ? [{ what: 'lost' as const, seq: seqOf(message) }] : []
            )
          )
          return answers
        }
      }))
    )

// the processor

const tellingStarts = combinator('tellingStarts', (processor) => (message) => {
  ledger.write('started', seqOf(message))
  return processor(message)
})

/** Apart from the starts: a queue that cannot store a letter is asked again, and nothing else is started again. */
const tellingLetters = combinator('tellingLetters', (processor) => (message) => async () => {
  const outcome = await processor(message)()
  if (outcome._tag === 'DeadLettered') ledger.write('stored', seqOf(message))
  return outcome
})

const block = (ms: number): void => {
  for (const until = performance.now() + ms; performance.now() < until;);
}

const work = async ({ body }: Message): Promise<Payload> => {
  const payload = body as Payload
  if (payload.ms > 0) await delay(payload.ms)
  return payload
}

const processorOf = (dlq: SqliteDlq) =>
  pipe(
    receive(json),
    handle(
      route(byField('type', 'work'), async (_, { message }) => {
        await work(message)
        ledger.write('handled', seqOf(message))
        return ack
      }),
      route(byField('type', 'nacked'), async (_, { message }) => {
        const { afterMs } = await work(message)
        if (message.deliveryCount === 1) return nack({ afterMs })
        ledger.write('handled', seqOf(message))
        return ack
      }),
      route(byField('type', 'long'), async (_, { message }) => {
        await delay(10 * leaseMs)
        ledger.write('handled', seqOf(message))
        return ack
      }),
      route(byField('type', 'blocking'), async (_, { message }) => {
        if (message.deliveryCount === 1) block(3 * leaseMs)
        ledger.write('handled', seqOf(message))
        return ack
      }),
      route(byField('type', 'rejected'), async () => failed(rejected('not-wanted'))),
      route(byField('type', 'poison'), async () => {
        process.kill(process.pid, 'SIGKILL')
        return ack
      })
    ),
    withMaxDeliveries(limit),
    tellingStarts,
    withDlq(dlq),
    tellingLetters
  )

// the program

// Whoever started it may be gone without having said so.
process.stdin.on('end', () => process.exit(1)).resume()

const source = redisStreamSource({ url, stream, group, leaseMs, connectMs: 60_000 })
const interpreter = consume(broken(options.mode)(watched(source)), {
  concurrency,
  maxUnsettled,
  onEvent: (event) => {
    if (event._tag === 'Lost') ledger.write('lost', Number.parseInt(event.id, 10) - firstMs)
    if (event._tag !== 'Measured') process.stdout.write(`${JSON.stringify(event)}\n`)
  }
})
runMain(interpreter)(pipe(sqliteDlq(queue), Resource.map(processorOf)))
