// Holds a database locked until its standard input ends. Usage: sqlite-lock.ts FILE
import { once } from 'node:events'
import Database from 'better-sqlite3'

const database = new Database(process.argv[2])
database.exec('BEGIN IMMEDIATE')
console.log('locked')
process.stdin.resume()
await once(process.stdin, 'end')
database.exec('ROLLBACK')
database.close()
