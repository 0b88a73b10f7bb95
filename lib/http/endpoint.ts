/** The endpoint: takes a request, runs the processor, and answers by the outcome, whoever holds the socket. */
import { hush } from '../core/captured.js'
import { type Failure, defect, rejected } from '../core/failure.js'
import type { Interruption } from '../core/message.js'
import { type Outcome, failed, nack } from '../core/outcome.js'
import type { Processor } from '../core/processor.js'
import { type Admit, admission, tooMuch } from './admission.js'
import { type Budget, budget, decompressed, isBodyError } from './body.js'
import { eventsOf } from './cloud-event-batch.js'
import { eventIdOf } from './cloud-event.js'
import { isBatch, isOfEvents } from './content-type.js'
import { type EventParts, HttpDelivery } from './delivery.js'
import { type Idempotent, idempotent } from './idempotent.js'
import type { Incoming } from './incoming.js'
import type { Settings } from './options.js'
import { readiness } from './readiness.js'
import { type HttpReply, acked, combinedReply, isHeaderValue, refusal, replyOf, retryAfter } from './reply.js'
import { running } from './running.js'
import type { Verify } from './verify.js'

// model

export interface Endpoint {
  /** Calls `respond` once, whatever happens; if that throws, once more with an answer that says no more than 500. */
  readonly answer: (incoming: Incoming, respond: Respond) => void
  /** What bodies may take. */
  readonly budget: Budget
  /** Refuses what comes from now on, and resolves when nothing is in flight. */
  readonly drain: () => Promise<void>
  /** Aborts the signals of all that is in flight, and has nothing begun any more. */
  readonly interrupt: (reason: Interruption) => void
  /** What is being handled. */
  readonly inFlight: () => readonly HttpDelivery[]
  readonly isDraining: () => boolean
  /** Can the queue store what fails, as far as is known? Also some seconds after it could not, so that it is tried. */
  readonly isReady: () => boolean
  /** How many handlers were given up and still run. */
  readonly abandoned: () => number
}

export type Respond = (reply: HttpReply) => void

export interface EndpointNeeds {
  readonly processor: Processor
  readonly settings: Settings
  readonly verify: Verify | undefined
  /** Are requests that a browser sends for a page refused? */
  readonly refusesPages: boolean
  /** Where requests come in, before their paths. */
  readonly place: string
  /** Told when this many handlers were given up and still run. */
  readonly maxAbandoned?: number
  readonly onTooManyAbandoned?: (count: number) => void
  /** Told what became of each message. */
  readonly onOutcome: (outcome: Outcome, delivery: HttpDelivery) => void
}

// constructors

