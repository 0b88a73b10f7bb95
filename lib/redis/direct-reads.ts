/**
 * Reads of streams on a connection of ioredis, whose replies are decoded here: its own decoder, made for every reply,
 * takes three times as long for an entry. ioredis makes the connection, and sees all that is no reply to a read.
 */
import { left } from '../core/result.js'
import { type Decoded, type Read, entriesDecoder } from './entries.js'
import type { RedisArgument, RedisLike } from './like.js'
import { type OnBytes, type Socket, intercept, socketOf } from './socket.js'

// model

/** Sends a read, and gives what its reply says. One at a time, on a connection where nothing else is asked meanwhile. */
export type ReadDirectly = (parts: readonly RedisArgument[]) => Promise<readonly Read[]>

// constructors

/** `undefined` where ioredis is to read: its socket is not to be had now, or somebody wants to see what it is asked. */
export const directReads = (client: RedisLike): ReadDirectly | undefined => {
  const socket = Object.hasOwn(client, 'callBuffer') ? undefined : socketOf(client)
  if (socket === undefined) return undefined
  const read = made.get(socket) ?? readsOn(socket)
  made.set(socket, read)
  return read
}

// helpers

const made = new WeakMap<Socket, ReadDirectly>()

const readsOn = (socket: Socket): ReadDirectly => {
  let waiting: { readonly write: OnBytes; readonly reject: (error: Error) => void } | undefined
  const handOn = intercept(socket, (bytes) => (waiting === undefined ? handOn(bytes) : waiting.write(bytes)))
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
      const write: OnBytes = (bytes) => {
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
