/**
 * Reads of streams on a connection of ioredis, whose replies are decoded here: its own decoder, made for every reply,
 * takes three times as long for an entry. ioredis makes the connection, and sees all that is no reply to a read.
 */
import { left } from '../core/result.js'
import { type Decoded, type Read, entriesDecoder } from './entries.js'
import type { RedisArgument, RedisLike } from './like.js'

// model

/** Sends a read, and gives what its reply says. One at a time, on a connection where nothing else is asked meanwhile. */
export type ReadDirectly = (parts: readonly RedisArgument[]) => Promise<readonly Read[]>

// constructors

/**
 * `undefined` where the client does not show its connection, or somebody wants to see what it is asked; and while ioredis
 * waits for an answer itself, as it may ask how the server is at any time. What it asks later is answered later.
 */
export const directReads = (client: RedisLike): ReadDirectly | undefined => {
  const { stream, commandQueue, status } = client
  if (client.isCluster || Object.hasOwn(client, 'callBuffer') || !isSocket(stream)) return undefined
  if (status !== 'ready' || commandQueue?.length !== 0) return undefined
  const read = made.get(stream) ?? readsOn(stream)
  made.set(stream, read)
  return read
}

// helpers

const made = new WeakMap<Socket, ReadDirectly>()

interface Socket {
  readonly listeners: (event: 'data') => readonly Listener[]
  readonly removeAllListeners: (event: 'data') => unknown
  readonly on: (event: 'data' | 'close', listener: Listener) => unknown
  readonly write: (bytes: string) => unknown
  readonly destroy: () => unknown
}

type Listener = (bytes: Buffer) => void

const isSocket = (stream: unknown): stream is Socket =>
  ['listeners', 'removeAllListeners', 'on', 'write', 'destroy'].every(
    (name) => typeof (stream as Readonly<Record<string, unknown>> | undefined)?.[name] === 'function'
  )

const readsOn = (socket: Socket): ReadDirectly => {
  const listeners = socket.listeners('data')
  const handOn: Listener = (bytes) => {
    for (const listener of listeners) listener.call(socket, bytes)
  }
  let waiting: { readonly write: Listener; readonly reject: (error: Error) => void } | undefined
  socket.removeAllListeners('data')
  socket.on('data', (bytes) => (waiting === undefined ? handOn(bytes) : waiting.write(bytes)))
  socket.on('close', () => waiting?.reject(new Error('Connection is closed.')))

  return (parts) =>
    new Promise((resolve, reject) => {
      if (waiting !== undefined) throw new Error('this connection waits for the reply to another read')
      const decoder = entriesDecoder(handOn)
      const decoded = (bytes: Buffer): Decoded | undefined => {
        try {
          return decoder.write(bytes)
        } catch (thrown) {
          // Nobody knows where the next reply begins.
          socket.destroy()
          return { reply: left(thrown as Error), rest: noBytes }
        }
      }
      const write: Listener = (bytes) => {
        const found = decoded(bytes)
        if (found === undefined) return
        const { reply, rest } = found
        waiting = undefined
        if (reply._tag === 'Right') resolve(reply.right)
        else reject(reply.left)
        if (rest.length > 0) handOn(rest)
      }
      waiting = { write, reject }
      socket.write(encoded(parts))
    })
}

const noBytes = Buffer.alloc(0)

const encoded = (parts: readonly RedisArgument[]): string =>
  [`*${parts.length}`, ...parts.flatMap((part) => [`$${Buffer.byteLength(String(part))}`, part]), ''].join(
    '\r\n'
  )
