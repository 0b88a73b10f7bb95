// The least that can be done with ioredis: handlers that nobody awaits, and whose errors nobody catches.
import { Redis } from 'ioredis'
import { count, ready, url } from './measured.mjs'

let sum = 0
const handlers = Object.fromEntries(
  Array.from({ length: 10 }, (_, index) => [
    `order.${index}`,
    (order) => {
      sum += order.total
      count()
    }
  ])
)

const redis = new Redis(url)
redis.on('messageBuffer', (channel, payload) => {
  const order = JSON.parse(payload)
  handlers[order.type](order)
})
await redis.subscribe('orders')
process.on('exit', () => console.error(`sum ${sum}`))
ready()
