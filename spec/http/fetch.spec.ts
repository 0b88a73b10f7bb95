import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryDlq } from '../../lib/dlq/memory.js'
import {
  type Dlq,
  type Event,
  type IdempotencyStore,
  type Message,
  type Outcome,
  type Processor,
  ack,
  ackWith,
  batched,
  byField,
  byHeader,
  combinator,
  constantDelay,
  defect,
  dlqUnavailable,
  failed,
  handle,
  interruption,
  json,
  memoryIdempotency,
  multipleMatches,
  nack,
  noMatch,
  otherwise,
  receive,
  rejected,
  released,
  renderEvent,
  route,
  text,
  timedOut,
  withDedupe,
  withDlq,
  withRetry
} from '../../lib/index.js'
import { left, right } from '../../lib/core/result.js'
import { type MountOptions, httpReply, httpRequestOf, toFetch } from '../../lib/http.js'
import { turn, virtualClock } from '../support/clock.js'

// what is asked

const url = 'http://example.test/orders?dry=1'

const post = (
  body: string | ArrayBuffer | Uint8Array<ArrayBuffer> = '{}',
  headers: Record<string, string> = {}
): Request => new Request(url, { method: 'POST', body, headers })

const anybody = { allowAnonymous: true } as const

/** Everything that an answer says. */
const said = async (response: Response) => ({
  status: response.status,
  headers: Object.fromEntries(response.headers),
  body: await response.text()
})

const answering = async (
  processor: Processor,
  request: Request = post(),
  options: Partial<MountOptions> = {}
) => {
  const events: Event[] = []
  const answer = toFetch(processor, {
    ...anybody,
    onEvent: (event) => events.push(event),
    ...options
  } as MountOptions)
  return { ...(await said(await answer(request))), events }
}

/** A processor that says this of every message. */
const saying =
  (outcome: Outcome): Processor =>
  () =>
  async () =>
    outcome

const handled = (handler: (message: Message) => Promise<any>): Processor =>
  pipe(receive(json), handle(otherwise(handler)))

const jsonHeaders = (body: string, more: Record<string, string> = {}) => ({
  'content-length': String(new TextEncoder().encode(body).length),
  'content-type': 'application/json',
  ...more
})

// outcomes

const outcomes = suite('toFetch answers')

const table: readonly (readonly [string, Outcome, number, string, Record<string, string>?])[] = [
  ['an ack', ack, 200, '{"result":"ack"}'],
  ['a nack', nack(), 503, '{"result":"nack"}', { 'retry-after': '1' }],
  [
    'a nack with a delay',
    nack({ reason: 'secret', afterMs: 2_400 }),
    503,
    '{"result":"nack"}',
    { 'retry-after': '3' }
  ],
  ['no match', failed(noMatch([])), 422, '{"result":"failed","error":"nothing here takes this message"}'],
  [
    'several matches',
    failed(multipleMatches(['a', 'b'])),
    422,
    '{"result":"failed","error":"it is not clear what this message is for"}'
  ],
  [
    'a rejection',
    failed(rejected('no-stock', { secret: 1 })),
    422,
    '{"result":"failed","error":"rejected: no-stock"}'
  ],
  [
    'a defect',
    failed(defect('the handler', new Error('secret'))),
    500,
    '{"result":"failed","error":"the message could not be handled"}'
  ],
  ['a timeout', failed(timedOut(5)), 500, '{"result":"failed","error":"the message could not be handled"}'],
  [
    'a queue that cannot store',
    failed(dlqUnavailable('disk full', rejected('no'))),
    503,
    '{"result":"failed","error":"the message could not be handled"}',
    { 'retry-after': '1' }
  ],
  ['a release', released('shutdown'), 503, '{"result":"released"}', { 'retry-after': '1' }]
]

for (const [name, outcome, status, body, headers] of table)
  outcomes(`${name} with ${status}`, async () => {
    const answer = await answering(saying(outcome))
    assert.equal(
      { status: answer.status, body: answer.body, headers: answer.headers },
      { status, body, headers: jsonHeaders(body, headers) }
    )
  })

