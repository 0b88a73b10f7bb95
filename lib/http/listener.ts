/** Processors as listeners of requests in Node's own form. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.js'
import type { Processor } from '../core/processor.js'
import { systemClock } from '../system.js'
import type { Endpoint } from './endpoint.js'
import { type MountOptions, mounted } from './mounted.js'
import { NodeIncoming } from './node-incoming.js'
import type { HttpReply } from './reply.js'

// model

/** What `node:http` and the frameworks on it call for each request. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => void

// constructors

/**
 * Makes a processor a listener `(request, response) => void` for `node:http`, Express, Fastify and Koa. It answers as
 * `toFetch` does. It reads the body by itself, and so belongs before whatever parses bodies; where one has left the
 * bytes as `request.rawBody` or `request.body`, as they were sent (`express.raw({ inflate: false })`), those are taken.
 *
 * @example
 * const listener = toListener(pipe(receive(json), handle(otherwise(async () => ack))), { allowAnonymous: true })
 * const server = createServer(listener).listen(0, '127.0.0.1')
 * await once(server, 'listening')
 * const { port } = server.address() as AddressInfo
 * const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: '{"total":3}' })
 * assert.equal([response.status, await response.json()], [200, { result: 'ack' }])
 * server.close()
 *
 * @throws RangeError if a number is out of its range
 * @throws TypeError if it is not said who may send, or something else that is said makes no sense
 * @since 0.1.0
 */
export const toListener = (processor: Processor, options: MountOptions): Listener =>
  listenerOf(mounted('toListener', processor, options), options.clock ?? systemClock)

/** What only whoever has made the server can say. */
export interface ListenerNeeds {
  /** How long a sender may take nothing of its answer. */
  readonly answerMs?: number
  /** Told when a body is about to be read. */
  readonly onRead?: (response: ServerResponse) => void
}

export const listenerOf =
  (
    { answer, budget, isDraining }: Endpoint,
    clock: Clock,
    { answerMs, onRead }: ListenerNeeds = {}
  ): Listener =>
  (request, response) => {
    // Node takes it off a request that was destroyed by who read it.
    const socket: object = request.socket ?? request
    latest.set(socket, request)
    const incoming = new NodeIncoming(request, budget, onRead && (() => onRead(response)))
    let hasFailed = false
    answer(incoming, (reply) => {
      // Whoever is connected is to send the next one somewhere else. What it has sent behind this one is answered first.
      if (isDraining() && latest.get(socket) === request) response.shouldKeepAlive = false
      try {
        send(request, response, reply, clock)
        if (answerMs !== undefined && !response.writableFinished) hurried(response, answerMs)
      } catch (thrown) {
        // Whoever has a head waits for the rest, and whoever can be told nothing at all for ever.
        if (response.headersSent || hasFailed) response.destroy()
        hasFailed = true
        throw thrown
      }
    })
  }

// helpers

/** The last request of each connection, which may have sent several before the first is answered. */
const latest = new WeakMap<object, IncomingMessage>()

const send = (
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: HttpReply,
  clock: Clock
): void => {
  if (response.headersSent || response.destroyed) return
  const hasBody = status !== 204 && status !== 304
  const isMeasured = !hasBody || headers['content-length'] !== undefined
  response.writeHead(status, isMeasured ? headers : { ...headers, 'content-length': Buffer.byteLength(body) })
  const sent = hasBody && request.method !== 'HEAD' ? body : ''
  if (!request.complete) return lingering(request, response, sent, clock)
  if (sent.length > 0) {
    response.write(sent)
    // In one piece with its head: an end with a body is written as two, which costs a tenth of a whole request.
    response.socket?.uncork()
  }
  response.end()
}

/** Hangs up on whoever takes nothing of the answer for so long; Node's own limits are those of requests. */
const hurried = (response: ServerResponse, answerMs: number): void => {
  response.setTimeout(answerMs)
  // First of all, as Node says then how long the connection may be idle.
  response.prependOnceListener('finish', () => response.socket?.setTimeout(0))
}

/** A sender reads our answer before the end of its body only if we do not hang up on it at once, as an end may do. */
const lingering = (
  request: IncomingMessage,
  response: ServerResponse,
  body: HttpReply['body'],
  clock: Clock
): void => {
  if (body.length === 0) response.flushHeaders()
  else response.write(body)
  request.resume()
  const cancel = clock.after(lingerMs, () => {
    const { stream } = request as { readonly stream?: { readonly close: () => void } }
    if (stream === undefined) return request.destroy()
    // By HTTP/2 the connection is not this one's alone: only what it sends is to end, once its answer has.
    response.end()
    stream.close()
  })
  const onOver = (): void => {
    cancel()
    response.end()
  }
  // By HTTP/2 a request is closed only when its answer has ended, too.
  request.once('end', onOver)
  request.once('close', onOver)
}

const lingerMs = 1_000
