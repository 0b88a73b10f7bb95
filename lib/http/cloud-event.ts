/** CloudEvents 1.0: a format for messages that are events, whichever way they are sent. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Either } from 'fp-ts/lib/Either.js'
import type * as t from 'io-ts'
import { type Failure, type Issue, malformed } from '../core/failure.js'
import { type Format, json } from '../core/format.js'
import type { Json } from '../core/json.js'
import { type Matcher, taken } from '../core/matcher.js'
import { type Message, message } from '../core/message.js'
import { left, right } from '../core/result.js'
import { type Codec, codecDecode } from '../matchers/codec.js'
import { byField } from '../matchers/keyed.js'
import { type Schema, isSchema, schemaDecode } from '../matchers/schema.js'
import { sensitiveFieldsOf } from '../matchers/sensitive.js'
import {
  type CloudEventAttributes,
  type ReadAttributes,
  attributesOf,
  attributesOfHeaders,
  hasAttributes
} from './cloud-event-attributes.js'
import { eventsOf } from './cloud-event-batch.js'
import { type CloudEventData, dataInJson, decodedData, under } from './cloud-event-data.js'
import { isBatch, isOfEvents, mediaTypeOf } from './content-type.js'

// model

/** An event. Its attributes are checked; what lies in `data` is for a codec or schema of the route to check. */
export interface CloudEvent extends CloudEventAttributes, CloudEventData {}

// constructors

/**
 * An event of CloudEvents 1.0. Its attributes are headers (`ce-id`, …) and its data is the payload; or, with the
 * content type `application/cloudevents+json`, or neither such headers nor a content type, the payload is the whole
 * event in JSON. An event that the specification does not allow is `Malformed`.
 *
 * @example
 * const event = { specversion: '1.0', id: '17', source: '/shop', type: 'com.example.order', data: { total: 3 } }
 * assert.equal(cloudEvent(message(event)), right({ ...event, extensions: {} }))
 *
 * const { data, ...attributes } = event
 * const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]))
 * const sent = message(data, { headers: { ...headers, 'content-type': 'application/json' } })
 * const expected = { ...event, datacontenttype: 'application/json', extensions: {} }
 * assert.equal(cloudEvent(sent), right(expected))
 *
 * @since 0.1.0
 */
export const cloudEvent: Format<CloudEvent> = (message) => {
  switch (modeOf(message.headers)) {
    case 'binary':
      return fromHeaders(message)
    case 'structured':
    case 'unmarked':
      return fromJson(message)
    case 'batch':
      return fromBatch(message)
    case 'foreign':
      return wrong([{ path: '', message: 'expected an event as JSON, not in another format' }])
    case 'none':
      return wrong([
        {
          path: '',
          message: 'expected the headers of an event, or the content type application/cloudevents+json'
        }
      ])
  }
}

/**
 * Takes events of this type; the handler gets the event, or with a codec or schema what it decodes the data to.
 * Data that does not decode is `Malformed`. The event itself is always the body of the context's `message`.
 *
 * @example
 * const Order = t.type({ total: t.number })
 * const shop = pipe(
 *   receive(cloudEvent),
 *   handle(
 *     route(byEventType('com.example.order', Order), async ({ total }, { message }) =>
 *       ackWith({ note: `${total} to pay, says ${message.body.source}` })
 *     )
 *   )
 * )
 * const event = { specversion: '1.0', id: '17', source: '/shop', type: 'com.example.order' }
 * assert.equal(await shop(message({ ...event, data: { total: 3 } }))(), ackWith({ note: '3 to pay, says /shop' }))
 * assert.equal(
 *   await shop(message({ ...event, data: {} }))(),
 *   failed(malformed([{ path: '.data.total', message: 'expected number' }]))
 * )
 *
 * @since 0.1.0
 */
