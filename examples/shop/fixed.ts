/** A shop's orders, as they were written the morning after. */
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { Resource, ack, byField, handle, json, receive, route, withDlq } from 'missive-ts'
import { sqliteDlq } from 'missive-ts/sqlite'

const Total = t.union([t.number, t.string])
const Order = t.type({ type: t.literal('order.placed'), customer: t.number, total: Total })

const customers = 10_000

const save = async (customer: number, total: number): Promise<void> => {
  if (customer >= customers) throw new Error(`customer ${customer} not found`)
  if (Number.isNaN(total)) throw new Error('an order needs a total')
}

export default pipe(
  sqliteDlq('shop.db'),
  Resource.map((dlq) =>
    pipe(
      receive(json),
      handle(
        route(Order, async ({ customer, total }) => {
          await save(customer, Number(total))
          return ack
        }),
        route(byField('type', 'order.refunded'), async () => ack)
      ),
      withDlq(dlq)
    )
  )
)
