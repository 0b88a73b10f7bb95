// Programs about the threads of a queue. Usage: sqlite-threads.ts NAME FILE
import { BroadcastChannel } from 'node:worker_threads'
import { sqliteDlq } from '../../lib/dlq/sqlite.js'
import { letter } from './letters.js'

const [name = '', file = ''] = process.argv.slice(2)
const opened = await sqliteDlq(file).open()
if (opened._tag === 'Left') throw new Error(opened.left.message)
const { value: queue, close } = opened.right

/** Resolves with why it was not stored, if it was not. */
const put = async (id: string): Promise<string | undefined> => {
  const stored = await queue.put(letter({ id }))()
  console.log(stored._tag === 'Right' ? `${id} stored` : `${id} ${stored.left.reason}`)
  return stored._tag === 'Right' ? undefined : stored.left.reason
}
const count = async (): Promise<boolean> => {
  const counted = await queue.count()()
  console.log(counted._tag === 'Right' ? `${counted.right} there` : counted.left.reason)
  return counted._tag === 'Right'
}

const programs: Record<string, () => Promise<void>> = {
  /** Both threads are started, and nobody closes the queue. */
  idle: async () => {
    await put('1')
    await count()
  },
  unused: async () => console.log('nothing was asked'),
  /** What is under way when it is closed, and what comes after. */
  'closed under way': async () => {
    await put('first')
    const putting = Promise.all(Array.from({ length: 600 }, (_, index) => put(`${index}`)))
    await new Promise(setImmediate)
    await close()
    console.log('closed')
    await putting
    await put('late')
    console.log('all are answered')
  },
  /**
   * Both threads end while letters are put, and once more after they were started again. One that ends when it has
   * nothing to do is missed by nobody, so they are ended until somebody is told why.
   */
  mortal: async () => {
    const threads = new BroadcastChannel('end the threads')
    threads.unref()
    const end = threads.postMessage.bind(threads)
    await put('first')
    for (const [how, why] of [
      ['exit', 'the thread of the queue ended'],
      ['throw', 'out of memory']
    ] as const) {
      let hasEnded = false
      const putting = async (name: string): Promise<void> => {
        for (let index = 0; !hasEnded; index += 1) {
          const id = `${how} ${name} ${index}`
          if ((await put(id))?.endsWith(why) === true) hasEnded = true
          if (index % 20 === 19 && name === 'a') end(how)
        }
      }
      await Promise.all(['a', 'b', 'c'].map(putting))
      while ((await put(`after ${how}`)) !== undefined);
      while (!(await count()));
    }
    await close()
  }
}
await programs[name]?.()
