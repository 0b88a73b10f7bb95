import Database from 'better-sqlite3'
import { rmSync, mkdtempSync, existsSync } from 'node:fs'
import { sqliteDlq } from '../../dist/esm/sqlite.js'
import { openFile } from '../../dist/esm/dlq/sqlite-file.js'
import { sqliteEngine } from '../../dist/esm/dlq/sqlite-engine.js'
import { rowOf } from '../../dist/esm/dlq/row.js'
const file = '/tmp/x/million.db'
const letter = (i) => {
  const failure =
    i % 3 === 0
      ? {
          _tag: 'Rejected',
          code: `code-${String.fromCharCode(97 + (i % 20))}`,
          details: { customer: `c${i}` }
        }
      : i % 3 === 1
        ? { _tag: 'Malformed', issues: [{ path: '.total', message: 'expected number' }] }
        : { _tag: 'Defect', where: 'x', name: 'Error', message: `customer ${i} not found`, stack: 'at x' }
  return {
    id: String(i),
    source: 'bench',
    bytes: Buffer.from(
      JSON.stringify({ type: 'order.placed', customer: `c${i % 1000}`, total: i, note: 'x'.repeat(80) })
    ),
    headers: { tenant: 'a' },
    route: 'order.placed',
    failure,
    attempts: Array.from({ length: i % 7 === 0 ? 3 : 1 }, (_, k) => ({
      startedAt: i + k,
      durationMs: 2,
      failure
    })),
    deliveryCount: 1,
    receivedAt: 3,
    fault: undefined,
    lease: undefined
  }
}
const now = Date.now()
if (!existsSync(file)) {
  const d = openFile((p, o) => new Database(p, o), file).right
  d.pragma('synchronous=OFF')
  const e = sqliteEngine(d)
  for (let i = 0; i < 1e6; i += 1000)
    e.put(Array.from({ length: 1000 }, (_, k) => rowOf(letter(i + k), now - (1e6 - i - k) * 200, () => true)))
  d.close()
}
const o = await sqliteDlq(file).open()
const q = o.right.value
const time = async (name, task) => {
  const ms = []
  let r
  for (let i = 0; i < 4; i++) {
    const t = performance.now()
    r = await task()
    ms.push((performance.now() - t).toFixed(1))
  }
  console.log(
    name,
    ms.join(' '),
    r._tag === 'Left' ? r.left : JSON.stringify(r.right.letters?.length ?? r.right.length ?? r.right)
  )
}
await time('first page', q.page({ order: 'newest' }))
await time('page dead', q.page({ filter: { state: 'dead' } }))
await time('page tag', q.page({ filter: { state: 'dead', tag: 'Malformed' } }))
await time('page route none', q.page({ filter: { route: null } }))
await time('page resolved', q.page({ filter: { state: 'resolved' } }))
await time('page attempts', q.page({ filter: { state: 'dead', minAttempts: 3 } }))
await time('page last hour', q.page({ filter: { state: 'dead', seenFrom: now - 3.6e6 } }))
await time('page field', q.page({ filter: { fields: { customer: 'c17' } } }))
await time('page rare field', q.page({ filter: { fields: { total: 999_999 } } }))
await time('page key', q.page({ filter: { key: 'abcde' } }))
await time('page id', q.page({ filter: { id: '777' } }))
await time('groups', q.groups())
await time('groups dead', q.groups({ filter: { state: 'dead' } }))
await time('count', q.count())
await time('count dead', q.count({ state: 'dead' }))
await time('arrivals', q.arrivals({ state: 'dead' }))
await o.right.close()