export const byEventType: {
  (type: string): Matcher<CloudEvent, CloudEvent>
  <A>(type: string, codec: t.Type<A, any>): Matcher<CloudEvent, A>
  <S extends StandardSchemaV1>(type: string, schema: S): Matcher<CloudEvent, StandardSchemaV1.InferOutput<S>>
} = (type: string, schema?: Codec | Schema): Matcher<CloudEvent, any> => {
  const matcher: Matcher<CloudEvent, any> = byField('type', type)
  if (schema === undefined) return matcher
  const decode = isSchema(schema) ? schemaDecode(schema) : codecDecode(schema)
  return {
    ...matcher,
    // The data is a part of the payload, or all of it.
    sensitive: () =>
      sensitiveFieldsOf(schema).flatMap((path) => [path, ['data', ...path], ['data_base64', ...path]]),
    match: ({ body }) => {
      const decoded = decode(body.data)
      return decoded._tag === 'Right'
        ? taken(decoded.right)
        : { _tag: 'Malformed', issues: decoded.left.map(under('.data')) }
    }
  }
}

// readers

/** What names an event among all others: the source with the id. `undefined` for what is marked as no event, or is none. */
export const eventIdOf = (
  headers: Headers,
  payload: Uint8Array
): Pick<CloudEvent, 'source' | 'id'> | undefined => {
  const mode = modeOf(headers)
  if (mode !== 'binary' && mode !== 'structured') return undefined
  const read = mode === 'binary' ? right(attributesOfHeaders(headers)) : attributesInJson(message(payload))
  if (read._tag === 'Left' || read.right.issues.length > 0) return undefined
  const { source, id } = read.right.attributes
  return { source, id }
}

// helpers

type Headers = Readonly<Record<string, string>>

/** How an event is sent. `unmarked`: nothing says what the payload is; `foreign`: an event in a format unknown here. */
type Mode = 'binary' | 'structured' | 'batch' | 'foreign' | 'unmarked' | 'none'

const modeOf = (headers: Headers): Mode => {
  const { 'content-type': contentType } = headers
  if (isOfEvents(contentType)) {
    if (isBatch(contentType)) return 'batch'
    return mediaTypeOf(contentType) === 'application/cloudevents+json' ? 'structured' : 'foreign'
  }
  if (hasAttributes(headers)) return 'binary'
  return contentType === undefined ? 'unmarked' : 'none'
}

const fromHeaders = (message: Message): Either<Failure, CloudEvent> => {
  const read = attributesOfHeaders(message.headers)
  const data =
    message.bytes.length === 0 ? right({}) : decodedData(message, read.attributes.datacontenttype, '.data')
  return joined(read, data)
}

const fromJson = (message: Message): Either<Failure, CloudEvent> => {
  const read = attributesInJson(message)
  return read._tag === 'Left'
    ? read
    : joined(read.right, dataInJson(read.right.event, read.right.attributes.datacontenttype))
}

/** A batch that is still one was not taken apart: by nobody, or because it cannot be. */
const fromBatch = (message: Message): Either<Failure, CloudEvent> => {
  const events = eventsOf(message.bytes)
  return events._tag === 'Left'
    ? events
    : wrong([{ path: '', message: `expected one event, not a batch of ${events.right.length}` }])
}

const joined = (
  { attributes, issues }: ReadAttributes,
  data: Either<readonly Issue[], CloudEventData>
): Either<Failure, CloudEvent> => {
  const all = data._tag === 'Left' ? [...issues, ...data.left] : issues
  return data._tag === 'Left' || all.length > 0 ? wrong(all) : right({ ...attributes, ...data.right })
}

interface JsonEvent extends ReadAttributes {
  readonly event: { readonly [name: string]: Json }
}

const attributesInJson = (message: Message): Either<Failure, JsonEvent> => {
  const decoded = json(message)
  if (decoded._tag === 'Left') return decoded
  if (!isObject(decoded.right)) return wrong([{ path: '', message: 'expected an object' }])
  const given = Object.entries(decoded.right).filter(([name]) => name !== 'data' && name !== 'data_base64')
  return right({ ...attributesOf(given), event: decoded.right })
}

const isObject = (value: Json): value is { readonly [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const maxIssues = 20

const wrong = (issues: readonly Issue[]): Either<Failure, never> =>
  left(malformed(issues.slice(0, maxIssues)))
