// The loop one would write by hand: chunks of process.stdin, a handler table, await, try, and a queue.
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

const handleLine = async (line, number) => {
  try {
    const order = JSON.parse(line)
    const handler = handlers[order.type]
    if (handler === undefined) throw new Error(`no handler for ${order.type}`)
    await handler(order)
  } catch (error) {
    insert.run(number, line, String(error))
  }
}

let number = 0
let rest = ''
process.stdin.setEncoding('utf8')
for await (const chunk of process.stdin) {
  const lines = (rest + chunk).split('\n')
  rest = lines.pop()
  for (const line of lines) await handleLine(line, ++number)
}
if (rest !== '') await handleLine(rest, ++number)
database.close()
console.error(`${number} lines, sum ${sum}`)
