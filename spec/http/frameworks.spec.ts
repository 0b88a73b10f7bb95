/** `toListener` and `toFetch` in servers of others, asked by clients over sockets. */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import {
  type IncomingMessage,
  type Server,
  type ServerResponse,
  createServer,
  request as asking
} from 'node:http'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type Http2ServerRequest,
  type Http2ServerResponse,
  connect as connectHttp2,
  createServer as createHttp2Server
} from 'node:http2'
import { type AddressInfo, type Socket, connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { type ServerType, serve } from '@hono/node-server'
import express from 'express'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { right } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { Hono } from 'hono'
import { cloneRawRequest } from 'hono/request'
import Koa from 'koa'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { type Listener, type MountOptions, github, toFetch, toListener } from '../../lib/http.js'
import {
  type Event,
  type Message,
  type Processor,
  type Verdict,
  ack,
  ackWith,
  failed,
  handle,
  json,
  nack,
  otherwise,
  receive,
  rejected,
  renderEvent,
  withDlq
} from '../../lib/index.js'
import { virtualClock } from '../support/clock.js'
import { until, within } from '../support/deadline.js'

// servers

interface Running {
  /** `http://127.0.0.1:49152` */
  readonly origin: string
  readonly server: Server
}

/** Serves a page of its own at `/`, and the processor under `/hooks`. */
type Framework = (processor: Processor, options: MountOptions) => ServerType | Promise<ServerType>

const page = 'a page'

const onExpress: Framework = (processor, options) => {
  const app = express()
  app.use('/hooks', toListener(processor, options))
  app.get('/', (_, response) => void response.send(page))
  return app.listen(0, '127.0.0.1')
}

const onFastify: Framework = (processor, options) => {
  const app = fastify()
  void app.register(hooksOf(toListener(processor, options)))
  app.get('/', async () => page)
  return startedFastify(app)
}

/** A scope where Fastify leaves bodies alone. */
const hooksOf = (listener: Listener) => async (hooks: FastifyInstance) => {
  hooks.removeAllContentTypeParsers()
  hooks.addContentTypeParser('*', (_request, _payload, done) => done(null))
  hooks.all('/hooks/*', (request, reply) => listener(request.raw, reply.hijack().raw))
}

const onKoa: Framework = (processor, options) => {
  const listener = toListener(processor, options)
  const app = new Koa()
  app.use((context, next) => {
    if (!context.path.startsWith('/hooks/')) return next()
    context.respond = false
    return listener(context.req, context.res)
  })
  app.use((context) => void (context.body = page))
  return app.listen(0, '127.0.0.1')
}

const onHono: Framework = (processor, options) => {
  const answer = toFetch(processor, options)
  const app = new Hono()
  app.all('/hooks/*', (context) => answer(context.req.raw))
  app.get('/', (context) => context.text(page))
  return startedHono(app)
}

const frameworks = { Express: onExpress, Fastify: onFastify, Koa: onKoa, Hono: onHono }

const startedFastify = async (app: FastifyInstance): Promise<Server> => {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}

const startedHono = (app: Hono): ServerType => serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })

