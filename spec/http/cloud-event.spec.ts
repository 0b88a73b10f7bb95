import * as fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import {
  type Issue,
  type Json,
  type Message,
  ackWith,
  and,
  failed,
  handle,
  malformed,
  message,
  otherwise,
  receive,
  route
} from 'missive-ts'
import { type CloudEvent, byEventType, cloudEvent } from 'missive-ts/http'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { left, right } from '../../lib/core/result.js'
import { eventIdOf } from '../../lib/http/cloud-event.js'

const json = 'application/json'
const structured = { headers: { 'content-type': 'application/cloudevents+json' } }
const attributes = { specversion: '1.0', id: '17', source: '/shop', type: 'com.example.order' } as const
const event: CloudEvent = { ...attributes, extensions: {} }

const headersOf = (values: object) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`ce-${name}`, String(value)]))
const headers = headersOf(attributes)

const inHeaders = (more: Readonly<Record<string, string>>, payload: unknown = '') =>
  cloudEvent(message(payload, { headers: { ...headers, ...more } }))
const inJson = (more: object) => cloudEvent(message({ ...attributes, ...more }, structured))

const wrong = (...issues: readonly (readonly [path: string, message: string])[]) =>
  left(malformed(issues.map(([path, text]) => ({ path, message: text }))))
const issuesOf = (decoded: ReturnType<typeof cloudEvent>): readonly Issue[] =>
  decoded._tag === 'Left' && decoded.left._tag === 'Malformed' ? decoded.left.issues : []

const utf8 = new TextEncoder()

const modes = suite('cloudEvent, told how it is sent,')

modes('reads headers, and the payload as data', () =>
  assert.equal(
    inHeaders({ 'ce-subject': 'a', 'ce-trace2': 'b', 'content-type': json, host: 'localhost' }, { total: 3 }),
    right({ ...event, subject: 'a', datacontenttype: json, extensions: { trace2: 'b' }, data: { total: 3 } })
  )
)

modes('reads JSON by its content type, whatever its case and parameters', () => {
  for (const contentType of [
    'application/cloudevents+json; charset=UTF-8',
    'APPLICATION/CloudEvents+JSON ; a=b'
  ])
    assert.equal(cloudEvent(message(attributes, { headers: { 'content-type': contentType } })), right(event))
})

modes('reads JSON where nothing says what the payload is, as in a stream or on a line', () => {
  assert.equal(cloudEvent(message(attributes)), right(event))
  assert.equal(cloudEvent(message(attributes, { headers: { tenant: 'a' } })), right(event))
})

modes('prefers the content type to headers that repeat what the payload says', () =>
  assert.equal(
    cloudEvent(message(attributes, { headers: { ...structured.headers, ...headers, 'ce-id': '18' } })),
    right(event)
  )
)

modes('refuses what is marked as something else', () => {
  const contentTypes = {
    [json]: 'expected the headers of an event, or the content type application/cloudevents+json',
    'application/cloudevents+avro': 'expected an event as JSON, not in another format',
    'application/cloudevents': 'expected an event as JSON, not in another format',
    'application/cloudevents-batch+avro': 'expected an event as JSON, not in another format'
  }
  for (const [contentType, expected] of Object.entries(contentTypes))
    assert.equal(
      cloudEvent(message(attributes, { headers: { 'content-type': contentType } })),
      wrong(['', expected])
    )
})

modes('refuses a batch that nobody took apart', () => {
  const batch = { headers: { 'content-type': 'application/cloudevents-batch+json' } }
  assert.equal(
    cloudEvent(message([attributes, attributes], batch)),
    wrong(['', 'expected one event, not a batch of 2'])
  )
  assert.equal(cloudEvent(message({}, batch)), wrong(['', 'expected an array']))
})

modes.run()

const valid = suite('cloudEvent')

valid('names all that is missing', () => {
  const missing = (...names: readonly string[]) =>
    wrong(...names.map((name) => [`.${name}`, 'missing'] as const))
  assert.equal(cloudEvent(message({}, structured)), missing('specversion', 'id', 'source', 'type'))
  assert.equal(
    cloudEvent(message('', { headers: { 'ce-type': 'a' } })),
    missing('specversion', 'id', 'source')
  )
  assert.equal(inJson({ id: null, type: null }), missing('id', 'type'))
})

valid('refuses what is empty', () => {
  for (const name of [
    'specversion',
    'id',
    'source',
    'type',
    'subject',
    'time',
    'datacontenttype',
    'dataschema'
  ]) {
    assert.equal(inJson({ [name]: '' }), wrong([`.${name}`, 'empty']))
    if (name !== 'datacontenttype')
      assert.equal(inHeaders({ [`ce-${name}`]: '' }), wrong([`.${name}`, 'empty']))
  }
  assert.equal(inHeaders({ 'content-type': '' }), wrong(['.datacontenttype', 'empty']))
})

