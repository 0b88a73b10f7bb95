// Uses a store of idempotency in a process of its own. Usage: idempotency-process.ts NAME FILE …
import { once } from 'node:events'
import { sqliteIdempotency } from '../../lib/sqlite.js'
import { systemClock } from '../../lib/system.js'

const [name = '', file = '', ...parts] = process.argv.slice(2)

const nobody = 65_534
if (name === 'nobody' && process.getuid?.() === 0) {
  process.setegid?.(nobody)
  process.seteuid?.(nobody)
}

const laterMs = name === 'begin' ? Number(parts[1]) : 0
const clock = { ...systemClock, now: () => Date.now() + laterMs }
const opened = await sqliteIdempotency(file, { clock }).open()
if (opened._tag === 'Left') {
  console.log(opened.left.message)
  process.exit()
}
const { value: store, close } = opened.right
const token = `process ${process.pid}`
const claim = (key: string) => ({ key, fingerprint: 'a1', token, leaseMs: 60_000 })

const programs: Readonly<Record<string, () => Promise<void>>> = {
  /** COUNT LATER: tells which of so many keys it has begun, so many milliseconds later. Begins when its input ends. */
  begin: async () => {
    console.log('ready')
    process.stdin.resume()
    await once(process.stdin, 'end')
    const keys = Array.from({ length: Number(parts[0]) }, (_, index) => `key ${index}`)
    const ask = async (key: string): Promise<void> => {
      const answer = await store.begin(claim(key))()
      if (answer._tag === 'Left') console.log(answer.left.reason)
      else if (answer.right._tag === 'Begun') console.log(`begun ${key}`)
      else if (answer.right._tag !== 'InFlight') console.log(answer.right._tag)
    }
    // Some at the same time, and each of them twice.
    for (let from = 0; from < keys.length; from += 10) {
      const some = keys.slice(from, from + 10)
      await Promise.all([...some, ...some].map(ask))
    }
    await close()
  },
  /** KEY: holds it until it is killed. */
  hold: async () => {
    const begun = await store.begin(claim(parts[0] ?? ''))()
    console.log(begun._tag === 'Right' ? begun.right._tag : begun.left.reason)
    setInterval(() => undefined, 1_000)
  },
  /** Leaves the store open; as `nobody`, as a user without rights. */
  leave: async () => {
    const begun = await store.begin(claim('a'))()
    console.log(begun._tag === 'Right' ? begun.right._tag : begun.left.reason)
  },
  /** Its thread ends, in two ways, and is started again. */
  mortal: async () => {
    const tell = async (key: string): Promise<boolean> => {
      const begun = await store.begin(claim(key))()
      console.log(begun._tag === 'Right' ? begun.right._tag : begun.left.reason)
      return begun._tag === 'Right'
    }
    const channel = new BroadcastChannel('end the threads')
    for (const how of ['exit', 'throw']) {
      await tell(`before ${how}`)
      // Either the thread answers, or it is said that it ended; one that ends between two answers is missed by nobody.
      let isMissed = false
      for (let asked = 0; asked < 200; asked += 1) {
        if (asked % 40 === 0 && !isMissed) channel.postMessage(how)
        isMissed = !(await tell(`${how} ${asked}`)) || isMissed
      }
    }
    channel.close()
    await close()
  }
}

await programs[name === 'nobody' ? 'leave' : name]?.()