const running = async (
  starting: ServerType | Promise<ServerType>,
  use: (running: Running) => Promise<void>
): Promise<void> => {
  // It is HTTP/2 only where that is asked for.
  const server = (await starting) as Server
  if (!server.listening) await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    await within('the answers', use({ origin: `http://127.0.0.1:${port}`, server }))
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

// processors

const anybody = { allowAnonymous: true } as const

const handled = (handler: (message: Message) => Promise<Verdict>): Processor =>
  pipe(receive(json), handle(otherwise(handler)))

const acking = handled(async () => ack)

/** Says what the message asks for. */
const obedient = handled(async ({ body }) => verdicts[(body as { say: string }).say] as Verdict)

const verdicts: Readonly<Record<string, Verdict>> = {
  ack,
  nack: nack({ reason: 'later', afterMs: 2_400 }),
  fail: failed(rejected('no-stock'))
}

/** Acks with what the message was, byte by byte. */
const echo: Processor =
  ({ bytes }) =>
  async () =>
    ackWith({ reply: bytes })

const latch = () => {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

// clients

const post = async (
  url: string,
  body: string | Uint8Array<ArrayBuffer> = '{}',
  headers: Record<string, string> = { 'content-type': 'application/json' }
) => {
  const response = await fetch(url, { method: 'POST', body, headers })
  const text = await response.text()
  return { status: response.status, body: text, retryAfter: response.headers.get('retry-after') }
}

/** The answer to a POST with neither a body nor a word about one. */
const emptyHanded = async (url: string): Promise<string> => {
  const client = asking(url, { method: 'POST' })
  client.removeHeader('transfer-encoding')
  client.removeHeader('content-length')
  client.end()
  const [response] = await once(client, 'response')
  return String(await buffer(response))
}

/** The status that is answered to a body that says no length and goes on until there is an answer. */
const endless = async (url: string): Promise<number> => {
  const client = asking(url, { method: 'POST', headers: { 'content-type': 'application/json' } })
  client.on('error', () => undefined)
  const chunk = Buffer.alloc(10_000, ' ')
  let isAnswered = false
  const answering = once(client, 'response').finally(() => (isAnswered = true))
  while (!isAnswered) {
    client.write(chunk)
    await new Promise((resolve) => void setImmediate(resolve))
  }
  const [response] = await answering
  response.resume()
  client.destroy()
  return response.statusCode
}

const answered = (status: number, body: string, retryAfter: string | null = null) => ({
  status,
  body,
  retryAfter
})

const done = answered(200, '{"result":"ack"}')
const unreadable = answered(500, '{"error":"the request could not be handled"}')

const secret = "It's a Secret to Everybody"

/** As GitHub sends. */
const signed = (body: string | Uint8Array, key = secret) => ({
  'content-type': 'application/json',
  'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(body).digest('hex')}`
})

/** JSON that is other bytes once it is parsed and written again. */
const spaced = '{ "b": 1,\n  "a": "Zoë" }\n'

// what holds in all of them

for (const [name, framework] of Object.entries(frameworks)) {
  const mounted = suite(`in ${name} a processor`)

  mounted('answers by its outcome', () => {
    const dlq = memoryDlq()
    const events: Event[] = []
    const options = { ...anybody, onEvent: (event: Event) => void events.push(event) }
    return running(framework(pipe(obedient, withDlq(dlq)), options), async ({ origin }) => {
      const hooks = `${origin}/hooks/orders`
      assert.equal(await post(hooks, '{"say":"ack"}'), done)
      assert.equal(await post(hooks, '{"say":"fail"}'), answered(202, '{"result":"dead-lettered"}'))
      assert.equal(await post(hooks, '{"say":"nack"}'), answered(503, '{"result":"nack"}', '3'))
      assert.equal(
        dlq.letters().map(({ failure }) => failure),
        [rejected('no-stock')]
      )
      assert.equal(events, [])
    })
  })

  mounted('answers 422 to what is malformed, where no queue takes it, and tells its owner', () => {
    const events: string[] = []
    const options = { ...anybody, onEvent: ({ _tag }: Event) => void events.push(_tag) }
    return running(framework(obedient, options), async ({ origin }) => {
      const { status, body } = await post(`${origin}/hooks/orders`, '{"say":')
      assert.is(status, 422)
      assert.is(body, '{"result":"failed","error":"the payload is malformed: not JSON"}')
      assert.equal(events, ['Reported'])
    })
  })

  mounted('knows the path and the query as they were sent', () => {
    const processor = handled(async ({ headers, source }) => {
      const { ':method': method, ':path': path, ':query': query } = headers
      return ackWith({ reply: { method, path, query, source } })
    })
    return running(framework(processor, { ...anybody, name: 'shop' }), async ({ origin }) => {
      const { body } = await post(`${origin}/hooks/orders/17%20a?dry=1&b`)
      assert.equal(JSON.parse(body), {
        method: 'POST',
        path: '/hooks/orders/17%20a',
        query: 'dry=1&b',
        source: 'shop/hooks/orders/17%20a'
      })
    })
  })

  mounted('has the bytes as they were sent, whatever their type', () =>
    running(framework(echo, anybody), async ({ origin }) => {
      const hooks = `${origin}/hooks/any`
      const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'image/x-odd']
      for (const type of types)
        assert.is((await post(hooks, spaced, { 'content-type': type })).body, spaced, type)
      const odd = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256)
      const response = await fetch(hooks, { method: 'POST', body: odd })
      assert.equal(Buffer.from(await response.arrayBuffer()), Buffer.from(odd))
      assert.equal(await post(hooks, ''), answered(200, ''))
      assert.equal(await emptyHanded(hooks), '')
    })
  )

  mounted('leaves the other routes alone', () =>
    running(framework(acking, anybody), async ({ origin }) => {
      const response = await fetch(origin)
      assert.equal([response.status, await response.text()], [200, page])
      const wrong = await fetch(`${origin}/hooks/orders`)
      assert.equal([wrong.status, wrong.headers.get('allow')], [405, 'POST, OPTIONS'])
    })
  )

  mounted('lets in who signs the bytes, and nobody else', () =>
    running(framework(echo, { verify: github(secret), onEvent: () => undefined }), async ({ origin }) => {
      const hooks = `${origin}/hooks/github`
      assert.equal(await post(hooks, spaced, signed(spaced)), answered(200, spaced))
      const bytes = Uint8Array.of(0xff, 0, 0xfe)
      assert.is((await post(hooks, bytes, signed(bytes))).status, 200)
      assert.is((await post(hooks, spaced, signed(JSON.stringify(JSON.parse(spaced))))).status, 401)
      assert.is((await post(hooks, spaced, signed(spaced, 'somebody else'))).status, 401)
      assert.is((await post(hooks, spaced)).status, 401)
    })
  )

  mounted('refuses what is too large, said or not, and goes on', () => {
    let calls = 0
    const processor = handled(async () => {
      calls += 1
      return ack
    })
    const options = { ...anybody, maxBytes: 1_000, onEvent: () => undefined }
    return running(framework(processor, options), async ({ origin }) => {
      const hooks = `${origin}/hooks/orders`
      const refused = answered(413, '{"error":"a body has at most 1000 bytes"}')
      assert.equal(await post(hooks, ' '.repeat(1_001)), refused)
      assert.equal(await post(hooks, ' '.repeat(2_000_000)), refused)
      assert.is(await endless(hooks), 413)
      assert.is(calls, 0)
      assert.equal(await post(hooks), done)
    })
  })

  mounted('finishes what it began when the client goes away', () => {
    const ledger: string[] = []
    const [gate, begun] = [latch(), latch()]
    const processor = handled(async ({ id }) => {
      begun.open()
      await gate.opened
      ledger.push(id)
      return ack
    })
    return running(framework(processor, anybody), async ({ origin, server }) => {
      const connecting = once(server, 'connection') as Promise<[Socket]>
      const client = asking(`${origin}/hooks/orders`, {
        method: 'POST',
        headers: { 'idempotency-key': 'k1', 'content-type': 'application/json' }
      })
      client.on('error', () => undefined)
      client.end('{}')
      const [socket] = await connecting
      await begun.opened
      const closed = once(socket, 'close')
      client.destroy()
      await closed
      assert.equal(ledger, [])
      gate.open()
      await until('the ledger', () => ledger.length > 0)
      assert.equal(ledger, ['k1'])
      assert.equal(await post(`${origin}/hooks/orders`), done)
    })
  })

  mounted('answers each of 200 at once', () => {
    const all = latch()
    let arrived = 0
    const processor = handled(async ({ body }) => {
      arrived += 1
      if (arrived === 200) all.open()
      await all.opened
      return ackWith({ reply: body })
    })
    return running(framework(processor, anybody), async ({ origin }) => {
      const bodies = Array.from({ length: 200 }, (_, number) => JSON.stringify({ number }))
      const answers = await Promise.all(bodies.map((body) => post(`${origin}/hooks/orders`, body)))
      assert.equal(
        answers,
        bodies.map((body) => answered(200, body))
      )
    })
  })

  mounted('finishes what runs when it is told to stop, and refuses the rest', () => {
    const [gate, begun] = [latch(), latch()]
    const stopping = new AbortController()
    const processor = handled(async () => {
      begun.open()
      await gate.opened
      return ack
    })
    const options = { ...anybody, signal: stopping.signal, onEvent: () => undefined }
    return running(framework(processor, options), async ({ origin }) => {
      const first = post(`${origin}/hooks/orders`)
      await begun.opened
      stopping.abort()
      assert.equal(await post(`${origin}/hooks/orders`), answered(503, '{"error":"this server stops"}', '1'))
      gate.open()
      assert.equal(await first, done)
      assert.is((await fetch(origin)).status, 200)
    })
  })

  mounted.run()
}

