// A BullMQ worker with a concurrency of 100. Usage: node bullmq.mjs PORT COUNT
import { Worker } from 'bullmq'
import { measured } from './measured.mjs'
import { types } from './messages.mjs'

const [port, count] = process.argv.slice(2).map(Number)
let total = 0
const handlers = new Map(types.map((type) => [type, async (order) => void (total += order.total)]))

await measured(
  count,
  () =>
    new Promise((resolve) => {
      let done = 0
      const worker = new Worker(
        's',
        async ({ data }) => {
          const order = JSON.parse(data.payload)
          await handlers.get(order.type)(order)
        },
        { connection: { port, maxRetriesPerRequest: null }, concurrency: 100, removeOnComplete: { count: 0 } }
      )
      worker.on('completed', () => {
        done += 1
        if (done === count) resolve()
      })
    })
)
