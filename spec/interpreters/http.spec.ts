import { pipe } from 'fp-ts/lib/function.js'
import { request as ask } from 'node:http'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { type HttpOptions, http, httpRequestOf } from '../../lib/http.js'
import {
  type Event,
  type IdempotencyStore,
  type Message,
  type Processor,
  Resource,
  ack,
  exitCode,
  failed,
  handle,
  json,
  memoryIdempotency,
  nack,
  otherwise,
  receive,
  rejected,
  renderEvent,
  resourceError,
  type Verdict,
  withDlq,
  withTimeout
} from '../../lib/index.js'
import { left, right } from '../../lib/core/result.js'
import { within } from '../support/deadline.js'
import { serving } from '../support/http-server.js'

const post = (address: string, body = '{}', headers: Record<string, string> = {}) =>
  fetch(address, { method: 'POST', body, headers })

const say = pipe(
  receive(json),
  handle(
    otherwise(async ({ body }) => {
      switch (body) {
        case 'nack':
          return nack()
        case 'no':
          return failed(rejected('no'))
        default:
          return ack
      }
    })
  )
)

const server = suite('http')

server('says where it listens, answers by the outcome, and reports what became of all', async () => {
  await serving(say, {}, async ({ address, events, stop }) => {
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/)
    const statuses: number[] = []
    for (const body of ['1', '"nack"', '"no"', 'x']) statuses.push((await post(address, body)).status)
    assert.equal(statuses, [200, 503, 422, 422])
    assert.equal(
      events.map(({ _tag }) => _tag),
      ['Listening', 'Ready', 'Reported', 'Reported']
    )
    const { durationMs, ...report } = await stop()
    assert.equal(events.at(-1), { _tag: 'Ended', report: { ...report, durationMs } })
    assert.ok(durationMs > 0)
    assert.equal(report, {
      received: 4,
      acked: 1,
      nacked: 1,
      failed: 2,
      deadLettered: 0,
      released: 0,
      unsettled: 0,
      storedIn: [],
      unreadBytes: 0,
      ended: { _tag: 'Aborted' }
    })
  })
})

server('stores what fails under its address and path, and exits with 0', async () => {
  const dlq = memoryDlq()
  await serving(pipe(say, withDlq(dlq)), {}, async ({ address, stop }) => {
    assert.is((await post(`${address}/hooks?a=1`, '"no"', { authorization: 'Bearer secret' })).status, 202)
    const [letter] = dlq.letters()
    assert.equal(
      [letter?.source, letter?.headers[':path'], letter?.headers['authorization']],
      [`${address}/hooks`, '/hooks', '[not stored]']
    )
    const report = await stop()
    assert.equal([report.deadLettered, report.storedIn, exitCode(report)], [1, [dlq.location], 0])
  })
})

server('gives the message what its request was', async () => {
  let seen: Message | undefined
  const seeing = pipe(
    receive(json),
    handle(
      otherwise(async (message) => {
        seen = message
        return ack
      })
    )
  )
  await serving(seeing, { methods: ['POST', 'PUT'] }, async ({ address }) => {
    const response = await fetch(`${address}/a%20b?c=d`, {
      method: 'PUT',
      body: '{}',
      headers: { 'X-One': '1' }
    })
    assert.is(response.status, 200)
    const request = httpRequestOf(seen as Message)
    assert.equal(
      [request?.method, request?.path, request?.query, request?.headers['x-one']],
      ['PUT', '/a%20b', 'c=d', '1']
    )
  })
})

server('tells a sender that waits for it to go on, and one that is refused not to', async () => {
  await serving(say, { maxBytes: 10 }, async ({ address }) => {
    const asking = (length: number) =>
      new Promise<readonly unknown[]>((resolve, reject) => {
        let wentOn = false
        const sending = ask(address, {
          method: 'POST',
          headers: { expect: '100-continue', 'content-length': length }
        })
        sending.on('continue', () => {
          wentOn = true
          sending.end('1'.repeat(length))
        })
        sending.on('response', (response) => {
          response.resume()
          resolve([wentOn, response.statusCode])
          if (!wentOn) sending.destroy()
        })
        sending.on('error', reject)
        sending.flushHeaders()
      })
    assert.equal(await within('an answer', asking(3)), [true, 200])
    assert.equal(await within('an answer', asking(11)), [false, 413])
  })
})