outcomes('a dead letter with 202, once it is stored', async () => {
  const dlq = memoryDlq()
  const processor = pipe(
    handled(async () => failed(rejected('no'))),
    withDlq(dlq)
  )
  const { status, body } = await answering(processor)
  assert.equal([status, body, dlq.letters().length], [202, '{"result":"dead-lettered"}', 1])
})

outcomes('a nack with the status that was chosen', async () => {
  assert.is((await answering(saying(nack()), post(), { nackStatus: 500 })).status, 500)
})

outcomes('with what the handler replies', async () => {
  const replies: readonly (readonly [unknown, number, string, string | undefined])[] = [
    ['text', 200, 'text', 'text/plain; charset=utf-8'],
    [{ total: 3 }, 200, '{"total":3}', 'application/json'],
    [null, 200, 'null', 'application/json'],
    [new Uint8Array([104, 105]), 200, 'hi', 'application/octet-stream'],
    [new Uint8Array([104, 105]).buffer, 200, 'hi', 'application/octet-stream'],
    [httpReply({ body: new Uint8Array([104, 105]).buffer }), 200, 'hi', undefined],
    [httpReply({ body: 'hi' }), 200, 'hi', undefined],
    [
      httpReply({ status: 201, headers: { 'content-type': 'text/x', location: '/1' }, body: 'made' }),
      201,
      'made',
      'text/x'
    ],
    [httpReply({ status: 204 }), 204, '', undefined]
  ]
  for (const [reply, status, body, type] of replies) {
    const answer = await answering(handled(async () => ackWith({ reply })))
    assert.equal([answer.status, answer.body, answer.headers['content-type']], [status, body, type])
  }
})

outcomes('200 where a reply cannot be sent, as the work is done, and tells the owner', async () => {
  for (const reply of [
    10n,
    () => 1,
    { toJSON: () => assert.unreachable.bind(undefined)() },
    { _tag: 'HttpReply', status: 99 },
    { _tag: 'HttpReply', status: 200, headers: {}, body: { id: 17 } },
    { _tag: 'HttpReply', status: 200, headers: {}, body: null }
  ]) {
    const { status, body, events } = await answering(handled(async () => ackWith({ reply })))
    assert.equal([status, body], [200, '{"result":"ack"}'])
    assert.equal(
      events.map(({ _tag }) => _tag),
      ['Reported']
    )
  }
})

outcomes('500 to what an owner wrote that throws, and says nothing of it', async () => {
  const unreadable = {
    get _tag() {
      throw new Error('no secret')
    }
  }
  for (const thrown of [new Error('secret'), 'secret', null, unreadable]) {
    const options = {
      keyOf: () => {
        throw thrown
      }
    }
    const { status, body, events } = await answering(
      handled(async () => ack),
      post(),
      options
    )
    assert.equal([status, body], [500, '{"error":"the request could not be handled"}'])
    assert.is(events[0]?._tag, 'Reported')
    if (thrown === 'secret' || thrown instanceof Error) assert.match(JSON.stringify(events), /secret/)
  }
})

outcomes(
  '500 where a handler gives a Promise of its own kind that throws, and once where it calls twice',
  async () => {
    class Throwing extends Promise<never> {
      // oxlint-disable-next-line unicorn/no-thenable -- what is warned of is what must be tried
      override then(): never {
        throw new Error('no then')
      }
    }
    class Twice extends Promise<Outcome> {
      // oxlint-disable-next-line unicorn/no-thenable -- what is warned of is what must be tried
      override then(call: any): any {
        call(ack)
        call(nack())
      }
    }
    const given = async (make: () => Promise<any>) => {
      const answer = toFetch(handled(make), { ...anybody, concurrency: 1, onEvent: () => undefined })
      return [(await answer(post())).status, (await answer(post())).status]
    }
    assert.equal(await given(() => new Throwing(() => undefined)), [500, 500])
    assert.equal(await given(() => new Twice(() => undefined)), [200, 200])
  }
)