valid('refuses what is no text', () => {
  for (const name of [
    'specversion',
    'id',
    'source',
    'type',
    'subject',
    'time',
    'datacontenttype',
    'dataschema'
  ])
    for (const value of [1, true, [], {}])
      assert.equal(inJson({ [name]: value }), wrong([`.${name}`, 'expected a string']))
})

valid('refuses other versions', () => {
  for (const version of ['0.3', '1', '1.0.2', '1.1', ' 1.0']) {
    assert.equal(inJson({ specversion: version }), wrong(['.specversion', 'expected 1.0']))
    assert.equal(inHeaders({ 'ce-specversion': version }), wrong(['.specversion', 'expected 1.0']))
  }
})

valid('says everything that is wrong at once', () =>
  assert.equal(
    inJson({ specversion: '2', id: '', source: 1, type: null, 'a-b': 'c', list: [], data_base64: '?' }),
    wrong(
      ['.specversion', 'expected 1.0'],
      ['.id', 'empty'],
      ['.source', 'expected a string'],
      ['.a-b', 'no name for an attribute: a-z and 0-9 alone, and not data'],
      ['.list', 'expected a string, a boolean or a whole number of 32 bits'],
      ['.type', 'missing'],
      ['.data_base64', 'not base64']
    )
  )
)

