/** The socket of a client of ioredis: what comes in on it goes through our hands first. */
import type { RedisLike } from './like.js'

// model

export type OnBytes = (bytes: Buffer) => void

export interface Socket {
  readonly listeners: (event: 'data') => readonly OnBytes[]
  readonly removeAllListeners: (event: 'data') => unknown
  readonly on: (event: 'data' | 'close', listener: OnBytes) => unknown
  readonly write: (bytes: string) => unknown
  readonly destroy: () => unknown
}

// readers

/**
 * `undefined` where the client does not show it, and while ioredis waits for an answer itself, as it may ask how the
 * server is at any time: so nothing of a value has come in that goes on later.
 */
export const socketOf = ({ stream, commandQueue, status, isCluster }: RedisLike): Socket | undefined =>
  !isCluster && isSocket(stream) && status === 'ready' && commandQueue?.length === 0 ? stream : undefined

// functions

/** Gives to `onBytes` what comes in from now on; the answer hands on to ioredis what is for it. */
export const intercept = (socket: Socket, onBytes: OnBytes): OnBytes => {
  const listeners = socket.listeners('data')
  socket.removeAllListeners('data')
  socket.on('data', onBytes)
  return (bytes) => {
    for (const listener of listeners) listener.call(socket, bytes)
  }
}

// helpers

const isSocket = (stream: unknown): stream is Socket =>
  ['listeners', 'removeAllListeners', 'on', 'write', 'destroy'].every(
    (name) => typeof (stream as Readonly<Record<string, unknown>> | undefined)?.[name] === 'function'
  )
