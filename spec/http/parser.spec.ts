// Requests in pieces, in heaps and in no form at all: what is whole is handled, and nothing else is.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ack } from '../../lib/index.js'
import { within } from '../support/deadline.js'
import {
  type Answer,
  answersIn,
  chunkOf,
  connect,
  exchanged,
  hangUp,
  requestOf
} from '../support/http-client.js'
import { counting, post, serving } from '../support/http-server.js'

const statusesOf = (answers: readonly Answer[]): readonly number[] => answers.map(({ status }) => status)

const isOk = async (address: string): Promise<void> => assert.is((await post(address, '0')).status, 200)

// whole requests

const whole = suite('requests')
whole.after(hangUp)

whole('may come in chunks, with extensions and trailers', async () => {
  const { processor, bodies } = counting()
  await serving(processor, {}, async ({ address }) => {
    const client = await connect(address)
    await client.send(
      requestOf(`${chunkOf('[1,')}3;a=b\r\n2,3\r\n${chunkOf(']')}0\r\nX-Trailer: 1\r\n\r\n`, [
        'Transfer-Encoding: chunked'
      ])
    )
    assert.is((await client.answer()).status, 200)
    assert.equal(bodies, [[1, 2, 3]])
  })
})

whole(
  'may come in one packet, and are answered in their order, also where the first takes longest',
  async () => {
    const { processor, bodies } = counting(async (body) => {
      for (let turn = 0; turn < 40 - 10 * Number(body); turn += 1)
        await new Promise((resolve) => setImmediate(resolve))
      return { _tag: 'Acked', reply: body }
    })
    await serving(processor, {}, async ({ address }) => {
      const client = await connect(address)
      await client.send(requestOf('1') + requestOf('2') + requestOf('3'))
      assert.equal(
        (await client.answers(3)).map(({ status, body }) => [status, body]),
        [
          [200, '1'],
          [200, '2'],
          [200, '3']
        ]
      )
      assert.equal(bodies, [1, 2, 3])
    })
  }
)

whole('may be split anywhere', async () => {
  const { processor, bodies } = counting()
  await serving(processor, {}, async ({ address }) => {
    const texts = [
      requestOf('{"a":"é"}', ['X-One: 1']),
      requestOf(`${chunkOf('{"a":')}${chunkOf('"é"}')}0\r\n\r\n`, ['Transfer-Encoding: chunked'])
    ]
    let count = 0
    const client = await connect(address)
    for (const text of texts) {
      const bytes = Buffer.from(text)
      for (let at = 1; at < bytes.length; at += 1) {
        await client.send(bytes.subarray(0, at))
        // A turn for the server to have read that much by itself.
        await new Promise((resolve) => setImmediate(resolve))
        await client.send(bytes.subarray(at))
        count += 1
        assert.is((await client.answers(count)).at(-1)?.status, 200, String(at))
      }
    }
    assert.equal(
      bodies,
      Array.from({ length: count }, () => ({ a: 'é' }))
    )
  })
})

whole('of HTTP/1.0 are answered, and their connections closed', async () => {
  const { processor, bodies } = counting()
  await serving(processor, {}, async ({ address }) => {
    const answers = await exchanged(address, 'POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\n1')
    assert.equal([statusesOf(answers), bodies], [[200], [1]])
  })
})

whole.run()

// no requests

const broken = suite('what is no request')
broken.after(hangUp)

const requestWith = (lines: readonly string[], body = ''): string =>
  `${['POST / HTTP/1.1', ...lines].join('\r\n')}\r\n\r\n${body}`

const host = 'Host: a.test'
const chunked = 'Transfer-Encoding: chunked'
/** A request that is never to be seen, within the body of another. */
const smuggled = requestOf('"smuggled"')

