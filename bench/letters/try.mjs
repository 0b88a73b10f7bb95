import Database from 'better-sqlite3'
import { rmSync, mkdtempSync } from 'node:fs'
import { sqliteDlq } from '/work/main/dist/esm/sqlite.js'
import { createHash, randomUUID } from 'node:crypto'
const N = 200_000,
  C = 64
const dir = mkdtempSync('/tmp/x/b-')
const bytes = (i) =>
  Buffer.from(JSON.stringify({ type: 'order.placed', customer: `c${i}`, total: i, note: 'x'.repeat(80) }))
const letter = (i) => ({
  id: String(i),
  source: 'bench',
  bytes: bytes(i),
  headers: { tenant: 'a' },
  route: 'order.placed',
  failure: { _tag: 'Rejected', code: 'unknown-customer', details: { customer: `c${i}` } },
  attempts: [
    {
      startedAt: 1,
      durationMs: 2,
      failure: { _tag: 'Rejected', code: 'unknown-customer', details: { customer: `c${i}` } }
    }
  ],
  deliveryCount: 1,
  receivedAt: 3,
  fault: undefined,
  lease: undefined
})
const ours = async (file) => {
  const o = await sqliteDlq(file)['open']()
  const q = o.right.value
  await q.put(letter(-1))()
  const t = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: C }, async () => {
      for (let i = next++; i < N; i = next++) {
        const r = await q.put(letter(i))()
        if (r._tag === 'Left') throw new Error(r.left.reason)
      }
    })
  )
  const ms = performance.now() - t
  await o.right.close()
  return (N / ms) * 1000
}
const base = (file) => {
  const d = new Database(file)
  d.pragma('journal_mode=WAL')
  d.pragma('synchronous=FULL')
  d.exec(
    'create table letters(seq integer primary key, source text, id text, bytes blob, headers text, route text, failure text, attempts text, receivedAt int, unique(source,id))'
  )
  const ins = d.prepare(
    'insert into letters(source,id,bytes,headers,route,failure,attempts,receivedAt) values(?,?,?,?,?,?,?,?)'
  )
  const t = performance.now()
  for (let i = 0; i < N;)
    d.transaction(() => {
      for (let k = 0; k < C && i < N; k++, i++) {
        const l = letter(i)
        ins.run(
          l.source,
          l.id,
          l.bytes,
          JSON.stringify(l.headers),
          l.route,
          JSON.stringify(l.failure),
          JSON.stringify(l.attempts),
          l.receivedAt
        )
      }
    }).immediate()
  const ms = performance.now() - t
  d.close()
  return (N / ms) * 1000
}
for (let r = 0; r < 3; r++) {
  const a = await ours(`${dir}/o${r}.db`),
    b = base(`${dir}/b${r}.db`)
  console.log(a | 0, b | 0, (a / b).toFixed(2))
}
rmSync(dir, { recursive: true })
