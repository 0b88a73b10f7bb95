// Loaded before a program: its threads end when the program says so, as one does that has run out of memory.
// What says so: `new BroadcastChannel('end the threads').postMessage(how)`, `how` being 'exit' or 'throw'.
import { BroadcastChannel, isMainThread } from 'node:worker_threads'

if (!isMainThread) {
  const channel = new BroadcastChannel('end the threads')
  const onmessage = ({ data }: { readonly data: unknown }): void => {
    if (data === 'exit') process.exit(3)
    setImmediate(() => {
      throw new Error('out of memory')
    })
  }
  Object.assign(channel, { onmessage })
  channel.unref()
}
