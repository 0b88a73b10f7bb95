/** A billing service: decoded orders, a tenant and a transaction for each message, retries and a queue. */
import { fileURLToPath } from 'node:url'
import { left, right } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import {
  type Dlq,
  type Failure,
  type Message,
  type Outcome,
  type Processor,
  type Verdict,
  Resource,
  ack,
  ackWith,
  byField,
  exponentialBackoff,
  failed,
  handle,
  hook,
  json,
  otherwise,
  receive,
  rejected,
  route,
  withDlq,
  withRetry,
  withTimeout
} from 'missive-ts'
import { runMain, stdin } from 'missive-ts/node'
import { sqliteDlq } from 'missive-ts/sqlite'

// model

const Order = t.type({ type: t.literal('order.placed'), customer: t.string, total: t.number })
type Order = t.TypeOf<typeof Order>

const Cancellation = t.type({ customer: t.string })

export interface Tenant {
  readonly id: string
}

/** An open order; a customer has one at a time. */
export interface Row {
  readonly tenant: string
  readonly customer: string
  readonly total: number
}

export interface Tx {
  readonly find: (customer: string) => Row | undefined
  readonly put: (row: Row) => void
  readonly remove: (customer: string) => void
  readonly commit: () => void
}

export interface Db {
  readonly begin: TaskEither<Failure, Tx>
  readonly end: (tx: Tx, outcome: Outcome) => TaskEither<Failure, void>
}

// logic

const tenants: ReadonlySet<string> = new Set(['main', 'acme'])

const tenantOf =
  ({ headers: { tenant = 'main' } }: Message): TaskEither<Failure, Tenant> =>
  async () =>
    tenants.has(tenant) ? right({ id: tenant }) : left(unknownTenant(tenant))

const saveOrder = async (tx: Tx, { id }: Tenant, { customer, total }: Order): Promise<Verdict> => {
  if (tx.find(customer) !== undefined) return failed(alreadyOrdered(customer))
  tx.put({ tenant: id, customer, total })
  return ack
}

const cancelOrder = async (tx: Tx, body: unknown): Promise<Verdict> => {
  if (!Cancellation.is(body)) return failed(withoutCustomer)
  if (tx.find(body.customer) === undefined) return failed(nothingOrdered(body.customer))
  tx.remove(body.customer)
  return ack
}

/** A database in memory: commits a transaction for `Acked`, and forgets it for every other outcome. */
export const memoryDb = (): Db & { readonly rows: () => readonly Row[] } => {
  const rows = new Map<string, Row>()
  const begin = (): Tx => {
    const changes = new Map<string, Row | undefined>()
    return {
      find: (customer) => (changes.has(customer) ? changes.get(customer) : rows.get(customer)),
      put: (row) => changes.set(row.customer, row),
      remove: (customer) => changes.set(customer, undefined),
      commit: () => {
        for (const [customer, row] of changes) {
          if (row === undefined) rows.delete(customer)
          else rows.set(customer, row)
        }
      }
    }
  }
  return {
    rows: () => [...rows.values()],
    begin: async () => right(begin()),
    end: (tx, outcome) => async () => {
      if (outcome._tag === 'Acked') tx.commit()
      return right(undefined)
    }
  }
}

// errors

const unknownTenant = (tenant: string) => rejected('unknown-tenant', { tenant })
const alreadyOrdered = (customer: string) => rejected('already-ordered', { customer })
const nothingOrdered = (customer: string) => rejected('nothing-ordered', { customer })
const withoutCustomer = rejected('without-customer')

// route

export const orders = (db: Db, dlq: Dlq): Processor =>
  pipe(
    receive(json),
    hook('tenant', ({ message }) => tenantOf(message)),
    hook(
      'tx',
      () => db.begin,
      (tx, outcome) => db.end(tx, outcome)
    ),
    handle(
      route(Order, (order, { tenant, tx }) => saveOrder(tx, tenant, order)),
      route(byField('type', 'order.cancelled'), (body, { tx }) => cancelOrder(tx, body), withTimeout(500)),
      otherwise(async ({ id }) => ackWith({ note: `not for us: ${id}` }))
    ),
    withRetry(exponentialBackoff({ baseMs: 50, maxDelayMs: 2_000, attempts: 5 })),
    withDlq(dlq)
  )

// program

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const db = memoryDb()
  runMain(stdin())(
    pipe(
      sqliteDlq('orders.db'),
      Resource.map((dlq) => orders(db, dlq))
    )
  )
}
