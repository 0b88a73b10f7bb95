// What reading takes over 1,000,000 letters: groups, counts, filters and pages, in milliseconds.
// Usage: node bench/letters/read.mjs [LETTERS]
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defect, malformed, noMatch, rejected } from 'missive-ts'
import { sqliteDlq } from 'missive-ts/sqlite'
import { report } from '../report.mjs'
import { median } from '../rounds.mjs'

const [letters = 1_000_000] = process.argv.slice(2).map(Number)
const data = join(dirname(fileURLToPath(import.meta.url)), '..', 'data')
mkdirSync(data, { recursive: true })
const file = join(data, 'read.db')
const removeFile = () => {
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
}
removeFile()

const failures = [
  (index) => rejected(`code-${String.fromCharCode(97 + (index % 20))}`),
  () => malformed([{ path: '.total', message: 'expected number' }]),
  (index) => defect('the handler of order.placed', new Error(`customer ${index} not found`)),
  () => noMatch([{ route: 'order.placed', reason: '.type is "order.refunded", not "order.placed"' }])
]
const letter = (index) => {
  const failure = failures[index % failures.length](index)
  const attempts = Array.from({ length: index % 7 === 0 ? 3 : 1 }, (_, nth) => ({
    startedAt: index + nth,
    durationMs: 2,
    failure
  }))
  return {
    id: `${index}`,
    source: 'bench',
    bytes: Buffer.from(
      JSON.stringify({
        type: 'order.placed',
        customer: `c${index % 1_000}`,
        total: index,
        note: 'x'.repeat(60)
      })
    ),
    headers: { tenant: 'a' },
    route: index % failures.length === 3 ? undefined : 'order.placed',
    failure,
    attempts,
    deliveryCount: 1,
    receivedAt: index,
    fault: undefined,
    lease: undefined
  }
}

// A letter each 200 ms, the last one now.
let now = Date.now() - letters * 200
const clock = {
  now: () => now,
  monotonic: () => performance.now(),
  after: (delayMs, call) => {
    const timeout = setTimeout(() => call(), delayMs)
    return () => clearTimeout(timeout)
  },
  random: () => Math.random()
}
const opened = await sqliteDlq(file, { clock }).open()
const store = opened.right.value
const batch = 256
for (let from = 0; from < letters; from += batch) {
  now += 200 * batch
  const puts = Array.from({ length: Math.min(batch, letters - from) }, (_, index) =>
    store.put(letter(from + index))()
  )
  for (const put of await Promise.all(puts)) if (put._tag === 'Left') throw new Error(put.left.reason)
}
now = Date.now()

const dead = { state: 'dead' }
const queries = {
  groups: store.groups({ filter: dead }),
  'groups of one tag': store.groups({ filter: { ...dead, tag: 'Rejected' } }),
  count: store.count(dead),
  'first page, newest': store.page({ filter: dead, order: 'newest' }),
  'first page of a tag': store.page({ filter: { ...dead, tag: 'Malformed' } }),
  'first page of no route': store.page({ filter: { ...dead, route: null } }),
  'first page of 3 attempts': store.page({ filter: { ...dead, minAttempts: 3 } }),
  'first page of the last hour': store.page({ filter: { ...dead, seenFrom: now - 3_600_000 } }),
  'first page of a field, 1 in 1,000': store.page({ filter: { ...dead, fields: { customer: 'c17' } } }),
  'first page of a field, 1 in all': store.page({ filter: { ...dead, fields: { total: letters - 1 } } }),
  'one letter by id': store.page({ filter: { id: `${letters >> 1}` } }),
  'one letter by the beginning of its key': store.page({ filter: { key: 'abcde' } }),
  'arrivals by hour': store.arrivals(dead)
}
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
report(`${letters.toLocaleString('en-US')} letters, milliseconds, 7 rounds`, rows, {
  compared: false
})
await opened.right.close()
removeFile()
