// Dead letters in Redis: durable puts per second by 64 concurrent processors, against XADD to a stream by hand, and
// what reading takes over 100,000 letters.
// Usage: node bench/letters/redis.mjs [ROUNDS] [LETTERS]
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pipe } from 'fp-ts/lib/function.js'
import { failed, handle, json, message, otherwise, receive, rejected, withDlq } from 'missive-ts'
import { redisDlq } from 'missive-ts/redis'
import { startRedis } from '../redis.mjs'
import { report } from '../report.mjs'
import { median, rounds } from '../rounds.mjs'

const [count = 5, letters = 100_000] = process.argv.slice(2).map(Number)
const concurrency = 64
const data = join(dirname(fileURLToPath(import.meta.url)), '..', 'data')
mkdirSync(data, { recursive: true })

const payloads = Array.from({ length: letters }, (_, index) =>
  Buffer.from(
    JSON.stringify({ type: 'order.placed', customer: `c${index}`, total: index, note: 'x'.repeat(60) })
  )
)

/** Seconds until all are done, so many at a time. */
const seconds = async (work) => {
  const startedAt = performance.now()
  let next = 0
  const working = async () => {
    for (let index = next++; index < letters; index = next++) await work(index)
  }
  await Promise.all(Array.from({ length: concurrency }, working))
  return (performance.now() - startedAt) / 1_000
}

let queues = 0
const open = async (port, name = `bench-${(queues += 1)}`) => {
  const opened = await redisDlq({ url: `redis://127.0.0.1:${port}`, name }).open()
  if (opened._tag === 'Left') throw new Error(opened.left.message)
  return opened.right
}

/** Redis has the same to do each time. */
const emptied = async ({ client }) => {
  await client.flushall('SYNC')
}

const missive = (redis) => async () => {
  await emptied(redis)
  const { value, close } = await open(redis.port)
  const processor = pipe(
    receive(json),
    handle(otherwise(async ({ body }) => failed(rejected('unknown-customer', { customer: body.customer })))),
    withDlq(value)
  )
  const took = await seconds(async (index) => {
    const outcome = await processor(message(payloads[index], { id: `${index}`, headers: { tenant: 'a' } }))()
    if (outcome._tag !== 'DeadLettered') throw new Error(JSON.stringify(outcome))
  })
  await close()
  return took
}

/** As one would write it: an entry of a stream for each letter, which can be read, and neither found nor changed. */
const byHand = (redis) => async () => {
  await emptied(redis)
  return seconds((index) => {
    const failure = JSON.stringify({
      _tag: 'Rejected',
      code: 'unknown-customer',
      details: { customer: JSON.parse(payloads[index]).customer }
    })
    const fields = ['id', `${index}`, 'headers', '{"tenant":"a"}', 'failure', failure, 'at', Date.now()]
    return redis.client.xadd('letters', '*', ...fields, 'payload', payloads[index])
  })
}

const reading = async (redis) => {
  await missive(redis)()
  const { value: store, close } = await open(redis.port, `bench-${queues}`)
  const dead = { state: 'dead' }
  const queries = {
    groups: store.groups({ filter: dead }),
    count: store.count(dead),
    'count of a tag': store.count({ ...dead, tag: 'Rejected' }),
    'first page, oldest': store.page({ filter: dead }),
    'first page, newest': store.page({ filter: dead, order: 'newest' }),
    'first page of a tag that none has': store.page({ filter: { ...dead, tag: 'Malformed' } }),
    'first page of a field, 1 in all': store.page({ filter: { ...dead, fields: { total: letters - 1 } } }),
    'one letter by id': store.page({ filter: { id: `${letters >> 1}` } }),
    'one letter by the beginning of its key': store.page({ filter: { key: 'abcde' } }),
    'arrivals by hour': store.arrivals(dead)
  }
  const memory = /used_memory_human:(\S+)/.exec(await redis.client.info('memory'))?.[1]
  const rows = []
  for (const [name, query] of Object.entries(queries)) {
    const times = []
    for (let round = 0; round < 7; round += 1) {
      const startedAt = performance.now()
      const answer = await query()
      times.push(performance.now() - startedAt)
      if (answer._tag === 'Left') throw new Error(answer.left.reason)
    }
    const text = `${median(times).toFixed(1).padStart(8)} (first ${times[0].toFixed(1)})`
    rows.push({ name, text, figures: { milliseconds: times } })
  }
  const title = `${letters.toLocaleString('en-US')} letters in ${memory}, milliseconds, 7 rounds`
  report(title, rows, { compared: false })
  await close()
}

for (const appendfsync of ['everysec', 'always']) {
  const folder = mkdtempSync(join(data, 'redis-'))
  const redis = await startRedis('--appendonly', 'yes', '--appendfsync', appendfsync, '--dir', folder)
  try {
    const first = await missive(redis)()
    const rate = Math.round(letters / first).toLocaleString('en-US')
    await rounds(
      `${letters.toLocaleString('en-US')} letters by ${concurrency} processors, appendfsync ${appendfsync}: ${rate} a second at first; seconds, ${count} rounds`,
      { 'XADD by hand': byHand(redis), 'missive-ts': missive(redis) },
      count
    )
    if (appendfsync === 'everysec') await reading(redis)
  } finally {
    await redis.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
