import { payload, types } from '../streams/messages.mjs'

// What every server does with a request: finds the handler of its type among ten, and runs it.
export { payload, types }

export const totals = { sum: 0 }
export const handlers = new Map(
  types.map((type) => [type, async (order) => void (totals.sum += order.total)])
)

// Tells the parent where it listens, and what the process has cost so far when asked.
export const serve = (port) => {
  process.send({ port })
  process.on('message', () => process.send({ cpu: process.cpuUsage(), sum: totals.sum }))
}
