// What a good engineer writes by hand: 500 entries a read, one read ahead, one XACK a batch, a table of handlers.
// Usage: node hand.mjs PORT COUNT
import { Redis } from 'ioredis'
import { measured } from './measured.mjs'
import { types } from './messages.mjs'

const [port, count] = process.argv.slice(2).map(Number)
const reader = new Redis({ port, maxRetriesPerRequest: null })
const commands = new Redis({ port })
await Promise.all([reader.ping(), commands.ping()])
let total = 0
const handlers = new Map(types.map((type) => [type, async (order) => void (total += order.total)]))
const failed = []

const read = () => reader.xreadgroup('GROUP', 'g', 'me', 'COUNT', 500, 'BLOCK', 1_000, 'STREAMS', 's', '>')

await measured(count, async () => {
  const acks = []
  let done = 0
  let next = read()
  while (done < count) {
    const reply = await next
    if (done + (reply?.[0][1].length ?? 0) < count) next = read()
    if (reply === null) continue
    const ids = []
    for (const [id, fields] of reply[0][1]) {
      try {
        const order = JSON.parse(fields[1])
        const handler = handlers.get(order.type)
        if (handler === undefined) throw new Error('no handler')
        await handler(order)
      } catch (error) {
        failed.push([id, error])
      }
      ids.push(id)
    }
    done += ids.length
    acks.push(commands.xack('s', 'g', ...ids))
  }
  await Promise.all(acks)
})
