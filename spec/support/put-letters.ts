// Puts letters until it is killed; tells each that was answered. Usage: put-letters.ts FILE
import { sqliteDlq } from '../../lib/dlq/sqlite.js'
import { letter } from './letters.js'

const opened = await sqliteDlq(process.argv[2] as string).open()
if (opened._tag === 'Left') throw new Error(opened.left.message)
for (let id = 0; ; id += 1) {
  const put = await opened.right.value.put(letter({ id: String(id) }))()
  if (put._tag === 'Right') process.stdout.write(`${id}\n`)
}
