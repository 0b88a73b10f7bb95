import Database from 'better-sqlite3'
import { rmSync, mkdtempSync } from 'node:fs'
import { openFile } from '../../dist/esm/dlq/sqlite-file.js'
import { sqliteEngine } from '../../dist/esm/dlq/sqlite-engine.js'
import { rowOf } from '../../dist/esm/dlq/row.js'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
const N = 64_000, C = 64
const dir = mkdtempSync('/tmp/x/b-')
const bytes = (i) => Buffer.from(JSON.stringify({ type: 'order.placed', customer: `c${i}`, total: i, note: 'x'.repeat(80) }))
const letter = (i) => ({ id: String(i), source: 'bench', bytes: bytes(i), headers: { tenant: 'a' }, route: 'order.placed', failure: { _tag: 'Rejected', code: 'unknown-customer', details: { customer: `c${i}` } }, attempts: [{ startedAt: 1, durationMs: 2, failure: { _tag: 'Rejected', code: 'unknown-customer', details: { customer: `c${i}` } } }], deliveryCount: 1, receivedAt: 3, fault: undefined, lease: undefined })
for (let r = 0; r < 3; r++) {
  let t = performance.now()
  const rows = Array.from({ length: N }, (_, i) => rowOf(letter(i), Date.now(), () => true))
  console.log('rowOf us', ((performance.now() - t) / N * 1000).toFixed(2))
  t = performance.now()
  const { port1, port2 } = new MessageChannel()
  for (let i = 0; i < N; i += C) { port1.postMessage(rows.slice(i, i + C)); receiveMessageOnPort(port2) }
  console.log('clone us', ((performance.now() - t) / N * 1000).toFixed(2)); port1.close()
  t = performance.now()
  for (let i = 0; i < N; i += C) JSON.parse(JSON.stringify(rows.slice(i, i + C).map(({bytes, ...x}) => Object.values(x))))
  console.log('json us', ((performance.now() - t) / N * 1000).toFixed(2))
  const d = openFile((p, o) => new Database(p, o), `${dir}/e${r}.db`).right
  const e = sqliteEngine(d)
  t = performance.now()
  for (let i = 0; i < N; i += C) e.put(rows.slice(i, i + C))
  console.log('engine.put us', ((performance.now() - t) / N * 1000).toFixed(2))
  d.close()
  const d2 = openFile((p, o) => new Database(p, o), `${dir}/f${r}.db`).right
  const cols = ['key','id','firstSeenAt','kind','state','lastSeenAt','times','attemptCount','deliveryCount','receivedAt','headers','failure','attempts','events','bytes']
  d2.exec("insert into kinds(kind,source,fingerprint,tag,summary) values(1,'a','b','c','d')")
  const ins = d2.prepare(`insert into letters(${cols}) values(${cols.map(() => '?')})`)
  t = performance.now()
  for (let i = 0; i < N; i += C) d2.transaction(() => { for (const x of rows.slice(i, i + C)) ins.run(x.key, x.id, x.firstSeenAt, 1, x.state, x.lastSeenAt, 1, 1, 1, x.receivedAt, x.headers, x.failure, x.attempts, x.events, x.bytes) })()
  console.log('raw same table us', ((performance.now() - t) / N * 1000).toFixed(2))
  d2.close()
}
rmSync(dir, { recursive: true })