// bodies that somebody else has read

const advice =
  'something else has read the body of the request; let toListener come before what parses bodies, or keep the bytes as request.rawBody'

/** An owner's ear, and a processor that counts what it is given. */
const listening = () => {
  const told: string[] = []
  const handled: string[] = []
  const processor: Processor = (message) => async () => {
    handled.push(message.id)
    return ack
  }
  const onEvent = (event: Event) => void told.push(renderEvent(event) ?? event._tag)
  return { told, handled, processor, options: { ...anybody, onEvent } }
}

const parsers = suite('in Express a parser of bodies')

parsers('that keeps no bytes makes an error, for the sender and for the owner', () => {
  const { told, handled, processor, options } = listening()
  const app = express()
  app.use(express.json())
  app.use('/hooks', toListener(processor, options))
  return running(app.listen(0, '127.0.0.1'), async ({ origin }) => {
    assert.equal(await post(`${origin}/hooks/orders`), unreadable)
    assert.is(told.length, 1)
    assert.ok(told[0]?.includes(advice), told[0])
    assert.equal(handled, [])
    assert.equal(await post(`${origin}/hooks/orders`, '{}', { 'content-type': 'text/plain' }), done)
  })
})

parsers('that keeps no bytes is told to the console where nobody else listens', () => {
  const { error } = console
  const printed: string[] = []
  const app = express()
  app.use(express.json())
  app.use('/hooks', toListener(acking, anybody))
  return running(app.listen(0, '127.0.0.1'), async ({ origin }) => {
    console.error = (line: string) => void printed.push(line)
    try {
      assert.equal(await post(`${origin}/hooks/orders`), unreadable)
    } finally {
      console.error = error
    }
    assert.is(printed.length, 1)
    assert.ok(printed[0]?.includes(advice), printed[0])
  })
})

