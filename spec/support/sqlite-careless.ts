// Does what the queue must not do: tells letters that are not on the disk yet. Usage: sqlite-careless.ts FILE PREFIX LETTERS
import Database from 'better-sqlite3'
import { bodyOf } from './sqlite-queues.js'

const [file, prefix = '', letters] = process.argv.slice(2)
const database = new Database(file)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = NORMAL')
database.exec('CREATE TABLE IF NOT EXISTS letters (id, bytes)')
const insert = database.prepare('INSERT INTO letters VALUES (?, ?)')
for (let number = 0; number < Number(letters); number += 1) {
  const id = `${prefix}${number}`
  insert.run(id, Buffer.from(bodyOf(id)))
  process.stdout.write(`${id}\n`)
}