outcomes('without a key where keyOf gives none, and 500 where it gives what is no text', async () => {
  const idempotency = memoryIdempotency()
  const handler = handled(async () => ack)
  for (const key of [undefined, null, ''])
    for (let time = 0; time < 2; time += 1) {
      const { status, headers } = await answering(handler, post(), { keyOf: () => key, idempotency })
      assert.equal([status, headers['idempotent-replayed']], [200, undefined])
    }
  const wrong = [() => 5, () => ({}), async () => 'k', () => Promise.reject(new Error('later'))]
  for (const keyOf of wrong as readonly (() => any)[]) {
    const options = { keyOf, idempotency }
    const { status, events } = await answering(handler, post(), options)
    assert.is(status, 500)
    assert.match(JSON.stringify(events), /keyOf gave something that is no text/)
  }
})

outcomes('500 to what cannot be written, and tells the owner', async () => {
  const idempotency: IdempotencyStore = {
    ...memoryIdempotency(),
    begin: () => async () => right({ _tag: 'Finished', result: '{"status":99,"headers":{},"text":""}' })
  }
  const { status, body, events } = await answering(
    handled(async () => ack),
    post('{}', { 'idempotency-key': 'k' }),
    { idempotency }
  )
  assert.equal([status, body], [500, '{"error":"the answer cannot be sent"}'])
  assert.equal(
    events.map(({ _tag }) => _tag),
    ['Reported']
  )
})

outcomes('malformed payloads with what is wrong and where, and never with what was sent', async () => {
  const answer = await answering(
    handled(async () => ack),
    post('{"password":"hunter2"')
  )
  assert.equal(answer.status, 422)
  assert.not.match(answer.body, /hunter2|password/)
  assert.match(answer.body, /the payload is malformed: not JSON/)
})

outcomes.run()

// what is refused

const refusing = suite('toFetch refuses')

refusing('other methods, and says which it takes', async () => {
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH']) {
    const { status, headers, body } = await answering(
      handled(async () => ack),
      new Request(url, { method })
    )
    assert.equal([status, headers['allow']], [405, 'POST, OPTIONS'])
    assert.is(body, method === 'HEAD' ? '' : '{"error":"messages are sent by POST"}')
  }
  const put = new Request(url, { method: 'PUT', body: '{}' })
  assert.is(
    (
      await answering(
        handled(async () => ack),
        put,
        { methods: ['POST', 'PUT'] }
      )
    ).status,
    200
  )
})

refusing('other paths, where one was chosen', async () => {
  assert.is(
    (
      await answering(
        handled(async () => ack),
        post(),
        { path: '/hooks' }
      )
    ).status,
    404
  )
  assert.is(
    (
      await answering(
        handled(async () => ack),
        post(),
        { path: '/orders' }
      )
    ).status,
    200
  )
})

refusing('bodies that are too large, said or sent, and takes the largest', async () => {
  const options = { maxBytes: 4 }
  assert.is(
    (await answering(pipe(receive(text), handle(otherwise(async () => ack))), post('1234'), options)).status,
    200
  )
  const { status, body, events } = await answering(
    handled(async () => ack),
    post('12345'),
    options
  )
  assert.equal([status, body], [413, '{"error":"a body has at most 4 bytes"}'])
  assert.equal(events, [
    { _tag: 'Refused', status: 413, path: '/orders', reason: 'a body has at most 4 bytes' }
  ])
  const said = await answering(
    handled(async () => ack),
    post('1', { 'content-length': '5' }),
    options
  )
  assert.is(said.status, 413)
})

refusing(
  'no body that is within maxBytes for want of room, and as too large what could never be held',
  async () => {
    const asked = async (bytes: number, options: Partial<MountOptions>) =>
      (await answering(saying(ack), post(new Uint8Array(bytes)), options)).status
    const mebibyte = 2 ** 20
    assert.is(await asked(66 * mebibyte, { maxBytes: 66 * mebibyte }), 200)
    assert.equal(
      [await asked(10, { maxBufferedBytes: 10 }), await asked(11, { maxBufferedBytes: 10 })],
      [200, 413]
    )
  }
)

