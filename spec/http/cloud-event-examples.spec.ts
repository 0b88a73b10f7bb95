/** The examples of the specification, version 1.0, by the sections in which they stand; what they leave out is filled in. */
import { type Json, message } from 'missive-ts'
import { type CloudEvent, cloudEvent } from 'missive-ts/http'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventsOf } from '../../lib/http/cloud-event-batch.js'
import { right } from '../../lib/core/result.js'

const utf8 = new TextEncoder()

/** A part of an HTTP message as the specification prints it: headers, an empty line, a body. */
const sent = (lines: string, payload?: Uint8Array) => {
  const [head = '', ...rest] = lines.split('\n\n')
  const headers = head.split('\n').map((line) => {
    const [, name = '', value = ''] = /^\s*([\w-]+):\s*(.*)$/.exec(line) ?? []
    return [name.toLowerCase(), value] as const
  })
  return message(payload ?? rest.join('\n\n'), { headers: Object.fromEntries(headers) })
}

const structured = { headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' } }

const gives = (event: ReturnType<typeof message>, expected: CloudEvent) =>
  assert.equal(cloudEvent(event), right(expected))

const binding = suite('the examples of the HTTP protocol binding')

binding('3.1.3.2 HTTP header values', () => {
  const values = {
    'Euro%20%E2%82%AC%20%F0%9F%98%80': 'Euro € 😀',
    'Euro%20%e2%82%ac%20%f0%9f%98%80': 'Euro € 😀',
    '"Euro € 😀"': 'Euro € 😀',
    '%45uro': 'Euro',
    '%2520': '%20'
  }
  for (const [subject, expected] of Object.entries(values)) {
    const headers = { ...someEvent, 'ce-subject': subject }
    const decoded = cloudEvent(message('', { headers }))
    assert.is(decoded._tag === 'Right' && decoded.right.subject, expected, subject)
  }
  const overlong = cloudEvent(message('', { headers: { ...someEvent, 'ce-subject': '%C0%A0' } }))
  assert.is(overlong._tag, 'Left')
})

binding('3.1.4 binary content mode', () =>
  gives(
    sent(`ce-specversion: 1.0
      ce-type: com.example.someevent
      ce-time: 2018-04-05T03:56:24Z
      ce-id: 1234-1234-1234
      ce-source: /mycontext/subcontext
      Content-Type: application/json; charset=utf-8
      Content-Length: 15

{ "total" : 3 }`),
    {
      specversion: '1.0',
      type: 'com.example.someevent',
      time: '2018-04-05T03:56:24Z',
      id: '1234-1234-1234',
      source: '/mycontext/subcontext',
      datacontenttype: 'application/json; charset=utf-8',
      extensions: {},
      data: { total: 3 }
    }
  )
)

binding('3.2.4 structured content mode', () =>
  gives(
    sent(`Content-Type: application/cloudevents+json; charset=utf-8
      Content-Length: 136

{
    "specversion" : "1.0",
    "type" : "com.example.someevent",
    "source" : "/mycontext",
    "id" : "1",

    "data" : {
        "total" : 3
    }
}
`),
    {
      specversion: '1.0',
      type: 'com.example.someevent',
      source: '/mycontext',
      id: '1',
      extensions: {},
      data: { total: 3 }
    }
  )
)

binding('3.3.3 batched content mode', () => {
  const item = (type: string) => `{
        "specversion" : "1.0",
        "type" : "com.example.${type}",
        "source" : "/mycontext",
        "id" : "1",

        "data" : {
            "total" : 3
        }
    }`
  const items = [item('someevent'), item('someotherevent')]
  const events = eventsOf(utf8.encode(`[\n    ${items.join(',\n    ')}\n]\n`))
  assert.equal(events, right(items.map((each) => utf8.encode(each))))
})

binding.run()

const format = suite('the examples of the JSON event format')

format('2.3 attributes', () => {
  const required = {
    type: 'com.example.someevent',
    specversion: '1.0',
    source: '/mycontext',
    id: '1234-1234-1234'
  }
  const optional = {
    subject: 'larger-context',
    time: '2018-04-05T17:31:00Z',
    datacontenttype: 'application/json'
  }
  const event = { ...required, specversion: '1.0' as const, extensions: {} }
  gives(message({ ...required, ...optional }, structured), { ...event, ...optional })
  gives(message({ ...required, subject: null, time: null }, structured), event)
})

/** The event of section 3.2 in JSON, and as the headers that it is re-encoded to. */
const inJson = (id: string, rest: Readonly<Record<string, Json>>) =>
  message(
    {
      specversion: '1.0',
      type: 'com.example.someevent',
      source: '/mycontext',
      id,
      time: '2018-04-05T17:31:00Z',
      comexampleextension1: 'value',
      comexampleothervalue: 5,
      ...rest
    },
    structured
  )

const inHeaders = (id: string, contentType: string, payload: string | Uint8Array) =>
  message(payload, {
    headers: {
      'ce-specversion': '1.0',
      'ce-type': 'com.example.someevent',
      'ce-source': '/mycontext',
      'ce-id': id,
      'ce-time': '2018-04-05T17:31:00Z',
      'ce-comexampleextension1': 'value',
      'ce-comexampleothervalue': '5',
      'content-type': contentType
    }
  })

const expected = (id: string, value: number | string, rest: Partial<CloudEvent>): CloudEvent => ({
  specversion: '1.0',
  type: 'com.example.someevent',
  source: '/mycontext',
  id,
  time: '2018-04-05T17:31:00Z',
  extensions: { comexampleextension1: 'value', comexampleothervalue: value },
  ...rest
})

format('3.2 Binary-valued data', () => {
  const data = Uint8Array.from([0, 255, 128, 10])
  const datacontenttype = 'application/vnd.apache.thrift.binary'
  const event = inJson('A234-1234-1234', { datacontenttype, data_base64: 'AP+ACg==' })
  gives(event, expected('A234-1234-1234', 5, { datacontenttype, data }))
  gives(
    inHeaders('A234-1234-1234', datacontenttype, data),
    expected('A234-1234-1234', '5', { datacontenttype, data })
  )
})

format('3.2 a serialized XML document', () => {
  const data = '<much wow="xml"/>'
  const datacontenttype = 'application/xml'
  gives(
    inJson('B234-1234-1234', { unsetextension: null, datacontenttype, data }),
    expected('B234-1234-1234', 5, { datacontenttype, data })
  )
  gives(
    inHeaders('B234-1234-1234', datacontenttype, data),
    expected('B234-1234-1234', '5', { datacontenttype, data: utf8.encode(data) })
  )
})

format('3.2 JSON Object-valued data', () => {
  const data = { appinfoA: 'abc', appinfoB: 123, appinfoC: true }
  const datacontenttype = 'application/json'
  gives(
    inJson('C234-1234-1234', { subject: null, datacontenttype, data }),
    expected('C234-1234-1234', 5, { datacontenttype, data })
  )
  gives(
    inHeaders('C234-1234-1234', datacontenttype, JSON.stringify(data, undefined, 2)),
    expected('C234-1234-1234', '5', { datacontenttype, data })
  )
})

format('3.2 JSON Number-valued data', () => {
  const datacontenttype = 'application/json'
  gives(
    inJson('C234-1234-1234', { subject: null, datacontenttype, data: 1.5 }),
    expected('C234-1234-1234', 5, { datacontenttype, data: 1.5 })
  )
  gives(
    inHeaders('C234-1234-1234', datacontenttype, '1.5'),
    expected('C234-1234-1234', '5', { datacontenttype, data: 1.5 })
  )
})

format('3.2 a literal JSON string, without datacontenttype', () => {
  const data = "I'm just a string"
  gives(inJson('D234-1234-1234', { subject: null, data }), expected('D234-1234-1234', 5, { data }))
  gives(
    inHeaders('D234-1234-1234', 'application/json', `"${data}"`),
    expected('D234-1234-1234', '5', { datacontenttype: 'application/json', data })
  )
  assert.is(cloudEvent(inHeaders('D234-1234-1234', 'application/json', data))._tag, 'Left')
})

format('3.2 Binary-valued data_base64, without datacontenttype', () => {
  const attributes = {
    specversion: '1.0' as const,
    type: 'com.example.someevent',
    source: '/mycontext',
    id: 'D234-1234-1234'
  }
  const data = utf8.encode('{ "xyz": 123 }')
  const event = { ...attributes, extensions: {}, data }
  gives(message({ ...attributes, data_base64: 'eyAieHl6IjogMTIzIH0=' }, structured), event)
  const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]))
  gives(message(data, { headers }), event)
})

