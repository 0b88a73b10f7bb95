/** A run behind HTTP: a server that listens, answers until it is stopped, and then ends what it has begun. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Processor } from '../core/processor.js'
import { endpointOf } from '../http/endpoint.js'
import { listenerOf } from '../http/listener.js'
import type { Settings } from '../http/options.js'
import type { Verify } from '../http/verify.js'
import { type Ended, type Report, inFlightOf } from '../ports/interpreter.js'
import { aborted, every, within } from '../ports/waiting.js'
import { type ServerLimits, addressOf, listening, sent, stopListening } from './http-server.js'
import { count, emptyTally, toReport } from './tally.js'

// model

export interface ServingLimits extends ServerLimits {
  readonly drainMs: number
  readonly graceMs: number
  readonly maxAbandoned: number
}

export interface ServingNeeds {
  readonly processor: Processor
  readonly settings: Settings
  readonly verify: Verify | undefined
  /** Are requests that a browser sends for a page refused? */
  readonly refusesPages: boolean
  readonly limits: ServingLimits
  /** Stops it. */
  readonly signal: AbortSignal
}

// functions

/** Rejects where it cannot listen, with what to do about it. */
export const serve = async ({
  processor,
  settings,
  verify,
  refusesPages,
  limits,
  signal
}: ServingNeeds): Promise<Report> => {
  const { clock, onEvent: emit, senderRetries } = settings
  const { drainMs, graceMs } = limits
  const startedAt = clock.monotonic()
  const tally = emptyTally()
  const server = await listening(limits)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const address = addressOf(server)
  /** Aborts when too many handlers hang. */
  const hung = new AbortController()
  let ended: Ended = { _tag: 'Aborted' }
  const endpoint = endpointOf({
    processor,
    settings,
    verify,
    refusesPages,
    place: address,
    maxAbandoned: limits.maxAbandoned,
    onTooManyAbandoned: (count) => {
      ended = { _tag: 'TooManyAbandoned', count }
      hung.abort()
    },
    onOutcome: (outcome, { message }) => {
      tally.received += 1
      // Such a sender does not bring it again.
      if (outcome._tag === 'Released' && !senderRetries) tally.unsettled += 1
      else count(tally, outcome)
      const { storedIn } = message.trace
      if (outcome._tag === 'DeadLettered' && storedIn !== undefined) tally.storedIn.add(storedIn)
    }
  })
  const answerMs = limits.requestTimeoutMs
  server.on('request', listenerOf(endpoint, clock, { answerMs }))
  // So that who asks first is told of a refusal before it sends the body.
  const onRead = (response: ServerResponse): void => response.writeContinue()
  server.on('checkContinue', listenerOf(endpoint, clock, { answerMs, onRead }))
  emit({ _tag: 'Listening', address })
  emit({ _tag: 'Ready', inFlight: () => endpoint.inFlight().map(({ message }) => inFlightOf(message)) })
  const stopBeating = every(clock, beatMs, async () => {
    const { length: inFlight } = endpoint.inFlight()
    const [isPaused, abandoned] = [!endpoint.isReady(), endpoint.abandoned()]
    emit({ _tag: 'Measured', gauges: { unsettled: inFlight, inFlight, isPaused, abandoned } })
  })

  await Promise.race([aborted(signal), aborted(hung.signal)])
  const drainUntil = clock.monotonic() + drainMs
  const leftMs = (): number => Math.max(0, drainUntil - clock.monotonic())
  const drained = endpoint.drain().then(() => true)
  const { length: inFlight } = endpoint.inFlight()
  if (inFlight > 0) emit({ _tag: 'Draining', inFlight })
  const closed = new Promise((resolve) => server.once('close', resolve))
  await stopListening(server)
  // A connection whose answer is still on its way counts as idle, and would be cut off with the idle ones.
  await within(clock, leftMs(), sent(sockets, stalledMs))
  server.close()
  if (!(await within(clock, leftMs(), drained))) {
    endpoint.interrupt('shutdown')
    await within(clock, graceMs, drained)
  }
  await within(clock, lingerMs, closed)
  await within(clock, leftMs(), sent(sockets, stalledMs))
  server.closeAllConnections()
  stopBeating()
  const { length: left } = endpoint.inFlight()
  tally.received += left
  tally[senderRetries ? 'released' : 'unsettled'] += left
  return toReport(tally, 0, clock.monotonic() - startedAt, ended)
}

// helpers

/** How long a connection may take to end by itself. */
const lingerMs = 1_000
/** How long a stop waits for who takes nothing of an answer. Less is no sign, as systems send some megabytes at a time. */
const stalledMs = 3_000
const beatMs = 5_000