parsers('that keeps the bytes, as a body or beside it, is no matter', () => {
  const options = { verify: github(secret), maxBytes: 1_000, onEvent: () => undefined }
  const app = express()
  const type = '*/*'
  const rawBody = (request: object, _: unknown, bytes: Buffer) =>
    void Object.assign(request, { rawBody: bytes })
  app.use('/raw', express.raw({ type }), toListener(echo, options))
  app.use('/json', express.json({ verify: rawBody }), toListener(echo, options))
  return running(app.listen(0, '127.0.0.1'), async ({ origin }) => {
    for (const path of ['raw', 'json']) {
      assert.equal(await post(`${origin}/${path}`, spaced, signed(spaced)), answered(200, spaced), path)
      assert.is((await post(`${origin}/${path}`, spaced, signed(`${spaced} `))).status, 401, path)
      const large = JSON.stringify({ a: ' '.repeat(1_000) })
      assert.is((await post(`${origin}/${path}`, large, signed(large))).status, 413, path)
    }
  })
})

parsers('that makes text of the bytes is one that keeps none, as the text may be another', () => {
  const told: string[] = []
  const onEvent = (event: object) => void told.push(JSON.stringify(event))
  const app = express()
  app.use('/text', express.text({ type: '*/*' }), toListener(acking, { ...anybody, onEvent }))
  app.use('/json', express.json({ strict: false }), toListener(acking, { ...anybody, onEvent }))
  return running(app.listen(0, '127.0.0.1'), async ({ origin }) => {
    assert.equal(await post(`${origin}/text`, 'Zo\u00eb'), unreadable)
    assert.equal(await post(`${origin}/json`, '"{\\"admin\\":true}"'), unreadable)
    assert.is(told.length, 2)
  })
})