const cases: readonly (readonly [string, string, number?])[] = [
  ['no text of HTTP', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
  ['a bad request line', 'POST  HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a bad method', `P@ST / HTTP/1.1\r\n${host}\r\nContent-Length: 1\r\n\r\n1`],
  ['a bad version', `POST / HTTP/9.9\r\n${host}\r\nContent-Length: 1\r\n\r\n1`],
  ['no host', requestWith(['Content-Length: 1'], '1')],
  ['two lengths', requestWith([host, 'Content-Length: 1', 'Content-Length: 60'], `1${smuggled}`)],
  ['a list of lengths', requestWith([host, 'Content-Length: 1, 60'], `1${smuggled}`)],
  ['a length with a sign', requestWith([host, 'Content-Length: +1'], '1')],
  ['a length below zero', requestWith([host, 'Content-Length: -1'], '1')],
  ['a length beyond numbers', requestWith([host, 'Content-Length: 99999999999999999999999'], '1')],
  ['a length and chunks', requestWith([host, 'Content-Length: 6', chunked], `0\r\n\r\n${smuggled}`)],
  ['chunks and a length', requestWith([host, chunked, 'Content-Length: 6'], `0\r\n\r\n${smuggled}`)],
  [
    'an encoding that is not known',
    requestWith([host, 'Transfer-Encoding: xchunked'], `0\r\n\r\n${smuggled}`)
  ],
  [
    'chunks that are not the last encoding',
    requestWith([host, 'Transfer-Encoding: chunked, identity'], `0\r\n\r\n${smuggled}`)
  ],
  ['a space before a colon', requestWith([host, 'Transfer-Encoding : chunked'], `0\r\n\r\n${smuggled}`)],
  [
    'a header on two lines',
    requestWith([host, 'X-A: 1', ' Transfer-Encoding: chunked', 'Content-Length : 1'])
  ],
  ['lines that end in a line feed alone', `POST / HTTP/1.1\n${host}\nContent-Length: 1\n\n1`],
  [
    'a carriage return in a header',
    requestWith([host, 'X-A: 1\rContent-Length: 1', 'Content-Length: 1'], '1')
  ],
  ['NUL in a header', requestWith([host, 'X-A: a\u0000b', 'Content-Length: 1'], '1')],
  ['NUL in the name of a header', requestWith([host, 'X\u0000A: a', 'Content-Length: 1'], '1')],
  ['NUL in a path', `POST /\u0000 HTTP/1.1\r\n${host}\r\nContent-Length: 1\r\n\r\n1`],
  ['a bad size of a chunk', requestWith([host, chunked], `zz\r\n1\r\n0\r\n\r\n`)],
  ['a size of a chunk below zero', requestWith([host, chunked], `-1\r\n1\r\n0\r\n\r\n`)],
  ['a size of a chunk beyond numbers', requestWith([host, chunked], `${'f'.repeat(20)}\r\n1\r\n0\r\n\r\n`)],
  ['a chunk longer than its size', requestWith([host, chunked], `1\r\n123\r\n0\r\n\r\n`)],
  [
    'too much of an extension of a chunk',
    requestWith([host, chunked], `1;${'a'.repeat(20_000)}\r\n1\r\n0\r\n\r\n`),
    413
  ],
  [
    'a header that is too large',
    requestWith([host, `X-A: ${'a'.repeat(5_000)}`, 'Content-Length: 1'], '1'),
    431
  ],
  [
    'a path that is too large',
    `POST /${'a'.repeat(5_000)} HTTP/1.1\r\n${host}\r\nContent-Length: 1\r\n\r\n1`,
    431
  ],
  [
    'too many headers',
    requestWith(
      [host, ...Array.from({ length: 1_000 }, (_, index) => `X-${index}: 1`), 'Content-Length: 1'],
      '1'
    ),
    431
  ],
  ['too many trailers', requestWith([host, chunked], `1\r\n1\r\n0\r\n${'X-A: 1\r\n'.repeat(2_000)}\r\n`), 431]
]

for (const [what, text, status = 400] of cases)
  broken(`with ${what} is answered ${status}, ends its connection and reaches no handler`, async () => {
    const { processor, bodies } = counting()
    await serving(processor, { maxHeaderBytes: 4_096 }, async ({ address, stop }) => {
      const answers = await exchanged(address, Buffer.from(text, 'latin1'))
      assert.equal(statusesOf(answers), [status])
      await isOk(address)
      assert.equal(bodies, [0])
      assert.is((await stop()).received, 1)
    })
  })

broken('that asks for a tunnel or another protocol gets none', async () => {
  const { processor, bodies } = counting()
  await serving(processor, {}, async ({ address }) => {
    assert.equal(await exchanged(address, `CONNECT evil.test:443 HTTP/1.1\r\n${host}\r\n\r\n`), [])
    const upgrading = await connect(address)
    await upgrading.send(requestOf('1', ['Connection: Upgrade', 'Upgrade: websocket']))
    assert.is((await upgrading.answer()).status, 200)
    await isOk(address)
    assert.equal(bodies, [1, 0])
  })
})

broken('that follows a request does not undo it', async () => {
  const { processor, bodies } = counting()
  await serving(processor, {}, async ({ address, stop }) => {
    const client = await connect(address)
    await client.send(requestOf('1'))
    assert.is((await client.answer()).status, 200)
    await client.send('no request\r\n\r\n')
    assert.equal(statusesOf(answersIn(await client.closed(), true)), [200, 400])
    await client.closed()
    await exchanged(address, `${requestOf('2')}no request\r\n\r\n`)
    await isOk(address)
    const { received, acked } = await stop()
    assert.equal([received, acked, bodies], [3, 3, [1, 2, 0]])
  })
})

broken('in a thousand random forms ends nothing but its own connection', async () => {
  const { processor, bodies } = counting()
  await serving(processor, { headersTimeoutMs: 300, requestTimeoutMs: 300 }, async ({ address }) => {
    const valid = Buffer.from(requestOf('{"a":1}', ['X-One: 1']))
    // A generator of its own, so that the same bytes come each time.
    let state = 1
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((state / 2_147_483_648) * below)
    }
    const spoiled = (): Buffer => {
      const bytes = Buffer.from(valid)
      for (let times = 1 + random(4); times > 0; times -= 1) bytes[random(bytes.length)] = random(256)
      return bytes
    }
    const attempt = async (): Promise<void> => {
      const client = await connect(address)
      await client.send(spoiled())
      client.halfClose()
      await client.closed()
    }
    for (let round = 0; round < 20; round += 1)
      await within('an end of 50 connections', Promise.all(Array.from({ length: 50 }, attempt)))
    await isOk(address)
    assert.is(bodies.at(-1), 0)
  })
})

