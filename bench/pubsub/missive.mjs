// The same with missive-ts.
import { pipe } from 'fp-ts/lib/function.js'
import { memoryDlq } from '../../dist/esm/dlq.js'
import { ack, byField, handle, json, receive, route, withDlq } from '../../dist/esm/index.js'
import { redisPubSub } from '../../dist/esm/redis.js'
import { count, ready, url } from './measured.mjs'

const queue = memoryDlq()
let sum = 0
const routes = Array.from({ length: 10 }, (_, index) =>
  route(byField('type', `order.${index}`), async (order) => {
    sum += order.total
    count()
    return ack
  })
)
const orders = pipe(receive(json), handle(...routes), withDlq(queue))
process.on('exit', () => console.error(`sum ${sum}, ${queue.letters().length} letters`))

const onEvent = (event) => {
  if (event._tag === 'Ready') ready()
  // What was dropped is not coming: this is no result.
  if (event._tag === 'Dropped' || event._tag === 'Gap') process.exit(1)
}
await redisPubSub({ url, channels: ['orders'], onEvent })(orders)(new AbortController().signal)()