refusing('compressed bodies, unless they are wanted', async () => {
  const packed = await new Response(
    new Blob(['{"a":1}']).stream().pipeThrough(new CompressionStream('gzip'))
  ).arrayBuffer()
  const request = () => post(packed, { 'content-encoding': 'gzip' })
  const refused = await answering(
    handled(async () => ack),
    request()
  )
  assert.equal([refused.status, refused.headers['accept-encoding']], [415, 'identity'])
  let seen: unknown
  const seeing = handled(async ({ body }) => {
    seen = body
    return ack
  })
  assert.is((await answering(seeing, request(), { decompress: true })).status, 200)
  assert.equal(seen, { a: 1 })
  assert.is(
    (await answering(seeing, post('no', { 'content-encoding': 'gzip' }), { decompress: true })).status,
    400
  )
  for (const decompress of [true, false]) {
    const plain = post('{"a":2}', { 'content-encoding': 'Identity' })
    assert.is((await answering(seeing, plain, { decompress })).status, 200)
    assert.equal(seen, { a: 2 })
  }
  assert.is(
    (await answering(seeing, post('no', { 'content-encoding': 'br' }), { decompress: true })).status,
    415
  )
})

refusing('what grows too large when it is decompressed', async () => {
  const bomb = await new Response(
    new Blob([new Uint8Array(1_000_000)]).stream().pipeThrough(new CompressionStream('gzip'))
  ).arrayBuffer()
  const options = { decompress: true, maxBytes: 10_000 }
  assert.ok(bomb.byteLength < 10_000)
  assert.is(
    (
      await answering(
        handled(async () => ack),
        post(bomb, { 'content-encoding': 'gzip' }),
        options
      )
    ).status,
    413
  )
})

refusing('other types of content only where that was chosen', async () => {
  const plain = () => post('{}', { 'content-type': 'text/plain' })
  assert.is(
    (
      await answering(
        handled(async () => ack),
        plain()
      )
    ).status,
    200
  )
  const options = { contentTypes: ['application/json'] }
  assert.is(
    (
      await answering(
        handled(async () => ack),
        plain(),
        options
      )
    ).status,
    415
  )
  const good = post('{}', { 'content-type': 'Application/JSON; charset=utf-8' })
  assert.is(
    (
      await answering(
        handled(async () => ack),
        good,
        options
      )
    ).status,
    200
  )
})

refusing('whom verify does not know, before the body is parsed', async () => {
  const verify = () => async () => left({ reason: 'the token is wrong', challenge: 'Bearer' })
  let calls = 0
  const processor: Processor = () => {
    calls += 1
    return async () => ack
  }
  const answer = toFetch(processor, { verify, onEvent: () => undefined })
  const { status, headers, body } = await said(await answer(post()))
  assert.equal(
    [status, headers['www-authenticate'], body, calls],
    [401, 'Bearer', '{"error":"the token is wrong"}', 0]
  )
})

refusing('with a challenge only where it can stand in a header', async () => {
  for (const challenge of ['Basic realm="Bücher"', 'Basic realm="€"', 'Basic\r\na: b']) {
    const verify = () => async () => left({ reason: 'no', challenge })
    const response = await toFetch(saying(ack), { verify, onEvent: () => undefined })(post())
    const isSent = challenge.endsWith('Bücher"')
    assert.equal([response.status, response.headers.has('www-authenticate')], [401, isSent])
  }
})

refusing('a reply with headers that are those of the connection, whatever version of HTTP it has', () => {
  for (const name of [
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    'Proxy-Connection',
    'TE',
    'Upgrade'
  ])
    assert.throws(() => httpReply({ headers: { [name]: '1' } }), /is no header that can be set/, name)
})