format('3.1.1 null as data is not the same as no data', () => {
  gives(inJson('1', { data: null }), expected('1', 5, { data: null }))
  gives(inJson('1', {}), expected('1', 5, {}))
})

format('4.3 a batch', () => {
  const batch = `[
  {
      "specversion" : "1.0",
      "type" : "com.example.someevent",
      "source" : "/mycontext/4",
      "id" : "B234-1234-1234",
      "time" : "2018-04-05T17:31:00Z",
      "comexampleextension1" : "value",
      "comexampleothervalue" : 5,
      "datacontenttype" : "application/vnd.apache.thrift.binary",
      "data_base64" : "AP+ACg=="
  },
  {
      "specversion" : "1.0",
      "type" : "com.example.someotherevent",
      "source" : "/mycontext/9",
      "id" : "C234-1234-1234",
      "time" : "2018-04-05T17:31:05Z",
      "comexampleextension1" : "value",
      "comexampleothervalue" : 5,
      "datacontenttype" : "application/json",
      "data" : {
          "appinfoA" : "abc",
          "appinfoB" : 123,
          "appinfoC" : true
      }
  }
]`
  const events = eventsOf(utf8.encode(batch))
  const decoded =
    events._tag === 'Right' ? events.right.map((each) => cloudEvent(message(each, structured))) : []
  assert.equal(decoded, [
    right(
      expected('B234-1234-1234', 5, {
        source: '/mycontext/4',
        datacontenttype: 'application/vnd.apache.thrift.binary',
        data: Uint8Array.from([0, 255, 128, 10])
      })
    ),
    right(
      expected('C234-1234-1234', 5, {
        source: '/mycontext/9',
        type: 'com.example.someotherevent',
        time: '2018-04-05T17:31:05Z',
        datacontenttype: 'application/json',
        data: { appinfoA: 'abc', appinfoB: 123, appinfoC: true }
      })
    )
  ])
})

