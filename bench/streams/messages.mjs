// The messages of the benchmark: about 120 bytes of JSON, of ten types.
export const types = Array.from({ length: 10 }, (_, index) => `order.type${index}`)

export const payload = (index) =>
  JSON.stringify({
    type: types[index % types.length],
    customer: `c${index}`,
    total: index,
    note: 'left at the door, ring twice, thanks',
    at: '2026-11-24T00:00:00.000Z'
  })
