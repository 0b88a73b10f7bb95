// Time to run a processor over the same 1,000,000 messages with 10 and with 10,000 keyed routes, alternated.
// Usage: node --expose-gc bench/routing/run.mjs [ROUNDS]
import { pipe } from 'fp-ts/lib/function.js'
import { ack, byField, handle, json, message, receive, route } from 'missive-ts'
import { rounds } from '../rounds.mjs'

const [count = 7] = process.argv.slice(2).map(Number)
const total = 1_000_000

let sum = 0
const processorOf = (routes) =>
  pipe(
    receive(json),
    handle(
      ...Array.from({ length: routes }, (_, index) =>
        route(byField('type', `order.${index}`), async (order) => {
          sum += order.total
          return ack
        })
      )
    )
  )

// The same ten types for both, so that the number of routes is all that differs; then all types in use.
const messagesOf = (types, spread) =>
  Array.from({ length: 10_000 }, (_, index) =>
    message(
      JSON.stringify({
        type: `order.${(index % types) * spread}`,
        id: index,
        total: index,
        note: 'x'.repeat(60)
      })
    )
  )

const runOver = (processor, messages) => async () => {
  globalThis.gc?.()
  const startedAt = performance.now()
  for (let index = 0; index < total; index += 1) {
    const outcome = await processor(messages[index % messages.length])()
    if (outcome !== ack) throw new Error(JSON.stringify(outcome))
  }
  return (performance.now() - startedAt) / 1_000
}

const [few, many] = [processorOf(10), processorOf(10_000)]
await rounds(
  `${total.toLocaleString('en-US')} messages of 10 types, seconds, ${count} rounds`,
  {
    '10 routes': runOver(few, messagesOf(10, 1)),
    '10,000 routes': runOver(many, messagesOf(10, 1)),
    '10,000 routes, spread': runOver(many, messagesOf(10, 999))
  },
  count
)
await rounds(
  `of 10,000 types, all routes in use (the messages differ, so only the size of the working set is compared), seconds, ${Math.min(count, 3)} rounds`,
  { '10 routes': runOver(few, messagesOf(10, 1)), '10,000 routes': runOver(many, messagesOf(10_000, 1)) },
  Math.min(count, 3)
)
