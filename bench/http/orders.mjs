// What every server does with a request: finds the handler of its type among ten, and runs it.
export const types = Array.from({ length: 10 }, (_, index) => `order.type${index}`)

export const payload = (index) =>
  JSON.stringify({
    type: types[index % types.length],
    customer: `c${index}`,
    total: index,
    note: 'left at the door, ring twice, thanks',
    at: '2026-11-24T00:00:00.000Z'
  })

export const totals = { sum: 0 }
export const handlers = new Map(
  types.map((type) => [type, async (order) => void (totals.sum += order.total)])
)

// Tells the parent where it listens, and what the process has cost so far when asked.
export const serve = (port) => {
  process.send({ port })
  process.on('message', () => process.send({ cpu: process.cpuUsage(), sum: totals.sum }))
}
