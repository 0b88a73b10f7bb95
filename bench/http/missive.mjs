// missive-ts with its own server, all limits on.
import { pipe } from 'fp-ts/lib/function.js'
import { memoryDlq } from '../../dist/esm/dlq.js'
import { http } from '../../dist/esm/http.js'
import { ack, byField, handle, json, receive, route, withDlq } from '../../dist/esm/index.js'
import { serve, totals, types } from './orders.mjs'

const routes = types.map((type) =>
  route(byField('type', type), async (order) => {
    totals.sum += order.total
    return ack
  })
)
const processor = pipe(receive(json), handle(...routes), withDlq(memoryDlq()))
await http({ port: 0 })(processor)(new AbortController().signal, (event) => {
  if (event._tag === 'Listening') serve(Number(new URL(event.address).port))
})()
