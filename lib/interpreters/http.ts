/** HTTP: a server of its own in front of a processor. */
import { batchProblem } from '../combinators/batch.js'
import { telling } from '../combinators/observers.js'
import { capture } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { isSettled, runOf } from '../core/processor.js'
import { type EndpointOptions, accessProblem, definedOf, settingsOf } from '../http/options.js'
import type { Verify } from '../http/verify.js'
import type { IdempotencyStore } from '../ports/idempotency.js'
import type { Interpreter, Report } from '../ports/interpreter.js'
import { type Resource, closeProblem, isResource } from '../ports/resource.js'
import { systemClock } from '../system.js'
import { type ServingLimits, serve } from './http-serving.js'
import { emptyTally, toReport } from './tally.js'

// model

/** Where a server listens, who may send, and how it stops. */
export interface HttpOptions extends Omit<EndpointOptions, 'idempotency'> {
  /**
   * Where it is remembered what was handled. A request with the key of one that was is answered without a handler. A
   * resource, as `sqliteIdempotency` and `redisIdempotency` give one, is opened at the start and closed at the end.
   */
  readonly idempotency?: IdempotencyStore | Resource<IdempotencyStore>
  /** 0 for any that is free. */
  readonly port: number
  /** The address to listen on. By default the loopback, where only programs of this machine can send. */
  readonly host?: string
  /** Says who sends, and refuses others. */
  readonly verify?: Verify
  /** Says that anybody may send. On another address than the loopback either this or `verify` has to be said. */
  readonly allowAnonymous?: boolean
  /** How long the head of a request may take, in milliseconds. 10 s by default. */
  readonly headersTimeoutMs?: number
  /**
   * How long a whole request may take to come in, and how long its sender may take nothing of the answer, in
   * milliseconds. 30 s by default.
   */
  readonly requestTimeoutMs?: number
  /** How long a connection stays open without a request; longer than what is before it keeps its own. 65 s by default. */
  readonly keepAliveMs?: number
  /** How many connections there may be; beyond it they are closed at once. 10,000 by default. */
  readonly maxConnections?: number
  /** How many requests a connection may bring. 1,000 by default. */
  readonly maxRequestsPerSocket?: number
  /** How large the head of a request may be, in bytes. 16 KiB by default. */
  readonly maxHeaderBytes?: number
  /** How long running handlers may take to finish after a stop, before their signals abort. 25 s by default. */
  readonly drainMs?: number
  /** How long they may take after that, before they are given up. 5 s by default. */
  readonly graceMs?: number
  /** How many handlers may be given up and still run before the run stops. 100 by default. */
  readonly maxAbandoned?: number
}

// constructors

/**
 * Runs a processor behind an HTTP server of its own. Each body is a message; the answer is the outcome's: 200 acked,
 * 202 dead-lettered, 503 nacked, 422 or 500 failed where no queue took it. After a stop it takes no more connections,
 * closes idle ones, and answers what is in flight.
 *
 * @example
 * const processor = pipe(receive(json), handle(otherwise(async () => ack)), withDlq(memoryDlq()))
 * const stop = new AbortController()
 * const answered: number[] = []
 * const report = await http({ port: 0, allowAnonymous: true })(processor)(stop.signal, async (event) => {
 *   if (event._tag !== 'Listening') return
 *   const { status } = await fetch(event.address, { method: 'POST', body: '{"total":3}' })
 *   answered.push(status)
 *   stop.abort()
 * })()
 * assert.equal([answered, report.acked], [[200], 1])
 *
 * @throws RangeError if a number is out of its range
 * @throws TypeError if what is said makes no sense, or lets everybody in without saying so
 * @since 0.1.0
 */
