/** Replies: what the sender of a request is told. */
import { type Failure, matchFailure } from '../core/failure.js'
import { cut } from '../core/json.js'
import { type Outcome, matchOutcome } from '../core/outcome.js'
import { publicMessage } from '../failures/render.js'
import { utf8 } from './bytes.js'

// model

/** What an answer is made of, where a handler says it itself; see `reply`. */
export interface HttpReply {
  readonly _tag: 'HttpReply'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

export interface ReplyOptions {
  /** What a nack answers with. */
  readonly nackStatus: number
  /** When a sender may try again that is not told when, in milliseconds. */
  readonly retryAfterMs: number
}

// constructors

/**
 * What a handler answers over HTTP, where the usual `{"result":"ack"}` will not do: `ackWith({ reply: httpReply({
 * status: 201, headers: { location: '/orders/17' } }) })`. A reply that is text, bytes or anything with a JSON form
 * needs no `httpReply`. Other sources have nobody to answer, and leave it.
 *
 * @example
 * const created = ackWith({ reply: httpReply({ status: 201, body: 'made' }) })
 * const answer = toFetch(pipe(receive(json), handle(otherwise(async () => created))), { allowAnonymous: true })
 * const response = await answer(new Request('http://localhost/', { method: 'POST', body: '{}' }))
 * assert.equal([response.status, await response.text()], [201, 'made'])
 *
 * @throws RangeError if the status is none of a final answer
 * @throws TypeError if a header or the body cannot be sent
 * @since 0.1.0
 */
export const httpReply = ({
  status = 200,
  headers = {},
  body: given = ''
}: Partial<Omit<HttpReply, '_tag' | 'body'>> & {
  readonly body?: HttpReply['body'] | ArrayBuffer
}): HttpReply => {
  if (!(Number.isInteger(status) && status >= 200 && status <= 599))
    throw new RangeError('httpReply: a status is a whole number from 200 to 599')
  const body = given instanceof ArrayBuffer ? new Uint8Array(given) : given
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    throw new TypeError('httpReply: a body is text or bytes; what has a JSON form can be the reply itself')
  if ((status === 204 || status === 205 || status === 304) && body.length > 0)
    throw new RangeError(`httpReply: an answer of ${status} has no body`)
  for (const [name, value] of Object.entries(headers)) {
    if (!isName(name) || framing.test(name))
      throw new TypeError(`httpReply: ${JSON.stringify(name)} is no header that can be set`)
    if (!isHeaderValue(value))
      throw new TypeError(`httpReply: the header ${name} has a value that cannot be sent`)
  }
  return { _tag: 'HttpReply', status, headers, body }
}

/** JSON for the sender. */
export const jsonReply = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {}
): HttpReply => {
  const text = JSON.stringify(body)
  const { length } = utf8(text)
  return {
    _tag: 'HttpReply',
    status,
    headers: { 'content-type': 'application/json', 'content-length': String(length), ...headers },
    body: text
  }
}

/** What is wrong with a request, and nothing of the inside. */
export const refusal = (
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {}
): HttpReply => jsonReply(status, { error }, headers)

/** To be tried again after so long. */
export const retryAfter = (delayMs: number): { readonly 'retry-after': string } => ({
  'retry-after': String(Math.max(1, Math.ceil(delayMs / 1_000)))
})

// conversions

/** What an outcome says to the sender. Throws where a handler's reply has no form that can be sent. */
export const replyOf = (outcome: Outcome, { nackStatus, retryAfterMs }: ReplyOptions): HttpReply =>
  outcome._tag === 'Acked' && outcome.reply === undefined
    ? acked
    : matchOutcome<HttpReply>({
        Acked: ({ reply }) => replied(reply),
        Nacked: ({ afterMs = retryAfterMs }) =>
          jsonReply(nackStatus, { result: 'nack' }, retryAfter(afterMs)),
        DeadLettered: () => deadLettered,
        Failed: ({ failure }) => {
          const status = statusOf(failure)
          const body = { result: 'failed', error: publicError(failure) }
          return jsonReply(status, body, status === 503 ? retryAfter(retryAfterMs) : {})
        },
        Released: () => jsonReply(503, { result: 'released' }, retryAfter(retryAfterMs))
      })(outcome)

/** One answer for many events: what makes the sender try again comes first, then what was wrong. */
export const combinedReply = (replies: readonly HttpReply[]): HttpReply => {
  const worst = replies.reduce((one, other) => (severity(other) > severity(one) ? other : one), acked)
  const { 'retry-after': after } = worst.headers
  return jsonReply(
    severity(worst) === 0 ? 200 : worst.status,
    { statuses: replies.map(({ status }) => status) },
    after === undefined ? {} : { 'retry-after': after }
  )
}

// guards

export const isHeaderValue = (value: unknown): value is string =>
  typeof value === 'string' && /^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value)

// readers

export const acked: HttpReply = jsonReply(200, { result: 'ack' })

// helpers

const deadLettered: HttpReply = jsonReply(202, { result: 'dead-lettered' })

const statusOf: (failure: Failure) => number = matchFailure<number>({
  Malformed: () => 422,
  NoMatch: () => 422,
  MultipleMatches: () => 422,
  Rejected: () => 422,
  DlqUnavailable: () => 503,
  otherwise: () => 500
})

const maxError = 1_024

/** Schemas quote in their messages what they were given; a payload is not sent back. */
const publicError = (failure: Failure): string =>
  cut(
    publicMessage(
      failure._tag === 'Malformed'
        ? {
            ...failure,
            issues: failure.issues
              .slice(0, 20)
              .map(({ path, message }) => ({ path: cut(path, 128), message: unquoted(message) }))
          }
        : failure
    ),
    maxError
  )

const unquoted = (message: string): string =>
  cut(message.replaceAll(/"[^"]*"?|'[^']*'?|`[^`]*`?/g, '…').replaceAll(/ ?\(was [^)]*\)?/g, ''), 256)

const replied = (reply: unknown): HttpReply => {
  if (isReply(reply)) return httpReply(reply)
  if (typeof reply === 'string') return httpReply({ headers: plain, body: reply })
  if (reply instanceof Uint8Array || reply instanceof ArrayBuffer)
    return httpReply({ headers: octets, body: reply })
  const body = JSON.stringify(reply)
  if (body === undefined) throw new TypeError(`a reply of type ${typeof reply} has no JSON form`)
  return httpReply({ headers: applicationJson, body })
}

const plain = { 'content-type': 'text/plain; charset=utf-8' }
const applicationJson = { 'content-type': 'application/json' }
const octets = { 'content-type': 'application/octet-stream' }

const isReply = (reply: unknown): reply is HttpReply =>
  typeof reply === 'object' && reply !== null && (reply as Partial<HttpReply>)._tag === 'HttpReply'

/** What says where the answer ends is ours to say, and so is what HTTP/2 has no room for. */
const framing =
  /^(?:content-length|transfer-encoding|(?:proxy-)?connection|keep-alive|te|trailer|upgrade|http2-settings)$/i
const isName = (name: string): boolean => /^[\w!#$%&'*+.^`|~-]+$/.test(name)
/** How much an answer matters beside others. What is to be sent again would be lost beside what is not. */
const severity = ({ status, headers }: HttpReply): number => {
  if (status < 300) return status === 202 ? 1 : 0
  const again = headers['retry-after'] === undefined ? 0 : 3
  return again + (status < 500 ? 2 : status === 500 ? 3 : 4)
}
