// A processor for the specs of the command whose codec says what is sensitive.
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { ack, handle, json, receive, route, sensitive } from 'missive-ts'

const Order = t.type({
  type: t.literal('order'),
  total: t.number,
  customer: t.type({ id: sensitive(t.number) })
})

export default pipe(receive(json), handle(route(Order, async () => ack)))
