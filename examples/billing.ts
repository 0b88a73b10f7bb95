/** A worker of Redis Streams: start as many as you like. `REDIS_URL` says where Redis is. */
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import {
  type Dlq,
  type Processor,
  Resource,
  ack,
  byField,
  failed,
  handle,
  json,
  nack,
  receive,
  rejected,
  route,
  withDlq,
  withMaxDeliveries
} from 'missive-ts'
import { runMain } from 'missive-ts/node'
import { redisDlq, redisStream } from 'missive-ts/redis'

// model

const Order = t.type({ type: t.literal('order.placed'), id: t.string, total: t.number })

// logic

/** The bank is closed the first time that it is asked, and then it is not. */
const charge = (deliveryCount: number): 'charged' | 'closed' => (deliveryCount === 1 ? 'closed' : 'charged')

// routes

export const billing = (dlq: Dlq): Processor =>
  pipe(
    receive(json),
    handle(
      route(Order, async (order, { message: { deliveryCount } }) => {
        if (order.total < 0) return failed(rejected('negative-total', { total: order.total }))
        if (order.total > 1_000 && charge(deliveryCount) === 'closed') return nack({ afterMs: 100 })
        console.log(`charged ${order.id}: ${order.total}`)
        return ack
      }),
      route(byField('type', 'order.cancelled'), async () => ack)
    ),
    withMaxDeliveries(5),
    withDlq(dlq)
  )

// main

const url = process.env.REDIS_URL ?? 'redis://localhost:6379'

runMain(redisStream({ url, stream: 'orders', group: 'billing', concurrency: 16 }))(
  pipe(redisDlq({ url, name: 'orders:dlq' }), Resource.map(billing))
)