export const http = (options: HttpOptions): Interpreter => {
  const limits = limitsOf(options)
  const { idempotency, ...rest } = options
  const { onEvent: onOwnEvent = () => undefined, clock = systemClock } = rest
  // What depends on the processor is seen when there is one.
  settingsOf('http', true, rest, { onEvent: onOwnEvent, clock })
  return (processor) =>
    (signal, onEvent = () => undefined) =>
    async () => {
      const startedAt = clock.monotonic()
      const emit = telling(onEvent, onOwnEvent)
      const unstarted = (thrown: unknown): Report => {
        const ended = { _tag: 'NotStarted', error: capture(thrown) } as const
        return toReport(emptyTally(), 0, clock.monotonic() - startedAt, ended)
      }
      const run = async (): Promise<Report> => {
        runOf(processor) // throws where it is none
        const defaults = { onEvent: emit, clock }
        const settings = settingsOf('http', isSettled(processor), { ...rest, ...defaults }, defaults)
        const problem = batchProblem(processor, settings.concurrency)
        if (problem !== undefined) throw new TypeError(`http: ${problem}`)
        const serving = (store: IdempotencyStore | undefined): Promise<Report> =>
          serve({
            processor,
            settings: store === undefined ? settings : { ...settings, idempotency: store },
            verify: options.verify,
            // Whoever listens on the loopback alone does not reckon with the pages that a browser there shows.
            refusesPages: options.verify === undefined && options.allowAnonymous !== true,
            limits,
            signal
          })
        return isResource(idempotency)
          ? withStore(idempotency, (store) => serving(store).catch(unstarted), clock, limits.graceMs)
          : serving(idempotency)
      }
      const report = await run().catch(unstarted)
      emit({ _tag: 'Ended', report })
      return report
    }
}

// helpers

/** Runs with a store that is open meanwhile. That it cannot be closed changes nothing of what was counted. */
const withStore = async (
  resource: Resource<IdempotencyStore>,
  run: (store: IdempotencyStore) => Promise<Report>,
  clock: Clock,
  graceMs: number
): Promise<Report> => {
  const opened = await resource.open()
  if (opened._tag === 'Left') throw new Error(`${opened.left.resource}: ${opened.left.message}`)
  const { value, close } = opened.right
  const report = await run(value)
  const problem = await closeProblem(close, graceMs, clock, 'it took too long')
  if (problem === undefined || report.ended._tag !== 'Aborted') return report
  const message = `the store of idempotency was not closed: ${problem}`
  return { ...report, ended: { _tag: 'SourceLost', error: { name: 'ResourceError', message } } }
}

const limitsOf = (options: HttpOptions): ServingLimits => {
  const { port, host = '127.0.0.1' } = options
  const limits: ServingLimits = {
    host,
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    keepAliveMs: 65_000,
    maxConnections: 10_000,
    maxRequestsPerSocket: 1_000,
    maxHeaderBytes: 16_384,
    drainMs: 25_000,
    graceMs: 5_000,
    maxAbandoned: 100,
    ...definedOf(options)
  }
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535))
    throw new RangeError('http: port is a whole number from 0 to 65535')
  for (const name of ['maxConnections', 'maxRequestsPerSocket', 'maxHeaderBytes', 'maxAbandoned'] as const)
    if (!(Number.isInteger(limits[name]) && limits[name] >= 1))
      throw new RangeError(`http: ${name} is a whole number of at least 1`)
  for (const [name, least] of [
    ['headersTimeoutMs', 1],
    ['requestTimeoutMs', 1],
    ['keepAliveMs', 1],
    ['drainMs', 0],
    ['graceMs', 0]
  ] as const)
    if (!(limits[name] >= least && limits[name] < 2 ** 31))
      throw new RangeError(`http: ${name} is a number of milliseconds of at least ${least}`)
  const problem = isLoopback(host) && isUnsaid(options) ? undefined : accessProblem(options)
  if (problem !== undefined) throw new TypeError(`http: ${host} can be reached from outside; ${problem}`)
  return limits
}

const isUnsaid = ({ verify, allowAnonymous }: HttpOptions): boolean =>
  verify === undefined && allowAnonymous === undefined

const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host)
