// Puts letters until it is killed, or there are enough; tells of each what was answered: its id, and why it was not stored.
// Usage: put-letters.ts FILE [PREFIX] [AT A TIME] [LETTERS] [waiting]
// `waiting`: opens the queue, says that it is ready, and begins once its standard input ends.
import { once } from 'node:events'
import { sqliteDlq } from '../../lib/dlq/sqlite.js'
import { letter } from './letters.js'
import { bodyOf } from './sqlite-queues.js'

const [file = '', prefix = '', atATime = '1', letters = 'Infinity', waiting] = process.argv.slice(2)
const opened = await sqliteDlq(file).open()
if (opened._tag === 'Left') throw new Error(opened.left.message)
const { value: queue, close } = opened.right

if (waiting !== undefined) {
  console.log('ready')
  process.stdin.resume()
  await once(process.stdin, 'end')
}

/** What `process.stdout` still holds while its reader is slow would be gone with a kill. */
const tell = (line: string): Promise<void> =>
  new Promise((resolve) => process.stdout.write(`${line}\n`, () => resolve()))

let next = 0
const putter = async (): Promise<void> => {
  while (next < Number(letters)) {
    const id = `${prefix}${next}`
    next += 1
    const put = await queue.put(letter({ id, bytes: Buffer.from(bodyOf(id)) }))()
    await tell(put._tag === 'Right' ? id : `${id} ${put.left.reason}`)
  }
}
await Promise.all(Array.from({ length: Number(atATime) }, putter))
// What became of the letters was said; a disk that fails may keep the file from being closed well.
const awake = setInterval(() => undefined, 1_000)
await close()
clearInterval(awake)