export const endpointOf = ({
  processor,
  settings,
  verify,
  refusesPages,
  place,
  maxAbandoned = Infinity,
  onTooManyAbandoned = () => undefined,
  onOutcome
}: EndpointNeeds): Endpoint => {
  const { clock, deadlineMs, decompress, idempotency, keyOf } = settings
  const { leaseMs, maxEvents, onEvent: emit, retryAfterMs, senderRetries } = settings
  const bodies = budget(settings)
  const { isReady, pause, resume } = readiness(clock, emit)
  let isDraining = false
  /** Requests that are being read, handled or answered. */
  let open = 0
  let wakeDrained = (): void => undefined
  const isIdle = (): boolean => open === 0 && works.isIdle()
  const settle = (): void => {
    if (isDraining && isIdle()) wakeDrained()
  }
  const works = running({ processor, settings, maxAbandoned, onTooManyAbandoned, onEnd: settle })
  const { isFull, overload } = works

  const again = retryAfter(retryAfterMs)
  const full = refusal(503, tooMuch, again)
  const unavailable = refusal(503, 'the request cannot be taken now', again)
  const admit: Admit = admission({
    settings,
    refusesPages,
    isDraining: () => isDraining,
    isReady,
    // What such a sender is refused is lost, so it is stored instead.
    isFull: () => senderRetries && isFull()
  })

  const report = (id: string, outcome: Outcome): void => emit({ _tag: 'Reported', id, outcome })

  const once: Idempotent | undefined =
    idempotency &&
    idempotent({
      store: idempotency,
      leaseMs,
      retryAfterMs,
      clock,
      onUnmarked: (reason) =>
        report('idempotency', failed(defect('the store of idempotency', new Error(reason))))
    })

  const refused = (incoming: Incoming, reply: HttpReply, reason: string): HttpReply => {
    emit({ _tag: 'Refused', status: reply.status, path: incoming.path, reason })
    return reply
  }

  const answered = (delivery: HttpDelivery, outcome: Outcome): HttpReply => {
    onOutcome(outcome, delivery)
    if (outcome._tag === 'Failed') {
      report(delivery.id, outcome)
      if (outcome.failure._tag === 'DlqUnavailable') pause(outcome.failure)
    } else if (outcome._tag === 'DeadLettered') resume()
    try {
      return replyOf(outcome, settings)
    } catch (thrown) {
      // The work is done: whatever its handler wanted to say, the sender is not to send it again.
      report(delivery.id, failed(defect('the reply of a handler', thrown)))
      return acked
    }
  }

  // messages

  const deliveryOf = (
    incoming: Incoming,
    bytes: Uint8Array,
    id: string | undefined,
    event?: EventParts,
    fault?: Failure
  ): HttpDelivery => new HttpDelivery(incoming, bytes, id, place, senderRetries, clock.now(), fault, event)

  const handled = async (
    delivery: HttpDelivery,
    incoming: Incoming,
    key: string | undefined,
    about: string,
    until?: number
  ): Promise<HttpReply> => {
    const { principal, path } = incoming
    if (once === undefined || key === undefined)
      return answered(delivery, await works.runInTime(delivery, until))
    // What waits for the store is not in flight yet.
    const letGo = bodies.hold(delivery.bytes.length)
    return once(JSON.stringify([principal ?? null, path, key]), about, delivery.bytes, {
      run: async () => {
        letGo()
        // Others may have been started while the store was asked.
        if (senderRetries && isFull()) return { outcome: nack(), reply: refused(incoming, full, tooMuch) }
        const outcome = await works.runInTime(delivery, until)
        return { outcome, reply: answered(delivery, outcome) }
      },
      leave: async (reason) => {
        if (senderRetries) return refused(incoming, unavailable, `the store of idempotency: ${reason}`)
        const failure = rejected('idempotency-unavailable', { reason })
        return answered(delivery, await works.run(delivery, failure))
      },
      lose: () => delivery.interrupt('leaseLost')
    }).finally(letGo)
  }

  /** By the specification an event is named by its source and id together. */
  const handledEvent = (
    incoming: Incoming,
    bytes: Uint8Array,
    own?: Headers,
    until?: number
  ): Promise<HttpReply> => {
    const event = eventIdOf(own ?? incoming.headers, bytes)
    const key = event === undefined ? undefined : JSON.stringify([event.source, event.id])
    const delivery = deliveryOf(incoming, bytes, event?.id, { source: event?.source, headers: own })
    return handled(delivery, incoming, key, '', until)
  }

  const handledBatch = async (incoming: Incoming, bytes: Uint8Array): Promise<HttpReply> => {
    const events = eventsOf(bytes, maxEvents)
    if (events._tag === 'Left') {
      const delivery = deliveryOf(incoming, bytes, undefined, undefined, events.left)
      return answered(delivery, await works.runInTime(delivery))
    }
    const own = { ...incoming.headers, 'content-type': 'application/cloudevents+json' }
    const until = deadlineMs === undefined ? undefined : clock.monotonic() + deadlineMs
    const replies: HttpReply[] = []
    for (const each of events.right) replies.push(await handledEvent(incoming, each, own, until))
    return combinedReply(replies)
  }

  /** Who sends, or why that is not known. */
  const unverified = async (incoming: Incoming, ask: Verify): Promise<HttpReply | undefined> => {
    const verified = await ask(incoming)()
    if (verified._tag === 'Right') {
      incoming.principal = verified.right
      return undefined
    }
    const { reason, challenge } = verified.left
    const headers = isHeaderValue(challenge) ? { 'www-authenticate': challenge } : undefined
    return refused(incoming, refusal(401, reason, headers), reason)
  }

  const failure = (incoming: Incoming, thrown: unknown): HttpReply => {
    if (isBodyError(thrown)) {
      const { status, error } = thrown
      return refused(incoming, refusal(status, error, status === 503 ? again : {}), error)
    }
    report('request', failed(defect('the endpoint', thrown)))
    return refusal(500, 'the request could not be handled')
  }

  /** What needs no promise beside its handler's gets none: they would cost as much as all the rest here. */
  const take = (
    incoming: Incoming,
    bytes: Uint8Array,
    end: Respond,
    fail: (thrown: unknown) => void
  ): void => {
    if (senderRetries && isFull()) return end(refused(incoming, full, tooMuch))
    const hasEvents = isEvent(incoming)
    if (hasEvents && isBatch(incoming.header('content-type')))
      return void handledBatch(incoming, bytes).then(end, fail)
    let key: string | undefined
    try {
      key = keyFor(incoming, keyOf)
    } catch (thrown) {
      return fail(thrown)
    }
    if (hasEvents && key === undefined) return void handledEvent(incoming, bytes).then(end, fail)
    if (key !== undefined && key.length > maxKey) return end(refused(incoming, longKey, tooLong))
    const event = hasEvents ? eventIdOf(incoming.headers, bytes) : undefined
    const delivery = deliveryOf(incoming, bytes, key, event && { source: event.source, headers: undefined })
    if (once === undefined && deadlineMs === undefined)
      return works.start(delivery, (outcome) => end(answered(delivery, outcome)), overload())
    const { method, query } = incoming
    handled(delivery, incoming, key, `${method} ${query}`).then(end, fail)
  }

  /** The body of a sender that is known, or why nothing of it is taken. */
  const admitted = async (incoming: Incoming): Promise<Uint8Array | HttpReply> => {
    const stranger = verify && (await unverified(incoming, verify))
    if (stranger !== undefined) return stranger
    const sent = await incoming.body()
    return decompress ? decompressed(incoming.header('content-encoding'), sent, bodies) : sent
  }

  return {
    answer: (incoming, respond) => {
      open += 1
      const end = (reply: HttpReply): void => {
        open -= 1
        try {
          respond(reply)
        } catch (thrown) {
          report('request', failed(defect('the answer', thrown)))
          respondBarely(respond)
        }
        settle()
      }
      const fail = (thrown: unknown): void => end(failure(incoming, thrown))
      try {
        const early = admit(incoming)
        if (early !== undefined)
          return end(early.reason === undefined ? early.reply : refused(incoming, early.reply, early.reason))
      } catch (thrown) {
        return fail(thrown)
      }
      const onBytes = (bytes: Uint8Array): void => take(incoming, bytes, end, fail)
      if (verify === undefined && !decompress) return incoming.read(onBytes, fail)
      admitted(incoming).then((got) => (got instanceof Uint8Array ? onBytes(got) : end(got)), fail)
    },
    budget: bodies,
    drain: async () => {
      isDraining = true
      if (!isIdle()) await new Promise<void>((resolve) => (wakeDrained = resolve))
    },
    interrupt: works.interrupt,
    inFlight: works.inFlight,
    isDraining: () => isDraining,
    isReady,
    abandoned: works.abandoned
  }
}

// helpers

type Headers = Readonly<Record<string, string>>

const unsendable = refusal(500, 'the answer cannot be sent')
const respondBarely = (respond: Respond): void => {
  try {
    respond(unsendable)
  } catch {
    // there is nobody left to tell
  }
}

const keyFor = (incoming: Incoming, keyOf: Settings['keyOf']): string | undefined => {
  const key: unknown = keyOf === undefined ? incoming.header('idempotency-key') : keyOf(incoming)
  if (key === undefined || key === null || key === '') return undefined
  if (typeof key === 'string') return key
  hush(key)
  throw new TypeError('keyOf gave something that is no text; give the key itself, or undefined')
}

const maxKey = 255
const tooLong = 'the key is too long'
const longKey = refusal(400, `a key has at most ${maxKey} characters`)

const isEvent = (incoming: Incoming): boolean =>
  incoming.header('ce-id') !== undefined || isOfEvents(incoming.header('content-type'))