refusing('a reply whose body is neither text nor bytes', () => {
  for (const body of [{ id: 17 }, null, 5, new Float64Array(1)] as any[])
    assert.throws(() => httpReply({ body }), /httpReply: a body is text or bytes/)
})

refusing('everybody where verify throws', async () => {
  const verify = () => {
    throw new Error('secret')
  }
  const answer = toFetch(
    handled(async () => ack),
    { verify, onEvent: () => undefined }
  )
  assert.is((await answer(post())).status, 500)
})

refusing('to be made without saying who may send, or with what makes no sense', () => {
  const made = (options: object) => () =>
    toFetch(
      handled(async () => ack),
      options as MountOptions
    )
  assert.throws(made({}), /say who may send: verify, or allowAnonymous: true/)
  assert.throws(made({ verify: () => async () => right('a'), allowAnonymous: true }), /not both/)
  const outOfRange = [
    { maxBytes: 0 },
    { maxBytes: 11, maxBufferedBytes: 10 },
    { maxBufferedBytes: 0 },
    { concurrency: 1.5 },
    { retryAfterMs: -1 },
    { leaseMs: Number.NaN },
    { deadlineMs: 0 },
    { drainMs: Infinity },
    { nackStatus: 200 },
    { allowedRate: 0 }
  ]
  const wrong = [
    { methods: [] },
    { methods: ['GET'] },
    { path: 'orders' },
    { senderRetries: false },
    { deadlineMs: 10 }
  ]
  const refused = (kind: typeof TypeError | typeof RangeError, all: readonly object[]) => {
    for (const options of all)
      assert.throws(
        made({ ...anybody, ...options }),
        (error: unknown) => error instanceof kind && error.message.startsWith('toFetch: '),
        JSON.stringify(options)
      )
  }
  refused(RangeError, outOfRange)
  refused(TypeError, wrong)
})

refusing('a body that breaks off, as no fault of ours', async () => {
  const body = new ReadableStream({
    pull: (controller) => controller.error(new Error('ECONNRESET'))
  })
  const broken = new Request(url, { method: 'POST', body, duplex: 'half' })
  const { status, events } = await answering(saying(ack), broken)
  assert.equal(
    [status, events.map((event) => event._tag === 'Refused' && event.reason)],
    [400, ['the body ended too early']]
  )
})

refusing('a body that ends as its sender goes away, unless it is as long as it says', async () => {
  const gone = (headers: Record<string, string>) =>
    answering(
      saying(ack),
      new Request(url, { method: 'POST', headers, body: '12', signal: AbortSignal.abort() })
    )
  for (const length of [undefined, '3']) {
    const { status, events } = await gone(length === undefined ? {} : { 'content-length': length })
    assert.equal(
      [status, events.map((event) => event._tag === 'Refused' && event.reason)],
      [400, ['the body ended too early']]
    )
  }
  assert.is((await gone({ 'content-length': '2' })).status, 200)
})

refusing('a body that somebody else reads, as a fault of the owner', async () => {
  const request = post('{}')
  request.body?.getReader()
  const { status, events } = await answering(saying(ack), request)
  assert.equal([status, events.map(({ _tag }) => _tag)], [500, ['Reported']])
})

refusing('a processor whose batches could never fill', () => {
  const processor = pipe(receive(json), handle(otherwise(batched(100, 50, async () => ack))))
  assert.throws(
    () => toFetch(processor, { ...anybody, concurrency: 10 }),
    /toFetch: the route otherwise is batched by 100/
  )
  assert.is(typeof toFetch(processor, anybody), 'function')
})

refusing.run()

// the message

const messages = suite('a message that came by HTTP')