server('takes no requests that a browser sends for a page, unless anybody may send', async () => {
  const origin = { origin: 'https://evil.test' }
  await serving(say, {}, async ({ address, events }) => {
    assert.is((await post(address, '1', origin)).status, 403)
    assert.equal(events.at(-1), {
      _tag: 'Refused',
      status: 403,
      path: '/',
      reason: 'requests of web pages are not taken'
    })
  })
  await serving(say, { allowAnonymous: true }, async ({ address }) => {
    assert.is((await post(address, '1', origin)).status, 200)
  })
})

server('is not made where it can be reached from outside and nobody said who may send', () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.2', 'example.test', '127.0.0.1.example.test'])
    assert.throws(
      () => http({ port: 0, host }),
      (error: Error) =>
        error.message ===
        `http: ${host} can be reached from outside; say who may send: verify, or allowAnonymous: true`
    )
  assert.throws(() => http({ port: 0, allowAnonymous: false }), /say who may send/)
  assert.throws(
    () => http({ port: 0, allowAnonymous: true, verify: () => async () => ({ _tag: 'Right', right: 'a' }) }),
    /not both/
  )
})

server('is not made with numbers that make no sense', () => {
  const wrong: readonly Partial<HttpOptions>[] = [
    { port: -1 },
    { port: 70_000 },
    { maxConnections: 0 },
    { maxRequestsPerSocket: 1.5 },
    { maxHeaderBytes: 0 },
    { headersTimeoutMs: -1 },
    { drainMs: Number.NaN },
    { keepAliveMs: Infinity },
    { concurrency: 0 },
    { maxBytes: 1.5 },
    { nackStatus: 200 },
    { leaseMs: Number.NaN },
    { path: 'orders' }
  ]
  for (const options of wrong)
    assert.throws(() => http({ port: 0, ...options }), /^http: /, JSON.stringify(options))
})

server('says why it did not start', async () => {
  const started = async (processor: Processor, options: HttpOptions) => {
    const events: Event[] = []
    const run = http(options)(processor)(new AbortController().signal, (event) => void events.push(event))
    const report = await run()
    assert.equal(events, [{ _tag: 'Ended', report }])
    return report.ended
  }
  const refused = await started(say, { port: 0, senderRetries: false })
  assert.is(refused._tag, 'NotStarted')
  assert.match(JSON.stringify(refused), /put withDlq/)
  await serving(say, {}, async ({ address }) => {
    const taken = await started(say, { port: Number(new URL(address).port) })
    assert.is(taken._tag, 'NotStarted')
    assert.match(JSON.stringify(taken), /another program does; stop it or choose another port/)
  })
  const unhandled = await started(receive(json) as unknown as Processor, { port: 0 })
  assert.match(JSON.stringify(unhandled), /"end the pipeline with handle\(...\)"/)
  const elsewhere = await started(say, { port: 0, host: '203.0.113.7', allowAnonymous: true })
  assert.match(JSON.stringify(elsewhere), /this machine does not have that address/)
})

server('stops before it has begun where nobody wants it any more', async () => {
  const report = await within('the end', http({ port: 0 })(say)(AbortSignal.abort())())
  assert.equal([report.received, report.ended], [0, { _tag: 'Aborted' }])
})

server('opens and closes the store of what was done, where that is a resource', async () => {
  const log: string[] = []
  const store = Resource.make(
    'store',
    async () => {
      log.push('opened')
      return right(memoryIdempotency())
    },
    async () => void log.push('closed')
  )
  await serving(say, { idempotency: store }, async ({ address }) => {
    const headers = { 'idempotency-key': 'k' }
    assert.is((await post(address, '1', headers)).headers.get('idempotent-replayed'), null)
    assert.is((await post(address, '1', headers)).headers.get('idempotent-replayed'), 'true')
    assert.equal(log, ['opened'])
  })
  assert.equal(log, ['opened', 'closed'])
  const broken = Resource.make(
    'store',
    async () => left(resourceError('store', 'start the server')),
    async () => undefined
  )
  const report = await http({ port: 0, idempotency: broken })(say)(new AbortController().signal)()
  assert.equal(report.ended, {
    _tag: 'NotStarted',
    error: { ...(report.ended as any).error, message: 'store: start the server' }
  })
  const refused = http({ port: 0, idempotency: broken, senderRetries: false })(say)
  const { ended } = await refused(new AbortController().signal)()
  assert.match(JSON.stringify(ended), /put withDlq/, 'what is refused opens no store')
})

