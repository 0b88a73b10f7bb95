// Uses a queue as a user without rights. Usage: open-as-nobody.ts FILE [once]
// Prints what opening says; with `once`, what a put says while the file cannot be written, and after it can again.
import { chmodSync, existsSync } from 'node:fs'
import { sqliteDlq } from '../../lib/dlq/sqlite.js'
import { letter } from './letters.js'

const [file = '', once] = process.argv.slice(2)
if (process.getuid?.() === 0) {
  process.setgid?.(65_534)
  process.setuid?.(65_534)
}
const opened = await sqliteDlq(file).open()
console.log(opened._tag === 'Left' ? opened.left.message : 'opened')
if (opened._tag === 'Right') {
  const { value: queue, close } = opened.right
  for (const mode of once === undefined ? [] : [0o444, 0o600]) {
    // What SQLite makes beside a file has the rights of that file.
    for (const each of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(each)) chmodSync(each, mode)
    const put = await queue.put(letter())()
    console.log(put._tag === 'Right' ? 'stored' : put.left.reason)
  }
  await close()
}