broken.run()

// payloads

const payloads = suite('a payload')
payloads.after(hangUp)

const secret = 'S3cr3t'
const deep = 200_000

const wrong: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [
  ['that is empty', Buffer.from('')],
  ['that is no JSON', Buffer.from(`{"a":${secret}`)],
  ['with more after its end', Buffer.from(`1 ${secret}`)],
  ['that is not closed', Buffer.from('['.repeat(deep))],
  ['nested deeply and wrong', Buffer.from(`${'['.repeat(deep)}${secret}${']'.repeat(deep)}`)],
  ['of bytes that are no text', Buffer.concat([Buffer.from(`"${secret}`), Buffer.from([0xff, 0xc0, 0x22])])],
  ['of half a character', Buffer.from([0x22, 0xe2, 0x82, 0x22])],
  ['of a surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ['with NUL around it', Buffer.from(`\u0000"${secret}"\u0000`)]
]

for (const [what, bytes] of wrong)
  payloads(`${what} is answered 422, and nothing of it is sent back`, async () => {
    const { processor, bodies } = counting()
    await serving(processor, {}, async ({ address }) => {
      const response = await post(address, new Uint8Array(bytes))
      const body = await response.text()
      assert.is(response.status, 422)
      assert.match(body, /^\{"result":"failed","error":"/)
      assert.not.match(body, secret)
      assert.ok(body.length < 2_000, body)
      await isOk(address)
      assert.equal(bodies, [0])
    })
  })

payloads('nested deeply is handled or refused, and never the end of the process', async () => {
  const { processor } = counting()
  await serving(processor, {}, async ({ address }) => {
    for (const text of [
      `${'['.repeat(deep)}${']'.repeat(deep)}`,
      `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
    ]) {
      const { status } = await post(address, text)
      assert.ok(status === 200 || status === 422, String(status))
    }
    await isOk(address)
  })
})

payloads('that names __proto__ changes no object but itself', async () => {
  let isOwn = false
  const { processor } = counting(async (body) => {
    isOwn = Object.hasOwn(body as object, '__proto__')
    assert.is((body as { isAdmin?: boolean }).isAdmin, undefined)
    return ack
  })
  await serving(processor, {}, async ({ address }) => {
    const { status } = await post(
      address,
      '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}'
    )
    assert.equal([status, isOwn], [200, true])
    assert.is(({} as { isAdmin?: boolean }).isAdmin, undefined)
  })
})

payloads('is none of a header, whatever that is called', async () => {
  const { processor, bodies } = counting()
  await serving(processor, {}, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf('1', ['__proto__: x', 'constructor: y', 'toString: z', 'hasOwnProperty: 1']))
    assert.is((await client.answer()).status, 200)
    assert.equal(bodies, [1])
  })
})

payloads.run()
