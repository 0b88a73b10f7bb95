// The same with missive-ts. Usage: node missive.mjs PORT COUNT
import { pipe } from 'fp-ts/lib/function.js'
import { ack, byField, handle, json, receive, route, withDlq } from '../../dist/esm/index.js'
import { memoryDlq } from '../../dist/esm/dlq.js'
import { redisStream } from '../../dist/esm/redis.js'
import { measured } from './measured.mjs'
import { types } from './messages.mjs'

const [port, count] = process.argv.slice(2).map(Number)
const stopping = new AbortController()
let total = 0
let done = 0
const routes = types.map((type) =>
  route(byField('type', type), async (order) => {
    total += order.total
    if (++done === count) stopping.abort()
    return ack
  })
)
const processor = pipe(receive(json), handle(...routes), withDlq(memoryDlq()))
const run = redisStream({ url: `redis://127.0.0.1:${port}`, stream: 's', group: 'g', maxUnsettled: 2_048 })

await measured(count, async (begin) => {
  const onEvent = ({ _tag }) => _tag === 'Ready' && begin()
  const report = await run(processor)(stopping.signal, onEvent)()
  if (report.acked !== count) throw new Error(JSON.stringify(report))
})
