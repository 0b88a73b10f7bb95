// The listener one would write by hand: a bare ioredis, a handler table, await, try, and a queue in memory.
import { Redis } from 'ioredis'
import { count, ready, url } from './measured.mjs'

const letters = []
let sum = 0
const handlers = Object.fromEntries(
  Array.from({ length: 10 }, (_, index) => [
    `order.${index}`,
    async (order) => {
      sum += order.total
      count()
    }
  ])
)

const redis = new Redis(url)
redis.on('messageBuffer', async (channel, payload) => {
  try {
    const order = JSON.parse(payload)
    const handler = handlers[order.type]
    if (handler === undefined) throw new Error(`no handler for ${order.type}`)
    await handler(order)
  } catch (error) {
    letters.push({ channel, payload, error: String(error) })
  }
})
await redis.subscribe('orders')
process.on('exit', () => console.error(`sum ${sum}, ${letters.length} letters`))
ready()