messages('knows its request, and routes by method, path and headers', async () => {
  let seen: Message | undefined
  const processor = pipe(
    receive(json),
    handle(
      route(byHeader(':path', '/orders'), async (_, { message }) => {
        seen = message
        return ack
      }),
      route(byHeader(':path', '/other'), async () => ack)
    )
  )
  const { status } = await answering(processor, post('{"a":1}', { 'X-Shop': 'b', 'idempotency-key': 'k1' }))
  assert.is(status, 200)
  const { id, headers, source, deliveryCount, redelivers } = seen as Message
  assert.equal(
    { id, headers, source, deliveryCount, redelivers },
    {
      id: 'k1',
      headers: {
        'content-type': 'text/plain;charset=UTF-8',
        'idempotency-key': 'k1',
        'x-shop': 'b',
        ':method': 'POST',
        ':path': '/orders',
        ':query': 'dry=1'
      },
      source: 'http/orders',
      deliveryCount: 1,
      redelivers: true
    }
  )
  const request = httpRequestOf(seen as Message)
  assert.equal(
    [request?.method, request?.path, request?.query, request?.headers['x-shop'], request?.principal],
    ['POST', '/orders', 'dry=1', 'b', undefined]
  )
})

messages(
  'has a name of its own where its sender gave none, and the principal that was verified',
  async () => {
    const ids: string[] = []
    const answer = toFetch(
      handled(async (message) => {
        ids.push(message.id)
        assert.is(httpRequestOf(message)?.principal, 'ann')
        return ack
      }),
      { verify: () => async () => right('ann') }
    )
    await answer(post())
    await answer(post())
    assert.is(new Set(ids).size, 2)
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-/)
  }
)

messages('keeps its bytes, whatever they are', async () => {
  const bodies = ['', 'ÿ', '{"__proto__":{"a":1}}', '['.repeat(100_000), new Uint8Array([0xff, 0, 0xfe])]
  for (const body of bodies) {
    let seen: Uint8Array | undefined
    const processor: Processor = (message) => async () => {
      seen = message.bytes
      return ack
    }
    assert.is((await answering(processor, post(body))).status, 200)
    assert.equal(Buffer.from(seen as Uint8Array), Buffer.from(body as string))
  }
})

messages('is a failure and nothing worse where it is nested deeply or names __proto__', async () => {
  const processor = pipe(receive(json), handle(route(byField('type', 'a'), async () => ack)))
  const deep = await answering(processor, post('['.repeat(200_000) + ']'.repeat(200_000)))
  assert.is(deep.status, 422)
  const proto = await answering(processor, post('{"__proto__":{"type":"a"}}'))
  assert.is(proto.status, 422)
  assert.is(({} as { type?: string }).type, undefined)
})

messages.run()

// limits and senders

const limits = suite('an endpoint')