parsers('that found no bytes, whenever it was, leaves a message of none', () => {
  const app = express()
  const type = '*/*'
  const later: express.RequestHandler = (_request, _response, next) => void setTimeout(next, 20)
  app.use('/raw', express.raw({ type }), toListener(echo, anybody))
  app.use('/json', express.json(), toListener(echo, anybody))
  app.use('/later', express.raw({ type }), later, toListener(echo, anybody))
  return running(app.listen(0, '127.0.0.1'), async ({ origin }) => {
    for (const path of ['raw', 'json', 'later'])
      assert.equal(await post(`${origin}/${path}`, ''), answered(200, ''), path)
  })
})

parsers('that has them decoded is one that keeps none', () => {
  const { told, handled, processor, options } = listening()
  const app = express()
  const decoding: express.RequestHandler = (request, _response, next) => {
    request.setEncoding('utf8')
    next()
  }
  app.use('/hooks', decoding, toListener(processor, options))
  return running(app.listen(0, '127.0.0.1'), async ({ origin }) => {
    assert.equal(await post(`${origin}/hooks/orders`, JSON.stringify('a'.repeat(200_000))), unreadable)
    assert.ok(told[0]?.includes(advice), told[0])
    assert.equal(handled, [])
  })
})

parsers('that has paused the request is no matter', () => {
  const app = express()
  const pausing: express.RequestHandler = (request, _response, next) => {
    request.pause()
    next()
  }
  app.use('/hooks', pausing, toListener(echo, anybody))
  return running(app.listen(0, '127.0.0.1'), async ({ origin }) => {
    assert.equal(await post(`${origin}/hooks/orders`, '{}'), answered(200, '{}'))
  })
})

parsers('that gives the request up in the middle is one that keeps none', () => {
  const { told, handled, processor, options } = listening()
  const listener = toListener(processor, options)
  const beginning = async (request: IncomingMessage): Promise<unknown> => {
    for await (const chunk of request) return chunk
    return undefined
  }
  const server = createServer((request, response) => {
    const begun = beginning(request).then(() => listener(request, response))
    begun.catch((thrown: unknown) => told.push(String(thrown)))
  })
  return running(server.listen(0, '127.0.0.1'), async ({ origin }) => {
    await post(`${origin}/`).catch(() => undefined)
    await until('somebody is told', () => told.length > 0)
    assert.ok(told[0]?.includes(advice), told[0])
    assert.equal(handled, [])
  })
})

parsers('may have routes of its own beside those of messages', () => {
  const app = express()
  app.use('/hooks', toListener(acking, anybody))
  app.use(express.json())
  app.post('/carts', ({ body }, response) => void response.json({ parsed: body }))
  return running(app.listen(0, '127.0.0.1'), async ({ origin }) => {
    assert.equal(await post(`${origin}/hooks/orders`), done)
    assert.is((await post(`${origin}/carts`, '{"a":1}')).body, '{"parsed":{"a":1}}')
  })
})

parsers.run()

/** What they have of HTTP/1 is all that is used. */
const asHttp2 =
  (listener: Listener) =>
  (request: Http2ServerRequest, response: Http2ServerResponse): void =>
    listener(request as unknown as IncomingMessage, response as unknown as ServerResponse)