format('4.3 an empty batch', () => assert.equal(eventsOf(utf8.encode('[]')), right([])))

format.run()

const core = suite('the examples of the specification itself')

core('the sources and types that it names are taken', () => {
  const sources = [
    'https://github.com/cloudevents',
    'mailto:cncf-wg-serverless@lists.cncf.io',
    'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
    '/cloudevents/spec/pull/123',
    '/sensors/tn-1234567/alerts',
    '1-555-123-4567'
  ]
  for (const source of sources)
    assert.is(
      cloudEvent(message('', { headers: { ...someEvent, 'ce-source': source } }))._tag,
      'Right',
      source
    )
})

core('an event in JSON', () =>
  gives(
    message(
      {
        specversion: '1.0',
        type: 'com.github.pull_request.opened',
        source: 'https://github.com/cloudevents/spec/pull',
        subject: '123',
        id: 'A234-1234-1234',
        time: '2018-04-05T17:31:00Z',
        comexampleextension1: 'value',
        comexampleothervalue: 5,
        datacontenttype: 'text/xml',
        data: '<much wow="xml"/>'
      },
      structured
    ),
    expected('A234-1234-1234', 5, {
      type: 'com.github.pull_request.opened',
      source: 'https://github.com/cloudevents/spec/pull',
      subject: '123',
      datacontenttype: 'text/xml',
      data: '<much wow="xml"/>'
    })
  )
)

core('text is characters, without surrogates that stand alone', () => {
  const event = (subject: string) =>
    message(`{"specversion":"1.0","id":"1","source":"/","type":"t","subject":"${subject}"}`, structured)
  assert.is(cloudEvent(event('\\uDEAD'))._tag, 'Left')
  assert.is(cloudEvent(event('\\uD800\\uDEAD'))._tag, 'Right')
})

core.run()

const someEvent = {
  'ce-specversion': '1.0',
  'ce-type': 'com.example.someevent',
  'ce-id': '1',
  'ce-source': '/mycontext'
}
