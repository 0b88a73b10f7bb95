/** Connections to Redis on which every question is answered in a bounded time, and none is asked twice by itself. */
import { hash } from 'node:crypto'
import type { Either } from 'fp-ts/lib/Either.js'
import { type Captured, capture } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { left, right } from '../core/result.js'
import { type ResourceError, resourceError } from '../ports/resource.js'
import { sleep, within } from '../ports/waiting.js'
import { directReads } from './direct-reads.js'
import { type Made, madeClient } from './driver.js'
import { type Read, entriesOf } from './entries.js'
import type { RedisArgument, RedisLike, RedisTarget } from './like.js'
import { adviceOn, opened } from './opening.js'

// model

export interface Connection {
  /** Names the server, without credentials. */
  readonly server: string
  readonly keyPrefix: string
  readonly client: RedisLike
  /**
   * Replies with text. Rejects if there is no answer within `timeoutMs` (2 s), or if it comes from a replica or a server
   * that still loads, and then connects anew: the next connection may lead elsewhere.
   */
  readonly ask: (parts: readonly [string, ...RedisArgument[]], timeoutMs?: number) => Promise<unknown>
  /** The same with bytes in the place of text. */
  readonly askBytes: (parts: readonly [string, ...RedisArgument[]], timeoutMs?: number) => Promise<unknown>
  /** Reads streams; one read at a time. */
  readonly read: (parts: readonly [string, ...RedisArgument[]], timeoutMs: number) => Promise<readonly Read[]>
  /** Runs a script, which the server keeps from the first time on. */
  readonly run: (script: Script, keys: readonly string[], parts: readonly RedisArgument[]) => Promise<unknown>
  readonly runBytes: (
    script: Script,
    keys: readonly string[],
    parts: readonly RedisArgument[]
  ) => Promise<unknown>
  /** Waits at most so long until commands can be sent. */
  readonly isReady: (waitMs: number, signal: AbortSignal) => Promise<boolean>
  /** How often it was connected again. */
  readonly reconnects: () => number
  /** What went wrong, as data without credentials. */
  readonly errorOf: (thrown: unknown) => Captured
  readonly close: () => void
}

export interface Script {
  readonly text: string
  readonly sha: string
}

export interface ConnectOptions {
  /** How long the server may take to be there. 10 s by default. */
  readonly connectMs?: number
  /** How long an answer may take where nothing else is said. 2 s by default. */
  readonly timeoutMs?: number
  /** Aborts when it is no longer wanted. */
  readonly signal?: AbortSignal
}

/** There was no answer in time. */
export class Unanswered extends Error {}

/** Does a replica say so, or a server that still loads? Redis wraps what scripts are told. */
export const isMisled = (message: string): boolean => /(?:^|-)(?:READONLY|LOADING|MASTERDOWN)\b/.test(message)

// constructors

/** How long Redis is waited for when something is opened. */
export const defaultConnectMs = 10_000

export const script = (text: string): Script => ({ text, sha: hash('sha1', text) })

/** Connects, or says why that cannot be; `name` is who wants it. */
export const connect = async (
  target: RedisTarget,
  name: string,
  clock: Clock,
  { connectMs = defaultConnectMs, timeoutMs = 2_000, signal }: ConnectOptions = {}
): Promise<Either<ResourceError, Connection>> => {
  const made = await madeClient(target, name)
  if (made._tag === 'Left') return made
  const { client, server, redacted } = made.right
  const problem = await opened(client, connectMs, clock, signal)
  if (problem === undefined) return right(connectionOf(made.right, clock, timeoutMs))
  client.disconnect()
  return left(
    resourceError(name, `cannot connect to Redis at ${server}: ${redacted(problem)}; ${adviceOn(problem)}`)
  )
}

/**
 * Asks, and again for so long if the connection breaks, or leads to a replica or a server that still loads: Redis may be
 * restarted, or fail over, just when a process begins.
 */
export const insisted = async <A>(
  { isReady }: Connection,
  ask: () => Promise<A>,
  forMs: number,
  clock: Clock,
  signal: AbortSignal
): Promise<A> => {
  const until = clock.monotonic() + forMs
  for (;;) {
    try {
      return await ask()
    } catch (thrown) {
      const { name, message } = capture(thrown)
      const leftMs = until - clock.monotonic()
      if ((name === 'ReplyError' && !isMisled(message)) || leftMs <= 0) throw thrown
      await sleep(clock, insistMs, signal)
      if (!(await isReady(leftMs, signal)) || signal.aborted) throw thrown
    }
  }
}

// helpers

const graceMs = 20
const insistMs = 50

const connectionOf = (
  { client, server, keyPrefix, redacted }: Made,
  clock: Clock,
  defaultTimeoutMs: number
): Connection => {
  let reconnects = 0
  /** Is it being closed, to be made anew? The client takes it for ready as long as the other side says nothing. */
  let isGivenUp = false
  client.on('ready', () => {
    reconnects += 1
    isGivenUp = false
  })
  const isReady = (): boolean => client.status === 'ready' && !isGivenUp
  const renew = (): void => {
    if (!isReady()) return
    isGivenUp = true
    client.disconnect(true)
  }

  const refused = (thrown: unknown): never => {
    if (isMisled(capture(thrown).message)) renew()
    throw thrown
  }

  const answered = async <A>(asking: Promise<A>, timeoutMs: number): Promise<A> => {
    const answer = asking.then((value) => ({ value }), refused)
    // Where something has held up the event loop the answer may be there, and is read after the timers.
    const given = (await within(clock, timeoutMs, answer)) ?? (await within(clock, graceMs, answer))
    if (given !== undefined) return given.value
    // A connection may be half open, and never say so: only a new one helps.
    renew()
    throw new Unanswered(`Redis at ${server} has not answered for ${timeoutMs} ms`)
  }

  const ask: Connection['ask'] = ([command, ...parts], timeoutMs = defaultTimeoutMs) =>
    answered(client.call(command, parts), timeoutMs)
  const askBytes: Connection['ask'] = ([command, ...parts], timeoutMs = defaultTimeoutMs) =>
    answered(client.callBuffer(command, parts), timeoutMs)

  const read: Connection['read'] = ([command, ...parts], timeoutMs) => {
    const direct = directReads(client)
    const reading =
      direct === undefined ? client.callBuffer(command, parts).then(entriesOf) : direct([command, ...parts])
    return answered(reading, timeoutMs)
  }

  const runBy =
    (asked: Connection['ask']): Connection['run'] =>
    async ({ text, sha }, keys, parts) => {
      try {
        return await asked(['EVALSHA', sha, keys.length, ...keys, ...parts])
      } catch (thrown) {
        if (!capture(thrown).message.startsWith('NOSCRIPT')) throw thrown
        return asked(['EVAL', text, keys.length, ...keys, ...parts])
      }
    }

  return {
    server,
    keyPrefix,
    client,
    ask,
    askBytes,
    read,
    run: runBy(ask),
    runBytes: runBy(askBytes),
    isReady: async (waitMs, signal) => {
      const until = clock.monotonic() + waitMs
      while (!isReady() && clock.monotonic() < until && !signal.aborted) await sleep(clock, pauseMs, signal)
      return isReady()
    },
    reconnects: () => reconnects,
    errorOf: (thrown) => {
      const { name, message } = capture(thrown)
      return { name, message: redacted(message) }
    },
    close: () => client.disconnect()
  }
}

const pauseMs = 20