const early = suite('a sender that goes away before its body is asked for')

early('is in the way of nobody', async () => {
  const refused: string[] = []
  let ask = (): void => undefined
  const asked = new Promise<void>((resolve) => (ask = resolve))
  const listener = toListener(acking, {
    ...anybody,
    onEvent: (event) => {
      if (event._tag === 'Refused') refused.push(event.reason)
      ask()
    }
  })
  const server = createServer((request, response) => {
    request.on('error', () => undefined)
    request.on('close', () => listener(request, response))
  })
  await running(server.listen(0, '127.0.0.1'), async ({ origin }) => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n1234', () =>
      socket.resetAndDestroy()
    )
    await asked
    assert.equal(refused, ['the body ended too early'])
  })
})

early('sends no message by HTTP/2, where a body that broke off ends as a whole one does', async () => {
  for (const isSlow of [false, true]) {
    let asked = (): void => undefined
    const asking = new Promise<void>((resolve) => (asked = resolve))
    let heard: (what: unknown) => void = () => undefined
    const told = new Promise<unknown>((resolve) => (heard = resolve))
    let closed: Promise<unknown> = Promise.resolve()
    const processor = handled(async ({ bytes }) => {
      heard(bytes.length)
      return ack
    })
    const listener = toListener(processor, {
      verify: () => async () => {
        asked()
        if (isSlow) await closed
        return right('a sender')
      },
      onEvent: (event) => event._tag === 'Refused' && heard(event.reason)
    })
    const server = createHttp2Server((request, response) => {
      closed = once(request, 'close')
      asHttp2(listener)(request, response)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    try {
      const stream = client.request({ ':method': 'POST', ':path': '/' })
      stream.write('12')
      await within('being asked', asking)
      stream.destroy()
      assert.is(await within('the end of it', told), 'the body ended too early', `slow: ${isSlow}`)
    } finally {
      client.destroy()
      server.close()
    }
  }
})

early('sends no message by Hono, which ends a body that broke off as a whole one', async () => {
  const { told, handled, processor, options } = listening()
  let asked = (): void => undefined
  const asking = new Promise<void>((resolve) => (asked = resolve))
  const answer = toFetch(processor, {
    onEvent: options.onEvent,
    verify: () => async () => {
      asked()
      await until('the sender is gone', () => isGone)
      return right('a sender')
    }
  })
  let isGone = false
  const app = new Hono().post('/', (context) => answer(context.req.raw))
  await running(startedHono(app), async ({ origin, server }) => {
    server.on('connection', (socket: Socket) => socket.on('close', () => (isGone = true)))
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n1234')
    await asking
    socket.resetAndDestroy()
    await until('it is refused', () => told.length > 0)
    assert.equal([told, handled], [['Refused'], []])
  })
})

early.run()

const http2 = suite('by HTTP/2 a processor')

const speaking = async (listener: Listener, use: (client: ClientHttp2Session) => Promise<void>) => {
  const server = createHttp2Server(asHttp2(listener)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  try {
    await within('the answers', use(client))
  } finally {
    client.destroy()
    server.close()
  }
}

const statusOf = async (stream: ClientHttp2Stream): Promise<number | undefined> => {
  const [answer] = (await once(stream, 'response')) as [{ readonly ':status'?: number }]
  return answer[':status']
}

http2('that refuses a body is done with it when that has come, however the clock stands', () => {
  const listener = toListener(acking, { ...anybody, path: '/hooks', clock: virtualClock() })
  return speaking(listener, async (client) => {
    const stream = client.request({ ':method': 'POST', ':path': '/carts' }, { endStream: false })
    assert.is(await statusOf(stream), 404)
    stream.end('{}')
    stream.resume()
    await once(stream, 'close')
  })
})

http2('that refuses a body takes the rest of it for a second, and goes on with the connection', () => {
  const clock = virtualClock()
  return speaking(toListener(acking, { ...anybody, maxBytes: 3, clock }), async (client) => {
    const endless = client.request({ ':method': 'POST', ':path': '/' }, { endStream: false })
    endless.write('1234')
    assert.is(await statusOf(endless), 413)
    assert.is(String((await once(endless, 'data'))[0]), '{"error":"a body has at most 3 bytes"}')
    const over = once(endless, 'close')
    await clock.advance(999)
    assert.not.ok(endless.writableFinished || endless.closed)
    await clock.advance(1)
    await over
    assert.is(endless.rstCode, 0)
    const another = client.request({ ':method': 'POST', ':path': '/' })
    another.end('1')
    assert.is(await statusOf(another), 200)
  })
})

http2.run()

const mute = suite('a response that throws whatever is written')

mute('costs its connection, and nobody waits for it for ever', () => {
  const { told, processor, options } = listening()
  const listener = toListener(processor, options)
  const server = createServer((request, response) => {
    response.writeHead = () => {
      throw new Error('not here')
    }
    listener(request, response)
  })
  return running(server.listen(0, '127.0.0.1'), async ({ origin }) => {
    const answer = await post(`${origin}/`).catch(() => 'no answer')
    assert.is(answer, 'no answer')
    assert.is(told.length, 1)
    assert.ok(told[0]?.includes('not here'), told[0])
  })
})

mute.run()

const routers = suite('in Express routers in routers')

routers('leave the path whole', () => {
  const processor = handled(async ({ headers }) => ackWith({ reply: headers[':path'] }))
  const [app, router, inner] = [express(), express.Router(), express()]
  inner.post('/placed', toListener(processor, anybody))
  router.use('/orders', inner)
  app.use('/hooks', router)
  return running(app.listen(0, '127.0.0.1'), async ({ origin }) => {
    assert.equal(await post(`${origin}/hooks/orders/placed?a`), answered(200, '/hooks/orders/placed'))
    assert.is((await post(`${origin}/hooks/orders/gone`)).status, 404)
  })
})

routers.run()

const inFastify = suite('in Fastify a processor')

inFastify('says what is wrong where Fastify has parsed the body', () => {
  const { told, handled, processor, options } = listening()
  const listener = toListener(processor, options)
  const app = fastify()
  app.post('/hooks/orders', (request, reply) => listener(request.raw, reply.hijack().raw))
  return running(startedFastify(app), async ({ origin }) => {
    assert.equal(await post(`${origin}/hooks/orders`), unreadable)
    assert.is(told.length, 1)
    assert.ok(told[0]?.includes(advice), told[0])
    assert.equal(handled, [])
  })
})

inFastify('takes the bytes that a parser keeps', () => {
  const listener = toListener(echo, { verify: github(secret), onEvent: () => undefined })
  const app = fastify()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, bytes, done) =>
    done(null, bytes)
  )
  app.post('/hooks/orders', (request, reply) =>
    listener(Object.assign(request.raw, { rawBody: request.body }), reply.hijack().raw)
  )
  return running(startedFastify(app), async ({ origin }) => {
    assert.equal(await post(`${origin}/hooks/orders`, spaced, signed(spaced)), answered(200, spaced))
  })
})

inFastify('can come before any parser, as a hook', () => {
  const listener = toListener(echo, { verify: github(secret), onEvent: () => undefined })
  const app = fastify()
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) =>
    listener(request.raw, reply.hijack().raw)
  app.post('/hooks/orders', { onRequest }, async () => 'never')
  return running(startedFastify(app), async ({ origin }) => {
    assert.equal(await post(`${origin}/hooks/orders`, spaced, signed(spaced)), answered(200, spaced))
  })
})

