// Consumes numbered messages, of which the odd ones fail, and keeps what fails. What is settled is written down, and
// is not delivered again to whoever comes after. Tells how many are settled. Usage: sqlite-settle.ts QUEUE JOURNAL COUNT
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { pipe } from 'fp-ts/lib/function.js'
import { right } from 'fp-ts/lib/Either.js'
import {
  type Delivery,
  type OpenSource,
  Resource,
  type Settle,
  ack,
  failed,
  fromOrigin,
  handle,
  interruption,
  otherwise,
  receive,
  rejected,
  text,
  withDlq
} from 'missive-ts'
import { consume } from 'missive-ts/node'
import { sqliteDlq } from 'missive-ts/sqlite'
import { bodyOf } from './sqlite-queues.js'

const [queue = '', journal = '', count = '0'] = process.argv.slice(2)

const settledIds = (): ReadonlySet<string> =>
  new Set(
    existsSync(journal)
      ? readFileSync(journal, 'utf8')
          .split('\n')
          .map((line) => line.split(' ')[0] ?? '')
      : []
  )

const delivery = (id: string, deliveryCount: number): Delivery => {
  const controller = new AbortController()
  return {
    message: fromOrigin({
      id,
      source: 'numbers',
      bytes: Buffer.from(bodyOf(id)),
      headers: {},
      receivedAt: Date.now(),
      deliveryCount,
      redelivers: true,
      signal: controller.signal,
      raw: undefined,
      fault: undefined,
      letter: undefined
    }),
    interrupt: (reason) => controller.abort(interruption(reason))
  }
}

const numbers: OpenSource = () => {
  const before = settledIds()
  const deliveryCount = before.size === 0 ? 1 : 2
  let next = 0
  let settled = before.size
  const settle = (batch: readonly Settle[]): void => {
    const done = batch.filter(({ action }) => action._tag === 'Done')
    appendFileSync(
      journal,
      done.map(({ delivery, outcome }) => `${delivery.message.id} ${outcome._tag}\n`).join('')
    )
    settled += done.length
    process.stdout.write(`${settled}\n`)
  }
  return Resource.of({
    traits: { redelivers: true, delay: 'hold', exclusive: true },
    pull: (max) => async () => {
      const items: Delivery[] = []
      for (; next < Number(count) && items.length < max; next += 1)
        if (!before.has(`${next}`)) items.push(delivery(`${next}`, deliveryCount))
      return right(items.length === 0 ? { _tag: 'End' } : { _tag: 'Batch', items })
    },
    settle: (batch) => async () => {
      settle(batch)
      return batch.map(() => 'ok')
    }
  })
}

const opened = await sqliteDlq(queue).open()
if (opened._tag === 'Left') throw new Error(opened.left.message)
const processor = pipe(
  receive(text),
  handle(otherwise(async ({ id }) => (Number(id) % 2 === 0 ? ack : failed(rejected('odd'))))),
  withDlq(opened.right.value)
)
const report = await consume(numbers, { concurrency: 64 })(processor)(new AbortController().signal)()
await opened.right.close()
if (report.ended._tag !== 'Drained') throw new Error(JSON.stringify(report.ended))
