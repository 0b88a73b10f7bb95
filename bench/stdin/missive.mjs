// The same with missive-ts.
import { pipe } from 'fp-ts/lib/function.js'
import { Resource, ack, byField, handle, json, receive, route, withDlq } from 'missive-ts'
import { runMain, stdin } from 'missive-ts/node'
import { sqliteDlq } from 'missive-ts/sqlite'

let sum = 0
const routes = Array.from({ length: 10 }, (_, index) =>
  route(byField('type', `order.${index}`), async (order) => {
    sum += order.total
    return ack
  })
)
const orders = (dlq) => pipe(receive(json), handle(...routes), withDlq(dlq))
process.on('exit', () => console.error(`sum ${sum}, peak ${process.resourceUsage().maxRSS} KiB`))

runMain(stdin())(pipe(sqliteDlq(process.argv[2]), Resource.map(orders)))
