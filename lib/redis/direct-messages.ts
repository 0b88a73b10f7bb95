/**
 * Published messages, taken from the connection of ioredis as they come in, as entries are: its decoder is made for
 * every reply, and slower for these. It sees all that is no message.
 */
import type { RedisLike } from './like.js'
import { type Cursor, respReader } from './resp.js'
import { type OnBytes, intercept, socketOf } from './socket.js'

// model

/** Told of a message on a channel, and of the pattern by which it came. */
export type OnMessage = (channel: Buffer, payload: Buffer, pattern: string | undefined) => void

// constructors

/** From now on; `false` where ioredis is to tell of them, as its socket is not to be had. */
export const directMessages = (client: RedisLike, onMessage: OnMessage): boolean => {
  const socket = socketOf(client)
  if (socket === undefined) return false
  const handOn = intercept(socket, (bytes) => {
    try {
      read(bytes)
    } catch {
      // Nobody knows where the next message begins.
      socket.destroy()
    }
  })
  const read = messagesIn(onMessage, handOn)
  return true
}

/** Takes what comes in apart, into messages and what is for somebody else. */
export const messagesIn = (onMessage: OnMessage, handOn: OnBytes): OnBytes => {
  let usual: Buffer = Buffer.alloc(0)
  /** Most messages come on the channel of the one before. */
  const channelOf = (bytes: Buffer): Buffer => {
    if (!bytes.equals(usual)) usual = Buffer.from(bytes)
    return usual
  }
  const step = (cursor: Cursor): boolean => {
    if (cursor.take(byChannel)) onMessage(channelOf(cursor.part()), cursor.part(), undefined)
    else if (cursor.take(byPattern)) {
      const pattern = cursor.text()
      onMessage(channelOf(cursor.part()), cursor.part(), pattern)
    } else handOn(cursor.skip())
    return true
  }
  const read = respReader(step)
  return (bytes) => void read(bytes)
}

// helpers

/** Behind the type, which is that of a list in RESP2, and that of a push in RESP3. */
const byChannel = '3\r\n$7\r\nmessage\r\n'
const byPattern = '4\r\n$8\r\npmessage\r\n'
