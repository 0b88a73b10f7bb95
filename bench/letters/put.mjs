// Durable letters per second, put one at a time by 64 concurrent processors, against better-sqlite3 inserting
// batches by hand with synchronous=FULL and as many rows for each commit as ours had.
// Usage: node bench/letters/put.mjs [ROUNDS] [LETTERS]
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { pipe } from 'fp-ts/lib/function.js'
import { failed, handle, json, message, otherwise, receive, rejected, withDlq } from 'missive-ts'
import { sqliteDlq } from 'missive-ts/sqlite'
import { rounds } from '../rounds.mjs'

const [count = 7, letters = 100_000] = process.argv.slice(2).map(Number)
const concurrency = 64
const data = join(dirname(fileURLToPath(import.meta.url)), '..', 'data')
mkdirSync(data, { recursive: true })
const folder = mkdtempSync(join(data, 'letters-'))
let file = 0
const freshFile = () => join(folder, `${(file += 1)}.db`)

const payloads = Array.from({ length: letters }, (_, index) =>
  Buffer.from(
    JSON.stringify({ type: 'order.placed', customer: `c${index}`, total: index, note: 'x'.repeat(60) })
  )
)

// How many rows went into a transaction is seen where they are handed to the thread that writes.
let commits = 0
let rows = 0
const post = Reflect.get(Worker.prototype, 'postMessage')
Worker.prototype.postMessage = function (asked, transfer) {
  if (asked.name === 'put') {
    commits += 1
    rows += asked.parts[0].length
  }
  return Reflect.apply(post, this, [asked, transfer])
}

const missive = async () => {
  const opened = await sqliteDlq(freshFile()).open()
  const processor = pipe(
    receive(json),
    handle(otherwise(async ({ body }) => failed(rejected('unknown-customer', { customer: body.customer })))),
    withDlq(opened.right.value)
  )
  await processor(message(payloads[0], { id: 'the first starts the thread' }))()
  const startedAt = performance.now()
  let next = 0
  const working = async () => {
    for (let index = next++; index < letters; index = next++) {
      const outcome = await processor(
        message(payloads[index], { id: `${index}`, headers: { tenant: 'a' } })
      )()
      if (outcome._tag !== 'DeadLettered') throw new Error(JSON.stringify(outcome))
    }
  }
  await Promise.all(Array.from({ length: concurrency }, working))
  const seconds = (performance.now() - startedAt) / 1_000
  await opened.right.close()
  return seconds
}

const failureOf = (index) =>
  JSON.stringify({
    _tag: 'Rejected',
    code: 'unknown-customer',
    details: { customer: JSON.parse(payloads[index]).customer }
  })

/** As one would write it: one table, and no two letters of the same source and id. */
const byHand = (perCommit) => async () => {
  const database = new Database(freshFile())
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec(`CREATE TABLE letters (
    seq INTEGER PRIMARY KEY, source TEXT, id TEXT, headers TEXT, failure TEXT, attempts TEXT, receivedAt INTEGER,
    bytes BLOB, UNIQUE (source, id))`)
  const insert = database.prepare(
    'INSERT INTO letters (source, id, headers, failure, attempts, receivedAt, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)'
  )
  const commit = database.transaction((from, to) => {
    for (let index = from; index < to; index += 1) {
      const failure = failureOf(index)
      const attempts = `[{"startedAt":${Date.now()},"durationMs":0,"failure":${failure}}]`
      insert.run('test', `${index}`, '{"tenant":"a"}', failure, attempts, Date.now(), payloads[index])
    }
  })
  return timed(database, commit, perCommit)
}

/** The same, with the columns and indexes that make letters found again by kind, state, time and attempts. */
const byHandIndexed = (perCommit) => async () => {
  const path = freshFile()
  const opened = await sqliteDlq(path).open()
  await opened.right.close()
  const database = new Database(path)
  database.pragma('synchronous = FULL')
  database.exec("INSERT INTO kinds VALUES (1, 'test', 'f', 'Rejected', 'otherwise', 'unknown-customer')")
  const insert = database.prepare(
    `INSERT INTO letters (key, kind, state, id, firstSeenAt, lastSeenAt, times, attemptCount, deliveryCount,
      receivedAt, headers, failure, attempts, events, bytes)
     VALUES (?, 1, 'dead', ?, ?, ?, 1, 1, 1, ?, ?, ?, ?, '[]', ?)`
  )
  const commit = database.transaction((from, to) => {
    for (let index = from; index < to; index += 1) {
      const now = Date.now()
      const failure = failureOf(index)
      const attempts = `[{"startedAt":${now},"durationMs":0,"failure":${failure}}]`
      const key = createHash('sha256')
        .update(`test ${index} `)
        .update(payloads[index])
        .digest('hex')
        .slice(0, 40)
      insert.run(key, `${index}`, now, now, now, '{"tenant":"a"}', failure, attempts, payloads[index])
    }
  })
  return timed(database, commit, perCommit)
}

const timed = (database, commit, perCommit) => {
  const startedAt = performance.now()
  for (let from = 0; from < letters; from += perCommit)
    commit.immediate(from, Math.min(letters, from + perCommit))
  const seconds = (performance.now() - startedAt) / 1_000
  database.close()
  return seconds
}

try {
  const first = await missive()
  const perCommit = Math.round(rows / commits)
  await rounds(
    `${letters.toLocaleString('en-US')} letters by ${concurrency} processors, ${perCommit} rows a commit, ${Math.round(letters / first).toLocaleString('en-US')} a second at first; seconds, ${count} rounds`,
    {
      [`by hand, ${perCommit} a commit`]: byHand(perCommit),
      [`by hand, same indexes`]: byHandIndexed(perCommit),
      'missive-ts': missive,
      [`by hand, ${concurrency} a commit`]: byHand(concurrency)
    },
    count
  )
} finally {
  rmSync(folder, { recursive: true })
}
