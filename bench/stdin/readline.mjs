// The shorter loop one would write by hand: readline, a handler table, await, try, and a queue.
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'

const database = new Database(process.argv[2])
database.pragma('journal_mode = WAL')
database.pragma('synchronous = FULL')
database.exec('CREATE TABLE IF NOT EXISTS letters (line INTEGER, bytes TEXT, error TEXT)')
const insert = database.prepare('INSERT INTO letters VALUES (?, ?, ?)')

let sum = 0
const handlers = Object.fromEntries(
  Array.from({ length: 10 }, (_, index) => [
    `order.${index}`,
    async (order) => {
      sum += order.total
    }
  ])
)

let number = 0
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  number += 1
  try {
    const order = JSON.parse(line)
    const handler = handlers[order.type]
    if (handler === undefined) throw new Error(`no handler for ${order.type}`)
    await handler(order)
  } catch (error) {
    insert.run(number, line, String(error))
  }
}
database.close()
console.error(`${number} lines, sum ${sum}`)
