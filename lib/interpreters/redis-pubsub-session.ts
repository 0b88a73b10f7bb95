/** A connection with all subscriptions, watched by a heartbeat. */
import type { Captured } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import type { Connection } from '../redis/connection.js'
import { directMessages } from '../redis/direct-messages.js'

// model

export interface SessionNeeds {
  readonly channels: readonly string[]
  readonly patterns: readonly string[]
  readonly heartbeatMs: number
  readonly clock: Clock
  /** Called when something was heard of the server, with the monotonic time. */
  readonly onAlive: (at: number) => void
  /** Called before the messages that arrive at the same time. */
  readonly onArrival: () => void
  readonly onMessage: (channel: Buffer, payload: Buffer, pattern: string | undefined) => void
}

/** A connection with all subscriptions. */
export interface Session {
  readonly server: string
  /** Rejects if one of them is refused. */
  readonly subscribe: () => Promise<unknown>
  /** Resolves once the connection is lost, silent for too long, or no longer wanted. */
  readonly ended: Promise<void>
  readonly errorOf: (thrown: unknown) => Captured
  /** Nothing that comes after this is taken. */
  readonly close: () => void
}

// constructors

/** Not subscribed yet. Messages are told from the first that comes. */
export const sessionOn = (
  connection: Connection,
  server: string,
  signal: AbortSignal,
  { channels, patterns, heartbeatMs, clock, onAlive, onArrival, onMessage }: SessionNeeds
): Session => {
  const { client } = connection
  let aliveAt = clock.monotonic()
  let isOver = false
  let isArriving = false
  let askedAt: number | undefined
  let cancelBeat = (): void => undefined
  let end = (): void => undefined
  const ended = new Promise<void>((resolve) => (end = resolve))

  const heard = (): void => {
    aliveAt = clock.monotonic()
    onAlive(aliveAt)
  }

  const arrived = (channel: Buffer, payload: Buffer, pattern: string | undefined): void => {
    if (isOver) return
    if (!isArriving) {
      // Messages of one read come in the same turn.
      isArriving = true
      queueMicrotask(() => (isArriving = false))
      heard()
      onArrival()
    }
    onMessage(channel, payload, pattern)
  }

  const answered = (): void => {
    askedAt = undefined
    // That it may not be asked is an answer, too.
    if (!isOver && client.status === 'ready') heard()
  }

  const isSilent = (): boolean =>
    askedAt !== undefined && clock.monotonic() - Math.max(askedAt, aliveAt) >= 2 * heartbeatMs

  const asked = (): void => {
    if (askedAt === undefined) {
      askedAt = clock.monotonic()
      client.call('ping', []).then(answered, answered)
    }
    cancelBeat = clock.after(heartbeatMs, () => {
      if (!isSilent()) return asked()
      // What arrived while something else blocked the event loop is read before this is judged.
      cancelBeat = clock.after(0, () => (isSilent() ? end() : asked()))
    })
  }

  client.on('close', end)
  client.on('end', end)
  if (!directMessages(client, arrived)) {
    client.on('messageBuffer', (channel: Buffer, payload: Buffer) => arrived(channel, payload, undefined))
    client.on('pmessageBuffer', (pattern: string, channel: Buffer, payload: Buffer) =>
      arrived(channel, payload, pattern)
    )
  }
  signal.addEventListener('abort', end)
  if (signal.aborted || client.status !== 'ready') end()

  return {
    server,
    subscribe: async () => {
      const subscribing = [
        ...(channels.length === 0 ? [] : [client.call('subscribe', [...channels])]),
        ...(patterns.length === 0 ? [] : [client.call('psubscribe', [...patterns])])
      ]
      await Promise.all(subscribing)
      heard()
      asked()
      return true
    },
    ended,
    errorOf: connection.errorOf,
    close: () => {
      isOver = true
      cancelBeat()
      signal.removeEventListener('abort', end)
      connection.close()
    }
  }
}
