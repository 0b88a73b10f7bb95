// A day of a thousand orders. Some totals are texts, some are refunds, some customers are new.
for (let order = 0; order < 1_000; order += 1) {
  const type = order % 100 === 42 ? 'order.refunded' : 'order.placed'
  const customer = order % 50 === 10 ? 5_000 + order : order
  const total = order % 25 === 3 ? '12.50' : 12.5
  console.log(JSON.stringify({ type, customer, total }))
}
