/** Staying subscribed: a connection at a time with all subscriptions, watched by a heartbeat, and made anew when it is lost. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import { left, right } from '../core/result.js'
import type { OnEvent } from '../ports/interpreter.js'
import { type ResourceError, resourceError } from '../ports/resource.js'
import { sleep, within } from '../ports/waiting.js'
import { type Connection, connect } from '../redis/connection.js'
import type { RedisTarget } from '../redis/like.js'
import { type Session, type SessionNeeds, sessionOn } from './redis-pubsub-session.js'

// model

export interface SubscriberNeeds extends Omit<SessionNeeds, 'onAlive'> {
  readonly target: RedisTarget
  /** Who wants it. */
  readonly name: string
  readonly connectMs: number
  readonly emit: OnEvent
}

export interface Subscriber {
  /** Subscribes for the first time, or says why that cannot be; gives the name of the server. */
  readonly open: () => Promise<Either<ResourceError, string>>
  /** How often it was subscribed again. */
  readonly gaps: () => number
  /** Ends the subscriptions, without waiting for anything. */
  readonly leave: () => void
  /** Subscribes again what was left. */
  readonly resume: () => void
}

// constructors

export const subscriber = (needs: SubscriberNeeds): Subscriber => {
  const { target, name, channels, patterns, connectMs, clock, emit } = needs
  /** When something was last heard of a server, by the monotonic clock. */
  let aliveAt = clock.monotonic()
  let gaps = 0
  let leaving = new AbortController()
  const watched: SessionNeeds = { ...needs, onAlive: (at) => (aliveAt = at) }

  const subscribed = async (waitMs: number, signal: AbortSignal): Promise<Either<ResourceError, Session>> => {
    const connected = await connectedNode(target, name, waitMs, clock, signal)
    if (connected._tag === 'Left') return connected
    const { connection, server } = connected.right
    const session = sessionOn(connection, server, signal, watched)
    let problem = 'the connection was lost, or there was no answer in time'
    try {
      const subscribing = Promise.race([session.subscribe(), session.ended])
      if ((await within(clock, waitMs, subscribing)) === true) return right(session)
    } catch (thrown) {
      problem = session.errorOf(thrown).message
    }
    session.close()
    const names = [...channels, ...patterns].join(', ')
    return left(resourceError(name, `cannot subscribe to ${names}: ${problem}; ${adviceOn(problem)}`))
  }

  /** Subscribes again, however long that takes; `undefined` once that is no longer wanted. */
  const regained = async (signal: AbortSignal): Promise<Session | undefined> => {
    const lostAt = clock.monotonic()
    const silentSince = aliveAt
    let isUnready = false
    for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(retryMs * 2, maxRetryMs)) {
      const session = await subscribed(Math.min(connectMs, maxAttemptMs), signal)
      if (session._tag === 'Right') {
        gaps += 1
        if (isUnready) emit({ _tag: 'Reconnected', afterMs: clock.monotonic() - lostAt })
        emit({ _tag: 'Gap', durationMs: clock.monotonic() - silentSince })
        return session.right
      }
      if (!isUnready && clock.monotonic() - lostAt >= unreadyAfterMs) {
        isUnready = true
        emit({ _tag: 'Unready', error: { name: 'ResourceError', message: session.left.message } })
      }
      await sleep(clock, retryMs * (0.5 + clock.random() / 2), signal)
    }
    return undefined
  }

  const stay = async (first: Session | undefined, signal: AbortSignal): Promise<void> => {
    for (let session = first; session !== undefined; session = await regained(signal)) {
      await session.ended
      session.close()
    }
  }

  return {
    open: async () => {
      const { signal } = leaving
      const session = await subscribed(connectMs, signal)
      if (session._tag === 'Left') return session
      void stay(session.right, signal)
      return right(session.right.server)
    },
    gaps: () => gaps,
    leave: () => leaving.abort(),
    resume: () => {
      if (!leaving.signal.aborted) return
      leaving = new AbortController()
      const { signal } = leaving
      void regained(signal).then((session) => stay(session, signal))
    }
  }
}

// helpers

const firstRetryMs = 50
const maxRetryMs = 1_000
/** How long one attempt to be subscribed again may take. */
const maxAttemptMs = 5_000
const unreadyAfterMs = 30_000

/**
 * Connects to the server, or to a node of the cluster: each of these hears all that is published in it, and a
 * cluster's own subscriber says nothing when it could not subscribe again.
 */
const connectedNode = async (
  target: RedisTarget,
  name: string,
  connectMs: number,
  clock: Clock,
  signal: AbortSignal
): Promise<Either<ResourceError, { readonly connection: Connection; readonly server: string }>> => {
  const connected = await connect(target, name, clock, { connectMs, signal })
  if (connected._tag === 'Left') return connected
  const { client, server, close } = connected.right
  if (!client.isCluster) return right({ connection: connected.right, server })
  const nodes = client.nodes?.() ?? []
  const node = nodes[Math.floor(clock.random() * nodes.length)]
  const connection =
    node === undefined
      ? left(resourceError(name, `the cluster ${server} has no nodes; see what Redis says`))
      : await connect({ client: node }, name, clock, { connectMs, signal })
  close()
  return connection._tag === 'Left' ? connection : right({ connection: connection.right, server })
}

const adviceOn = (problem: string): string =>
  problem.startsWith('NOPERM')
    ? 'give this user the right to SUBSCRIBE and PSUBSCRIBE and to these channels (ACL SETUSER … &channel)'
    : 'see what Redis says'
