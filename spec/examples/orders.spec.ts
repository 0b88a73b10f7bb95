import { left, right } from 'fp-ts/lib/Either.js'
import { ack, ackWith, deadLettered, malformed, message, rejected } from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Db, memoryDb, orders } from '../../examples/orders.js'
import { inEmptyFolder, runFile } from '../support/program.js'

const order = { type: 'order.placed', customer: 'c1', total: 10 }
const cancellation = { type: 'order.cancelled', customer: 'c1' }
const saved = { tenant: 'main', customer: 'c1', total: 10 }

const handling = suite('orders')

handling('saves an order for the tenant of the message', async () => {
  const db = memoryDb()
  const processor = orders(db, memoryDlq())
  assert.equal(await processor(message(order))(), ack)
  assert.equal(await processor(message({ ...order, customer: 'c2' }, { headers: { tenant: 'acme' } }))(), ack)
  assert.equal(db.rows(), [saved, { tenant: 'acme', customer: 'c2', total: 10 }])
})

handling('stores an order that does not decode, with the place', async () => {
  const [db, queue] = [memoryDb(), memoryDlq()]
  const failure = malformed([{ path: '.total', message: 'expected number' }])
  assert.equal(await orders(db, queue)(message({ ...order, total: 'ten' }))(), deadLettered(failure))
  assert.equal(
    queue.letters().map(({ route, failure }) => ({ route, failure })),
    [{ route: 'order.placed', failure }]
  )
  assert.equal(db.rows(), [])
})

handling('cancels an order', async () => {
  const db = memoryDb()
  const processor = orders(db, memoryDlq())
  await processor(message(order))()
  assert.equal(await processor(message(cancellation))(), ack)
  assert.equal(db.rows(), [])
})

handling('stores what it must refuse, and changes nothing', async () => {
  const db = memoryDb()
  const processor = orders(db, memoryDlq())
  const refused = async (payload: unknown, tenant = 'main') =>
    processor(message(payload, { headers: { tenant } }))()

  assert.equal(await refused(cancellation), deadLettered(rejected('nothing-ordered', { customer: 'c1' })))
  assert.equal(await refused({ type: 'order.cancelled' }), deadLettered(rejected('without-customer')))
  assert.equal(await refused(order, 'nobody'), deadLettered(rejected('unknown-tenant', { tenant: 'nobody' })))
  assert.equal(db.rows(), [])
  await processor(message(order))()
  assert.equal(
    await refused({ ...order, total: 20 }),
    deadLettered(rejected('already-ordered', { customer: 'c1' }))
  )
  assert.equal(db.rows(), [saved])
})

handling('acknowledges what is for somebody else', async () => {
  const outcome = await orders(memoryDb(), memoryDlq())(message({ type: 'invoice' }, { id: '17' }))()
  assert.equal(outcome, ackWith({ note: 'not for us: 17' }))
})

handling('tries again when the database throws, with a transaction of its own for each attempt', async () => {
  const db = memoryDb()
  const log: string[] = []
  const flaky: Db = {
    begin: async () => {
      log.push('begin')
      if (log.length === 1) throw new Error('busy')
      return db.begin()
    },
    end: (tx, outcome) => {
      log.push(outcome._tag)
      return db.end(tx, outcome)
    }
  }
  assert.equal(await orders(flaky, memoryDlq())(message(order))(), ack)
  assert.equal(log, ['begin', 'begin', 'Acked'])
  assert.equal(db.rows(), [saved])
})

handling('stores an order whose transaction cannot be committed', async () => {
  const down = rejected('database-down')
  const failing: Db = { ...memoryDb(), end: () => async () => left(down) }
  const queue = memoryDlq()
  assert.equal(await orders(failing, queue)(message(order))(), deadLettered(down))
  assert.is(queue.letters().length, 1)
})

handling.run()

const database = suite('memoryDb')

database('keeps what was acked, and forgets every other transaction', async () => {
  const db = memoryDb()
  for (const outcome of [deadLettered(rejected('no')), ack]) {
    assert.equal(db.rows(), [])
    const begun = await db.begin()
    if (begun._tag === 'Left') throw new Error(begun.left._tag)
    begun.right.put(saved)
    assert.equal(begun.right.find('c1'), saved)
    assert.equal(db.rows(), [])
    assert.equal(await db.end(begun.right, outcome)(), right(undefined))
  }
  assert.equal(db.rows(), [saved])
})

database.run()

const program = suite('examples/orders.ts')

program('runs on the lines of standard input', () =>
  inEmptyFolder(async (cwd) => {
    const lines = [order, cancellation, cancellation, { type: 'invoice' }].map((line) => JSON.stringify(line))
    const { code, stderr } = await runFile('examples/orders.ts', { cwd, input: lines.join('\n') })
    assert.is(stderr, `4 received, 3 acked, 1 dead-lettered\ndead letters: ${cwd}/orders.db\n`)
    assert.is(code, 0)
  })
)

program.run()