server('tells that the store of what was done could not be closed, and what became of all', async () => {
  const closing = (close: () => Promise<any>) => ({
    open: async () => right({ value: memoryIdempotency(), close })
  })
  const failing: readonly (readonly [() => Promise<any>, string])[] = [
    [() => Promise.reject(new Error('already closed')), 'already closed'],
    [async () => left(resourceError('store', 'disk full')), 'disk full'],
    [() => new Promise(() => undefined), 'it took too long']
  ]
  for (const [close, why] of failing)
    await serving(say, { idempotency: closing(close), graceMs: 10 }, async ({ address, stop }) => {
      assert.is((await post(address)).status, 200)
      const { received, acked, ended } = await stop()
      const message = `the store of idempotency was not closed: ${why}`
      assert.equal(
        [received, acked, ended],
        [1, 1, { _tag: 'SourceLost', error: { name: 'ResourceError', message } }]
      )
    })
})

server('goes on, and stops as it should, after an answer that cannot be written', async () => {
  const results = [
    '{"status":99,"headers":{},"text":""}',
    '{"status":200,"headers":{"a":"€"},"text":""}',
    '{"status":200,"headers":{"content-length":"9"},"text":["a"]}'
  ]
  const idempotency: IdempotencyStore = {
    ...memoryIdempotency(),
    begin: () => async () => right({ _tag: 'Finished', result: results.shift() ?? '' })
  }
  await serving(say, { idempotency }, async ({ address, events, stop }) => {
    const asked = () =>
      post(address, '1', { 'idempotency-key': 'k' }).then(
        ({ status }) => status,
        () => 'no answer'
      )
    assert.equal([await asked(), await asked(), await asked()], [500, 500, 'no answer'])
    assert.is(events.filter(({ _tag }) => _tag === 'Reported').length, 3)
    assert.is((await post(address, '1')).status, 200)
    assert.equal((await stop()).ended, { _tag: 'Aborted' })
  })
})

server('answers a stranger whose challenge cannot stand in a header', async () => {
  const verify = () => async () => left({ reason: 'no', challenge: 'Basic realm="€"' })
  await serving(say, { verify }, async ({ address }) => {
    const { status, headers } = await post(address)
    assert.equal([status, headers.has('www-authenticate')], [401, false])
  })
})

server('counts handlers that hang, and ends where there are too many of them', async () => {
  const hanging = pipe(
    receive(json),
    handle(otherwise(() => new Promise<Verdict>(() => undefined))),
    withTimeout(20, { graceMs: 10 })
  )
  const stopping = new AbortController()
  let tell: (address: string) => void = () => undefined
  const listening = new Promise<string>((resolve) => (tell = resolve))
  const report = http({ port: 0, maxAbandoned: 2, drainMs: 100 })(hanging)(stopping.signal, (event) => {
    if (event._tag === 'Listening') tell(event.address)
  })()
  const address = await within('an address', listening)
  assert.is((await post(address)).status, 500)
  assert.is((await post(address)).status, 500)
  assert.equal((await within('the end', report)).ended, { _tag: 'TooManyAbandoned', count: 2 })
  assert.throws(() => http({ port: 0, maxAbandoned: 0 }), /maxAbandoned/)
})

server('says what it does in words', () => {
  assert.is(
    renderEvent({ _tag: 'Listening', address: 'http://127.0.0.1:80' }),
    'listening on http://127.0.0.1:80'
  )
  // Whoever is refused could fill the log.
  assert.is(renderEvent({ _tag: 'Refused', status: 401, path: '/', reason: 'no' }), undefined)
})

server.run()