inFastify('leaves the parsers and the hooks of other routes alone', () => {
  const answers: string[] = []
  const app = fastify()
  app.addHook('onResponse', async ({ url }, { raw }) => void answers.push(`${url} ${raw.statusCode}`))
  void app.register(hooksOf(toListener(acking, anybody)))
  app.post('/carts', async ({ body }) => ({ parsed: body }))
  return running(startedFastify(app), async ({ origin }) => {
    assert.equal(await post(`${origin}/hooks/orders`), done)
    assert.is((await post(`${origin}/carts`, '{"a":1}')).body, '{"parsed":{"a":1}}')
    await until('both were seen', () => answers.length === 2)
    assert.equal(answers, ['/hooks/orders 200', '/carts 200'])
  })
})

inFastify.run()

const inKoa = suite('in Koa a processor')

inKoa('says what is wrong where the body was read before, and takes what was kept', () => {
  const { told, handled, processor, options } = listening()
  const [careless, careful] = [
    toListener(processor, options),
    toListener(echo, { verify: github(secret), onEvent: () => undefined })
  ]
  const app = new Koa()
  app.use(async (context) => {
    const rawBody = await buffer(context.req)
    context.respond = false
    if (context.path === '/careless') careless(context.req, context.res)
    else careful(Object.assign(context.req, { rawBody }), context.res)
  })
  return running(app.listen(0, '127.0.0.1'), async ({ origin }) => {
    assert.equal(await post(`${origin}/careless`), unreadable)
    assert.is(told.length, 1)
    assert.ok(told[0]?.includes(advice), told[0])
    assert.equal(handled, [])
    assert.equal(await post(`${origin}/careful`, spaced, signed(spaced)), answered(200, spaced))
  })
})