valid('says at most twenty things', () => {
  const names = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x-${index}`, '']))
  assert.is(issuesOf(inJson(names)).length, 20)
})

valid('refuses names that no attribute may have', () => {
  const problem = 'no name for an attribute: a-z and 0-9 alone, and not data'
  const names = { aB: '.aB', a_b: '.a_b', 'a.b': '["a.b"]', é: '.é', '': '[""]', data_base65: '.data_base65' }
  for (const [name, path] of Object.entries(names)) {
    assert.equal(inJson({ [name]: 'c' }), wrong([path, problem]))
    assert.equal(inHeaders({ [`ce-${name}`]: 'c' }), wrong([path, problem]))
  }
  assert.equal(inHeaders({ 'ce-data': 'c' }), wrong(['.data', problem]))
})

valid('refuses an attribute named __proto__, and keeps one in data as a field like any other', () => {
  const problem = 'no name for an attribute: a-z and 0-9 alone, and not data'
  const sent = (more: string) =>
    cloudEvent(message(`${JSON.stringify(attributes).slice(0, -1)},${more}}`, structured))
  assert.equal(sent('"__proto__":{"subject":"a"}'), wrong(['.__proto__', problem]))
  assert.equal(inHeaders({ 'ce-__proto__': 'c' }), wrong(['.__proto__', problem]))
  const decoded = sent('"data":{"__proto__":{"total":3}}')
  const data = decoded._tag === 'Right' ? (decoded.right.data as object) : {}
  assert.equal([Object.keys(data), Object.getPrototypeOf(data) === Object.prototype], [['__proto__'], true])
})

valid('has extensions of text, truth and whole numbers of 32 bits', () => {
  const extensions = {
    a: '',
    b: true,
    c: false,
    d: 0,
    e: 2 ** 31 - 1,
    f: -(2 ** 31),
    constructor: 'x',
    1: 'y'
  }
  assert.equal(inJson({ ...extensions, unset: null }), right({ ...event, extensions }))
  for (const value of [1.5, 2 ** 31, -(2 ** 31) - 1, 1e300, [], {}])
    assert.equal(
      inJson({ a: value }),
      wrong(['.a', 'expected a string, a boolean or a whole number of 32 bits'])
    )
})

valid('refuses characters that no attribute may have', () => {
  for (const character of ['\0', '\n', '\u007f', '\u009f', '\ufffe', '\ufdd0', '\u{1ffff}', '\ud800']) {
    const problem = 'has a character that no attribute may have'
    assert.equal(inJson({ subject: `a${character}` }), wrong(['.subject', problem]))
    assert.equal(inJson({ a: `a${character}` }), wrong(['.a', problem]))
  }
  assert.equal(inHeaders({ 'ce-id': 'a%0Ab' }), wrong(['.id', 'has a character that no attribute may have']))
})

valid('has times of RFC 3339', () => {
  const good = [
    '2018-04-05T17:31:00Z',
    '2018-04-05t17:31:00.123456789z',
    '2024-02-29T23:59:60+23:59',
    '1985-04-12T23:20:50.52-08:00',
    '0000-01-01T00:00:00Z'
  ]
  for (const time of good) assert.equal(inJson({ time }), right({ ...event, time }))
  const bad = [
    '2018-04-05',
    '2018-04-05 17:31:00Z',
    '2018-04-05T17:31:00',
    '2018-04-05T17:31Z',
    '2018-13-05T17:31:00Z',
    '2018-00-05T17:31:00Z',
    '2023-02-29T17:31:00Z',
    '2018-04-31T17:31:00Z',
    '2018-04-05T24:00:00Z',
    '2018-04-05T17:60:00Z',
    '2018-04-05T17:31:00+24:00',
    '2018-04-05T17:31:00+0100',
    '2018-04-05T17:31:00,5Z',
    'Thu, 05 Apr 2018 17:31:00 GMT',
    '1522949460'
  ]
  for (const time of bad)
    assert.equal(inJson({ time }), wrong(['.time', 'expected a time of RFC 3339']), time)
})

valid('has media types', () => {
  for (const datacontenttype of [
    'text/plain',
    'TEXT/Plain; CharSet=utf-8',
    'application/vnd.a.b+json;x="y z"'
  ])
    assert.equal(inJson({ datacontenttype }), right({ ...event, datacontenttype }))
  for (const datacontenttype of ['json', '/json', 'text/', 'text /plain', 'text/plain charset=utf-8'])
    assert.equal(inJson({ datacontenttype }), wrong(['.datacontenttype', 'expected a media type']))
})

valid('does not repeat the payload', () =>
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.constantFrom('', json, 'text/plain'),
      (before, after, contentType) => {
        const text = `${before}secret${after}`
        const decoded = [
          cloudEvent(message(text)),
          inJson({ specversion: text, time: text, datacontenttype: text, a: [text], data_base64: text }),
          inHeaders({ 'ce-time': text, 'ce-specversion': text, 'content-type': contentType }, text)
        ]
        for (const each of decoded) assert.not.match(JSON.stringify(issuesOf(each)), 'secret')
      }
    )
  )
)

valid('takes nothing for an event that is no object, no JSON or no text', () => {
  for (const payload of ['[]', 'null', '3', '"a"'])
    assert.equal(cloudEvent(message(payload, structured)), wrong(['', 'expected an object']))
  assert.match(issuesOf(cloudEvent(message('{', structured)))[0]?.message ?? '', /^not JSON/)
  assert.equal(cloudEvent(message(Uint8Array.from([255]), structured)), wrong(['', 'not UTF-8']))
})

valid('reads own fields only, whatever somebody put into the prototype of all objects', () => {
  const polluted = Object.prototype as { id?: string; data?: string; data_base64?: string }
  try {
    Object.assign(polluted, { id: '1', data: 'a', data_base64: 'YQ==' })
    const { id, ...rest } = attributes
    assert.equal(issuesOf(cloudEvent(message(JSON.stringify(rest), structured))), [
      { path: '.id', message: 'missing' }
    ])
    const decoded = cloudEvent(message(JSON.stringify({ ...rest, id }), structured))
    assert.not.ok(decoded._tag === 'Right' && Object.hasOwn(decoded.right, 'data'))
  } finally {
    delete polluted.id
    delete polluted.data
    delete polluted.data_base64
  }
})

valid.run()

const carried = suite('cloudEvent, reading headers,')

/** As the binding of HTTP says. */
const encoded = (text: string) => text.replace(/[^!#$&-~]/gu, (each) => encodeURIComponent(each))

carried('gives back any text that was sent', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (subject) => {
      fc.pre(!/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u.test(subject))
      assert.equal(inHeaders({ 'ce-subject': encoded(subject) }), right({ ...event, subject }))
    })
  )
)

carried('takes away quotation marks first, and then one round of percent-encoding', () => {
  const values = {
    '"a b"': 'a b',
    'a "b c" d': 'a b c d',
    '"a\\"b\\\\c"': 'a"b\\c',
    'a\\b': 'a\\b',
    '"%22"': '"',
    '%2541': '%41',
    'a+b': 'a+b'
  }
  for (const [value, subject] of Object.entries(values))
    assert.equal(inHeaders({ 'ce-subject': value }), right({ ...event, subject }), value)
})

carried('takes what was not encoded as it is, as some senders encode nothing', () => {
  const values = { '%': '%', '%4': '%4', '%zz': '%zz', '100% sure': '100% sure', '%%20': '% ', '%25%': '%%' }
  for (const [value, subject] of Object.entries(values))
    assert.equal(inHeaders({ 'ce-subject': value }), right({ ...event, subject }), value)
})

carried('refuses what is encoded wrongly', () => {
  for (const value of ['%C0%A0', '%ED%A0%80', '%FF', '%C3%', '"a', 'a"', '"a\\"'])
    assert.equal(inHeaders({ 'ce-subject': value }), wrong(['.subject', 'not percent-encoded UTF-8']), value)
})

carried('refuses a content type that is said twice', () => {
  const problem = 'content-type says it, so no ce-datacontenttype may'
  assert.equal(inHeaders({ 'ce-datacontenttype': json }), wrong(['.datacontenttype', problem]))
})

carried.run()

const contents = suite('cloudEvent, reading data,')

contents('makes of bytes what the content type says', () => {
  const bytes = utf8.encode('"é"')
  const expected: Readonly<Record<string, Json | Uint8Array>> = {
    'application/json': 'é',
    'Application/JSON; charset=utf-8': 'é',
    'application/vnd.shop.order+json;v=2': 'é',
    'text/json': 'é',
    'text/plain': '"é"',
    'Text/XML; charset="UTF-8"': '"é"',
    'text/plain; charset=iso-8859-1': bytes,
    'application/xml': bytes,
    'application/jsonl': bytes,
    'image/png': bytes
  }
  for (const [datacontenttype, data] of Object.entries(expected)) {
    const decoded = right({ ...event, datacontenttype, data })
    assert.equal(inHeaders({ 'content-type': datacontenttype }, bytes), decoded, datacontenttype)
    assert.equal(inJson({ datacontenttype, data_base64: 'IsOpIg==' }), decoded, datacontenttype)
  }
  assert.equal(inHeaders({}, bytes), right({ ...event, data: bytes }))
})

contents('has none where the payload is empty', () => {
  assert.equal(inHeaders({}), right(event))
  assert.equal(inHeaders({ 'content-type': json }), right({ ...event, datacontenttype: json }))
})

contents('is any JSON in an event as JSON, in which null is something', () =>
  fc.assert(
    fc.property(fc.jsonValue(), (sent) => {
      const data = JSON.parse(JSON.stringify(sent)) as Json
      assert.equal(inJson({ data }), right({ ...event, data }))
      const decoded = inHeaders({ 'content-type': json }, JSON.stringify(data))
      assert.equal(decoded, right({ ...event, datacontenttype: json, data }))
    })
  )
)

contents('is any bytes in base64', () =>
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const base64 = Buffer.from(bytes).toString('base64')
      assert.equal(inJson({ data_base64: base64 }), right({ ...event, data: bytes }))
    })
  )
)

contents('is said once, as data or in base64', () => {
  for (const data of [1, null, 'a'])
    assert.equal(inJson({ data, data_base64: '' }), wrong(['.data_base64', 'stands beside data']))
  assert.equal(inJson({ data: 1, data_base64: null }), right({ ...event, data: 1 }))
})

contents('refuses base64 that is none', () => {
  for (const value of [
    'A',
    'AA',
    'AAA',
    'AA=A',
    'A===',
    '====',
    'AA==AAAA',
    'AA-_',
    'AA AA',
    ' AAAA',
    'AAAA\n',
    1,
    [],
    {}
  ])
    assert.equal(inJson({ data_base64: value }), wrong(['.data_base64', 'not base64']), JSON.stringify(value))
})

contents('refuses what is not of its content type, and says where', () => {
  const issue = (decoded: ReturnType<typeof cloudEvent>) => issuesOf(decoded)[0]
  const noJson = issue(inHeaders({ 'content-type': json }, '{'))
  assert.is(noJson?.path, '.data')
  assert.match(noJson?.message ?? '', /^not JSON/)
  assert.is(issue(inJson({ datacontenttype: json, data_base64: 'ew==' }))?.path, '.data_base64')
  assert.equal(
    inHeaders({ 'content-type': 'text/plain' }, Uint8Array.from([255])),
    wrong(['.data', 'not UTF-8'])
  )
  for (const data of [1, null, {}, []])
    assert.equal(
      inJson({ datacontenttype: 'text/plain', data }),
      wrong(['.data', 'expected a string, as datacontenttype is not of JSON'])
    )
})

contents('is nested as deeply as it likes', () => {
  const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000)
  assert.is(inHeaders({ 'content-type': json }, deep)._tag, 'Right')
  assert.is(cloudEvent(message(deep))._tag, 'Left')
})

contents.run()

const routing = suite('byEventType')

const Order = t.type({ total: t.number })
const Refund = z.object({ total: z.number() })
const shop = pipe(
  receive(cloudEvent),
  handle(
    route(byEventType('order', Order), async ({ total }, { message: { body } }) =>
      ackWith({ note: `order ${body.id}: ${total}` })
    ),
    route(byEventType('refund', Refund), async ({ total }) => ackWith({ note: `refund: ${total}` })),
    route(byEventType('closed'), async ({ source }) => ackWith({ note: `closed: ${source}` })),
    route(
      and(({ body }: Message<CloudEvent>) => body.subject === 'big', byEventType('bulk', Order)),
      async ({ total }) => ackWith({ note: `bulk: ${total}` })
    ),
    otherwise(async ({ body }) => ackWith({ note: `not for us: ${body.type}` }))
  )
)
const noteOf = (more: object) => shop(message({ ...attributes, ...more }))()

routing('gives the handler what a codec or schema makes of the data', async () => {
  assert.equal(await noteOf({ type: 'order', data: { total: 3 } }), ackWith({ note: 'order 17: 3' }))
  assert.equal(await noteOf({ type: 'refund', data: { total: 3 } }), ackWith({ note: 'refund: 3' }))
  assert.equal(
    await noteOf({ type: 'bulk', subject: 'big', data: { total: 3 } }),
    ackWith({ note: 'bulk: 3' })
  )
})

routing('gives the handler the event where there is neither', async () =>
  assert.equal(await noteOf({ type: 'closed' }), ackWith({ note: 'closed: /shop' }))
)

routing('says where data does not decode', async () => {
  const issue = { path: '.data.total', message: 'expected number' }
  assert.equal(await noteOf({ type: 'order', data: { total: '3' } }), failed(malformed([issue])))
  const outcome = await noteOf({ type: 'refund', data: {} })
  const failure = outcome._tag === 'Failed' ? outcome.failure : undefined
  assert.is(failure?._tag === 'Malformed' && failure.issues[0]?.path, '.data.total')
  const none = await noteOf({ type: 'order' })
  assert.equal(none, failed(malformed([{ path: '.data', message: 'expected { total: number }' }])))
})

routing('leaves events of other types to others', async () =>
  assert.equal(await noteOf({ type: 'unknown' }), ackWith({ note: 'not for us: unknown' }))
)

routing('is looked up, not tried, and says by which type', () => {
  const { keys, label, decided } = byEventType('order', Order)
  assert.equal([keys, label, decided], [[[{ on: 'body', path: 'type', value: 'order' }]], 'order', true])
})

routing('is an error where two routes are for one type', () =>
  assert.throws(() =>
    pipe(
      receive(cloudEvent),
      handle(
        route(byEventType('order', Order), async () => ackWith({})),
        route(byEventType('order'), async () => ackWith({}))
      )
    )
  )
)

routing.run()

const naming = suite('eventIdOf')

const id = { source: '/shop', id: '17' }

naming('is the source with the id', () => {
  assert.equal(eventIdOf(headers, utf8.encode('anything')), id)
  assert.equal(eventIdOf({ ...headers, 'content-type': json }, utf8.encode('{')), id)
  assert.equal(eventIdOf(structured.headers, utf8.encode(JSON.stringify(attributes))), id)
})

naming('reads headers as the format does', () =>
  assert.equal(eventIdOf({ ...headers, 'ce-id': '"1 %32"' }, utf8.encode('')), { source: '/shop', id: '1 2' })
)

naming('is none of what is marked as no event', () => {
  const payload = utf8.encode(JSON.stringify(attributes))
  assert.is(eventIdOf({}, payload), undefined)
  assert.is(eventIdOf({ 'content-type': json }, payload), undefined)
  assert.is(eventIdOf({ 'content-type': 'application/cloudevents+avro' }, payload), undefined)
  assert.is(
    eventIdOf({ ...headers, 'content-type': 'application/cloudevents-batch+json' }, utf8.encode('[]')),
    undefined
  )
})

naming('is none of an event that is wrong', () => {
  const ofJson = (more: object) =>
    eventIdOf(structured.headers, utf8.encode(JSON.stringify({ ...attributes, ...more })))
  assert.equal(ofJson({}), id)
  for (const more of [{ id: '' }, { id: 3 }, { source: null }, { specversion: '0.3' }])
    assert.is(ofJson(more), undefined)
  for (const payload of ['', '{', '[]', 'null'])
    assert.is(eventIdOf(structured.headers, utf8.encode(payload)), undefined)
  assert.is(eventIdOf(structured.headers, Uint8Array.from([255])), undefined)
  assert.is(eventIdOf({ ...headers, 'ce-id': '%FF' }, utf8.encode('')), undefined)
  assert.is(eventIdOf({ 'ce-id': '17' }, utf8.encode('')), undefined)
})

naming.run()