const gate = () => {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

limits('tells senders to try again beyond its concurrency', async () => {
  const { open, opened } = gate()
  const answer = toFetch(
    handled(async () => {
      await opened
      return ack
    }),
    { ...anybody, concurrency: 2, retryAfterMs: 5_000, onEvent: () => undefined }
  )
  const first = [answer(post()), answer(post())]
  await turn()
  await turn()
  const third = await said(await answer(post()))
  assert.equal(
    [third.status, third.headers['retry-after'], third.body],
    [503, '5', '{"error":"too much is being handled"}']
  )
  open()
  assert.equal(
    (await Promise.all(first)).map(({ status }) => status),
    [200, 200]
  )
  assert.is((await answer(post())).status, 200)
})

limits('stores what a sender would not send again: nacks, and what is too much', async () => {
  const { open, opened } = gate()
  const dlq = memoryDlq()
  const answer = toFetch(
    pipe(
      handled(async ({ body }) => {
        if ((body as { wait?: boolean }).wait) await opened
        return nack({ reason: 'later' })
      }),
      withDlq(dlq)
    ),
    { ...anybody, senderRetries: false, concurrency: 1 }
  )
  assert.is((await answer(post())).status, 202)
  const waiting = answer(post('{"wait":true}'))
  await turn()
  await turn()
  assert.is((await answer(post('{"much":1}'))).status, 202)
  open()
  assert.is((await waiting).status, 202)
  assert.equal(
    dlq.letters().map(({ failure }) => failure),
    [
      rejected('nacked', { reason: 'later' }),
      rejected('overloaded', { concurrency: 1 }),
      rejected('nacked', { reason: 'later' })
    ]
  )
})

const slowly = (dlq: Dlq, verdict: () => any) => {
  const { open, opened } = gate()
  const clock = virtualClock()
  const answer = toFetch(
    pipe(
      handled(async () => {
        await opened
        return verdict()
      }),
      withDlq(dlq, { clock })
    ),
    { ...anybody, deadlineMs: 3_000, clock, onEvent: () => undefined }
  )
  return { open, clock, answer }
}

limits(
  'answers in time what is slow, once it is stored, and resolves the letter when the handler acks',
  async () => {
    const dlq = memoryDlq()
    const { open, clock, answer } = slowly(dlq, () => ack)
    const answering = answer(post())
    const response = await clock.finish(answering)
    assert.is(response.status, 202)
    const states = () => dlq.letters().map(({ failure, state, fault }) => ({ failure, state, fault }))
    const failure = rejected('deadline-passed', { deadlineMs: 3_000 })
    assert.equal(states(), [{ failure, state: 'dead', fault: undefined }])
    open()
    for (let turns = 0; turns < 20; turns += 1) await turn()
    assert.equal(states(), [{ failure, state: 'resolved', fault: undefined }])
  }
)

limits('keeps the letter of what is slow and then fails, with what went wrong', async () => {
  const dlq = memoryDlq()
  const { open, clock, answer } = slowly(dlq, () => failed(rejected('no-stock')))
  assert.is((await clock.finish(answer(post()))).status, 202)
  open()
  for (let turns = 0; turns < 20; turns += 1) await turn()
  assert.equal(
    dlq.letters().map(({ failure }) => failure),
    [rejected('no-stock')]
  )
})

limits('stores what is slow or too much at once, whatever would try it again or wait for it', async () => {
  const clock = virtualClock()
  const wraps: readonly ((processor: any) => Processor)[] = [
    withRetry(constantDelay(60_000), { when: () => true, clock }),
    withDedupe(memoryIdempotency(), () => 'k', { clock })
  ]
  for (const wrap of wraps) {
    const dlq = memoryDlq()
    const { open, opened } = gate()
    const answer = toFetch(
      pipe(
        handled(async () => {
          await opened
          return ack
        }),
        wrap,
        withDlq(dlq, { clock })
      ),
      { ...anybody, senderRetries: false, concurrency: 1, deadlineMs: 3_000, clock }
    )
    const slow = answer(post('{"slow":1}'))
    await turn()
    await turn()
    assert.is((await answer(post('{"much":1}'))).status, 202)
    assert.is((await clock.finish(slow, 3_000)).status, 202)
    open()
    for (let turns = 0; turns < 20; turns += 1) await turn()
    assert.equal(
      dlq.letters().map(({ failure, state }) => [failure, state]),
      [
        [rejected('overloaded', { concurrency: 1 }), 'dead'],
        [rejected('deadline-passed', { deadlineMs: 3_000 }), 'resolved']
      ]
    )
  }
})

limits('stores nothing for its deadline once the handler has acked', async () => {
  const clock = virtualClock()
  const dlq = memoryDlq()
  const acked = gate()
  const stored = gate()
  let passes = 0
  const delayed = combinator('delayed', (processor) => (message) => async () => {
    passes += 1
    if (passes === 2) await stored.opened
    return processor(message)()
  })
  const answer = toFetch(
    pipe(
      handled(async () => {
        await acked.opened
        return ack
      }),
      withDlq(dlq, { clock }),
      delayed
    ),
    { ...anybody, deadlineMs: 3_000, clock }
  )
  const answering = answer(post())
  await clock.advance(3_000)
  assert.is(passes, 2)
  acked.open()
  await turn()
  stored.open()
  assert.is((await answering).status, 200)
  assert.equal(dlq.letters(), [])
})

limits('waits for the handler after all where what is slow cannot be stored', async () => {
  const broken: Dlq = { location: 'here', put: () => async () => left({ reason: 'disk full' }) }
  const { open, clock, answer } = slowly(broken, () => ack)
  const answering = answer(post())
  await clock.advance(3_000)
  open()
  assert.is((await answering).status, 200)
})

limits('is not ready while its queue cannot store, and says so', async () => {
  let isBroken = true
  const dlq: Dlq = {
    location: 'here',
    put: () => async () => (isBroken ? left({ reason: 'disk full' }) : right(undefined))
  }
  const events: string[] = []
  const answer = toFetch(
    pipe(
      handled(async () => failed(rejected('no'))),
      withDlq(dlq)
    ),
    {
      ...anybody,
      health: true,
      onEvent: ({ _tag }) => events.push(_tag)
    }
  )
  const asking = async (path: string) =>
    (await answer(new Request(`http://example.test${path}`, { method: 'GET' }))).status
  assert.equal([await asking('/healthz'), await asking('/readyz')], [200, 200])
  assert.is((await answer(post())).status, 503)
  assert.equal([await asking('/healthz'), await asking('/readyz')], [200, 503])
  isBroken = false
  assert.is((await answer(post())).status, 202)
  assert.is(await asking('/readyz'), 200)
  assert.equal(events, ['Reported', 'Paused', 'Resumed'])
})

limits('is ready again some seconds after its queue could not store, as it may be sent nothing', async () => {
  const clock = virtualClock()
  const dlq: Dlq = { location: 'here', put: () => async () => left({ reason: 'disk full' }) }
  const events: string[] = []
  const answer = toFetch(pipe(saying(failed(rejected('no'))), withDlq(dlq, { clock })), {
    ...anybody,
    health: true,
    clock,
    onEvent: (event) => {
      if (event._tag !== 'Reported') events.push(renderEvent(event) ?? event._tag)
    }
  })
  const isReady = async () => (await answer(new Request('http://example.test/readyz'))).status === 200
  for (let round = 0; round < 2; round += 1) {
    await answer(post())
    await clock.advance(3_000)
    await answer(post())
    await clock.advance(4_999)
    assert.is(await isReady(), false)
    await clock.advance(1)
    assert.is(await isReady(), true)
  }
  const paused = 'paused: the dead letter queue could not store it: disk full; it holds: rejected: no'
  assert.equal(events, [paused, 'resumed after 8000 ms', paused, 'resumed after 8000 ms'])
})

limits(
  'refuses what comes after its signal, lets the rest finish, and aborts it at the deadline',
  async () => {
    const clock = virtualClock()
    const stopping = new AbortController()
    const processor = handled(
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    )
    const answer = toFetch(processor, {
      ...anybody,
      signal: stopping.signal,
      drainMs: 1_000,
      clock,
      health: true
    })
    const running = answer(post())
    await turn()
    await turn()
    stopping.abort()
    assert.is((await answer(post())).status, 503)
    assert.is((await answer(new Request('http://example.test/readyz'))).status, 503)
    await clock.advance(999)
    const still = await Promise.race([running, turn().then(() => undefined)])
    assert.is(still, undefined)
    await clock.advance(1)
    assert.equal(await said(await running), {
      status: 503,
      headers: jsonHeaders('{"result":"released"}', { 'retry-after': '1' }),
      body: '{"result":"released"}'
    })
  }
)

limits('is not disturbed by whoever watches it', async () => {
  const answer = toFetch(saying(failed(rejected('no'))), {
    ...anybody,
    onEvent: () => {
      throw new Error('watcher')
    }
  })
  assert.is((await answer(post())).status, 422)
})

limits('interrupts nothing by itself when the sender goes away', async () => {
  const leaving = new AbortController()
  const { open, opened } = gate()
  let ended = false
  const answer = toFetch(
    handled(async () => {
      await opened
      ended = true
      return ack
    }),
    anybody
  )
  const request = new Request(url, { method: 'POST', body: '{}', signal: leaving.signal })
  const answering = answer(request)
  await turn()
  await turn()
  leaving.abort(interruption('shutdown'))
  open()
  assert.is((await answering).status, 200)
  assert.ok(ended)
})

limits.run()