inKoa('can be waited for, so that what is before it sees the answer', () => {
  const seen: number[] = []
  const listener = toListener(obedient, anybody)
  const app = new Koa()
  app.use(async (context, next) => {
    await next()
    seen.push(context.status)
  })
  app.use(async (context) => {
    context.respond = false
    listener(context.req, context.res)
    await once(context.res, 'close')
  })
  return running(app.listen(0, '127.0.0.1'), async ({ origin }) => {
    assert.is((await post(`${origin}/hooks/orders`, '{"say":"ack"}')).status, 200)
    assert.is((await post(`${origin}/hooks/orders`, '{"say":"nack"}')).status, 503)
    await until('both were seen', () => seen.length === 2)
    assert.equal(seen, [200, 503])
  })
})

inKoa.run()

const inHono = suite('in Hono a processor')

inHono('says what is wrong where the body was read before, and takes a clone', () => {
  const { told, handled, processor, options } = listening()
  const careless = toFetch(processor, options)
  const careful = toFetch(echo, { verify: github(secret), onEvent: () => undefined })
  const app = new Hono()
  app.use(async (context, next) => {
    await context.req.text()
    await next()
  })
  app.post('/careless', (context) => careless(context.req.raw))
  app.post('/careful', async (context) => careful(await cloneRawRequest(context.req)))
  return running(startedHono(app), async ({ origin }) => {
    assert.equal(await post(`${origin}/careless`), unreadable)
    assert.is(told.length, 1)
    assert.match(told[0] as string, /the body of the request was read by somebody else/)
    assert.equal(handled, [])
    assert.equal(await post(`${origin}/careful`, spaced, signed(spaced)), answered(200, spaced))
  })
})

inHono('can be mounted, and sees its path whole if Hono is told to leave it', () => {
  const processor = handled(async ({ headers }) => ackWith({ reply: headers[':path'] }))
  const answer = toFetch(processor, anybody)
  const app = new Hono()
  app.mount('/hooks', answer, { replaceRequest: false })
  app.mount('/cut', answer)
  return running(startedHono(app), async ({ origin }) => {
    assert.equal(await post(`${origin}/hooks/orders`), answered(200, '/hooks/orders'))
    assert.equal(await post(`${origin}/cut/orders`), answered(200, '/orders'))
  })
})

inHono('is a function that is called without a server', async () => {
  const app = new Hono()
  const answer = toFetch(acking, anybody)
  app.post('/hooks/*', (context) => answer(context.req.raw))
  const response = await app.request('/hooks/orders', { method: 'POST', body: '{}' })
  assert.equal([response.status, await response.json()], [200, { result: 'ack' }])
})

inHono.run()
