import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { right } from '../../lib/core/result.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { type MountOptions, type Verify, byEventType, cloudEvent, toFetch } from '../../lib/http.js'
import {
  type Dlq,
  type Message,
  type Processor,
  ack,
  failed,
  handle,
  nack,
  otherwise,
  receive,
  rejected,
  route,
  withDlq
} from '../../lib/index.js'
import { sleep } from '../../lib/ports/waiting.js'
import { virtualClock } from '../support/clock.js'
import { until } from '../support/deadline.js'

const url = 'http://example.test/events'

const event = (id: string, type: string, data: unknown = {}): object => ({
  specversion: '1.0',
  id,
  source: '/shop',
  type,
  datacontenttype: 'application/json',
  data
})

const sent = (body: string, headers: Record<string, string>): Request =>
  new Request(url, { method: 'POST', body, headers })

const structured = (each: object) =>
  sent(JSON.stringify(each), { 'content-type': 'application/cloudevents+json' })
const batched = (body: string) => sent(body, { 'content-type': 'application/cloudevents-batch+json' })

const seen: Message[] = []
const processor: Processor = pipe(
  receive(cloudEvent),
  handle(
    route(byEventType('placed'), async (_, { message }) => {
      seen.push(message)
      return ack
    }),
    route(byEventType('late'), async () => nack({ afterMs: 3_000 })),
    route(byEventType('wrong'), async () => failed(rejected('no'))),
    route(byEventType('broken'), async () => {
      throw new Error('secret')
    })
  )
)
const answer = toFetch(processor, {
  allowAnonymous: true,
  maxEvents: 5,
  onEvent: () => undefined,
  allowedOrigins: ['shop.test']
})

const events = suite('CloudEvents over HTTP')

events.before.each(() => void seen.splice(0))

events('are messages, named as they are, in binary and structured mode', async () => {
  const bare = sent('{"total":3}', {
    'ce-specversion': '1.0',
    'ce-id': 'e1',
    'ce-source': '/shop',
    'ce-type': 'placed',
    'content-type': 'application/json'
  })
  assert.is((await answer(bare)).status, 200)
  assert.is((await answer(structured(event('e2', 'placed', { total: 3 })))).status, 200)
  assert.equal(
    seen.map(({ id, body }) => [id, (body as { data: unknown }).data]),
    [
      ['e1', { total: 3 }],
      ['e2', { total: 3 }]
    ]
  )
})

events('of a batch are messages of their own, with the bytes that were sent', async () => {
  const one = '{ "specversion":"1.0","id":"1", "source":"/a","type":"placed" }'
  const two = JSON.stringify(event('2', 'placed', 'x'))
  const response = await answer(batched(`[ ${one} ,${two}]`))
  assert.equal([response.status, await response.json()], [200, { statuses: [200, 200] }])
  assert.equal(
    seen.map(({ id, bytes }) => [id, new TextDecoder().decode(bytes)]),
    [
      ['1', one],
      ['2', two]
    ]
  )
})

events('of a batch are answered by what matters most', async () => {
  const batches: readonly (readonly [readonly string[], number, readonly number[]])[] = [
    [[], 200, []],
    [['placed', 'wrong'], 422, [200, 422]],
    [['wrong', 'broken', 'placed'], 500, [422, 500, 200]],
    [['broken', 'late', 'wrong'], 503, [500, 503, 422]]
  ]
  for (const [types, status, statuses] of batches) {
    const response = await answer(
      batched(JSON.stringify(types.map((type, index) => event(String(index), type))))
    )
    assert.equal([response.status, await response.json()], [status, { statuses }])
    assert.is(response.headers.get('retry-after'), status === 503 ? '3' : null)
  }
})

events('of a batch are sent again for one that asks for it, with whatever status', async () => {
  const busy = toFetch(processor, { allowAnonymous: true, nackStatus: 429, onEvent: () => undefined })
  for (const types of [
    ['wrong', 'late'],
    ['late', 'wrong'],
    ['broken', 'late']
  ]) {
    const response = await busy(
      batched(JSON.stringify(types.map((type, index) => event(String(index), type))))
    )
    assert.equal([response.status, response.headers.get('retry-after')], [429, '3'], types.join())
  }
})

events('of a batch that is none are malformed, and kept as they came', async () => {
  const dlq = memoryDlq()
  const keeping = toFetch(pipe(processor, withDlq(dlq)), { allowAnonymous: true, maxEvents: 5 })
  const bodies = [
    '{}',
    '[1',
    '[]x',
    JSON.stringify(Array.from({ length: 6 }, (_, index) => event(String(index), 'placed')))
  ]
  for (const body of bodies) assert.is((await keeping(batched(body))).status, 202, body)
  assert.equal(
    dlq.letters().map(({ bytes, failure }) => [new TextDecoder().decode(bytes), failure._tag]),
    bodies.map((body) => [body, 'Malformed'])
  )
  assert.equal(seen, [])
  assert.is((await answer(batched('[1'))).status, 422)
})

events('of a batch go to the queue one by one', async () => {
  const dlq = memoryDlq()
  const keeping = toFetch(pipe(processor, withDlq(dlq)), { allowAnonymous: true })
  const response = await keeping(batched(JSON.stringify([event('1', 'placed'), event('2', 'wrong')])))
  assert.equal([response.status, await response.json()], [202, { statuses: [200, 202] }])
  assert.equal(
    dlq.letters().map(({ id, headers }) => [id, headers['content-type']]),
    [['2', 'application/cloudevents+json']]
  )
})

/** An event whose data alone is the body. */
const binary = (source: string, headers: Record<string, string> = {}) =>
  sent('{"celsius":20}', {
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': source,
    'ce-type': 'reading',
    'content-type': 'application/json',
    ...headers
  })

const failing = (queue: Dlq, options: Partial<MountOptions> = {}) =>
  toFetch(pipe(receive(cloudEvent), handle(otherwise(async () => failed(rejected('no')))), withDlq(queue)), {
    allowAnonymous: true,
    ...options
  } as MountOptions)

events('of two sources are two letters, though their ids and data are the same', async () => {
  const dlq = memoryDlq()
  const keeping = failing(dlq)
  for (const source of ['/sensor/1', '/sensor/2', '/sensor/2'])
    assert.is((await keeping(binary(source))).status, 202)
  assert.equal(
    dlq.letters().map(({ id, source }) => [id, source]),
    [
      ['1', 'http/events ce-source=%2Fsensor%2F1'],
      ['1', 'http/events ce-source=%2Fsensor%2F2']
    ]
  )
})

events('of one source are two letters for two principals, also where a key names them', async () => {
  const dlq = memoryDlq()
  const verify: Verify = ({ headers }) => {
    const { 'x-principal': principal = '' } = headers
    return async () => right(principal)
  }
  const keeping = failing(dlq, { verify, allowAnonymous: false })
  for (const principal of ['shop', 'bank'])
    for (const key of ['', '1']) {
      const headers = { 'x-principal': principal, 'idempotency-key': key }
      assert.is((await keeping(binary('/a', headers))).status, 202)
    }
  assert.equal(
    dlq.letters().map(({ id, source }) => [id, source]),
    ['shop', 'bank'].map((principal) => ['1', `http/events principal=${principal} ce-source=%2Fa`])
  )
})

events('say of their sources what no other one can say', async () => {
  const dlq = memoryDlq()
  const saying = async (principal: string, source: string): Promise<void> => {
    const verify: Verify = () => async () => right(principal)
    const keeping = failing(dlq, { verify, allowAnonymous: false })
    const one = { specversion: '1.0', id: '1', type: 'reading', source }
    assert.is((await keeping(structured(one))).status, 202)
  }
  await saying('a', 'b principal=c/')
  await saying('a ce-source=b', 'c')
  await saying('\ud800', '\ufffd')
  assert.equal(
    dlq.letters().map(({ source }) => source),
    [
      'principal=a ce-source=b%20principal%3Dc%2F',
      'principal=a%20ce-source%3Db ce-source=c',
      'principal=json%3A%22%5Cud800%22 ce-source=%EF%BF%BD'
    ].map((parts) => `http/events ${parts}`)
  )
})

events('that are late and then acked take no letter of another source with them', async () => {
  const dlq = memoryDlq()
  const clock = virtualClock()
  let finish = (): void => undefined
  const late = new Promise<void>((resolve) => (finish = resolve))
  const sensors = pipe(
    receive(cloudEvent),
    handle(
      otherwise(async ({ body }) => {
        if (body.source === '/sensor/1') return failed(rejected('no'))
        await late
        return ack
      })
    ),
    withDlq(dlq, { clock })
  )
  const keeping = toFetch(sensors, { allowAnonymous: true, deadlineMs: 3_000, clock })
  for (const source of ['/sensor/1', '/sensor/2'])
    assert.is((await clock.finish(keeping(binary(source)))).status, 202)
  finish()
  await until('one is resolved', () => dlq.letters().some(({ state }) => state === 'resolved'))
  assert.equal(
    dlq.letters().map(({ source, state }) => [source, state]),
    [
      ['http/events ce-source=%2Fsensor%2F1', 'dead'],
      ['http/events ce-source=%2Fsensor%2F2', 'resolved']
    ]
  )
})

/** Takes 2 s for an event, and lets a batch take 3 s. */
const slowly = (queue: Dlq, options: Partial<MountOptions> = {}) => {
  const clock = virtualClock()
  const begun: string[] = []
  const slow = pipe(
    receive(cloudEvent),
    handle(
      otherwise(async ({ body }) => {
        begun.push(body.id)
        await sleep(clock, 2_000, new AbortController().signal)
        return ack
      })
    ),
    withDlq(queue, { clock })
  )
  const settings = { allowAnonymous: true, deadlineMs: 3_000, clock, ...options } as MountOptions
  const answering = toFetch(slow, settings)
  const ask = async (ids: readonly string[]) => {
    const startedAt = clock.monotonic()
    const response = await clock.finish(
      answering(batched(JSON.stringify(ids.map((id) => event(id, 'placed')))))
    )
    return [clock.monotonic() - startedAt, ((await response.json()) as { statuses: unknown }).statuses]
  }
  return { clock, begun, ask }
}

events('of a batch have one deadline, and are all begun', async () => {
  const dlq = memoryDlq()
  const { clock, begun, ask } = slowly(dlq)
  assert.equal(await ask(['1', '2', '3', '4']), [3_000, [200, 202, 202, 202]])
  assert.equal(begun, ['1', '2', '3', '4'])
  const letters = () => dlq.letters().map(({ id, failure, state }) => [id, failure, state])
  const failure = rejected('deadline-passed', { deadlineMs: 3_000 })
  assert.equal(
    letters(),
    ['2', '3', '4'].map((id) => [id, failure, 'dead'])
  )
  await clock.advance(2_000)
  assert.equal(
    letters(),
    ['2', '3', '4'].map((id) => [id, failure, 'resolved'])
  )
})

events('of a batch that are late are stored and not begun where too much is being handled', async () => {
  for (const senderRetries of [true, false]) {
    const dlq = memoryDlq()
    const { begun, ask } = slowly(dlq, { concurrency: 2, senderRetries })
    assert.equal(await ask(['1', '2', '3', '4', '5']), [3_000, [200, 202, 202, 202, 202]])
    assert.equal(begun, ['1', '2', '3'])
    const codes = dlq.letters().map(({ failure }) => failure._tag === 'Rejected' && failure.code)
    const late = senderRetries ? 'deadline-passed' : 'overloaded'
    assert.equal(codes, ['deadline-passed', 'deadline-passed', late, late])
  }
})

events('may come from whom the handshake allows', async () => {
  const asked = (origin: string, body?: string) =>
    answer(
      new Request(url, {
        method: 'OPTIONS',
        headers: { 'webhook-request-origin': origin },
        ...(body && { body })
      })
    )
  const allowed = await asked('shop.test')
  assert.equal(
    [allowed.status, allowed.headers.get('webhook-allowed-origin'), allowed.headers.get('allow')],
    [200, 'shop.test', 'POST, OPTIONS']
  )
  const other = await asked('evil.test')
  assert.equal([other.status, other.headers.get('webhook-allowed-origin')], [403, null])
})

events('need the attributes that an event has', async () => {
  const response = await answer(structured({ specversion: '1.0', type: 'placed', source: '/a' }))
  assert.equal(
    [response.status, await response.json()],
    [422, { result: 'failed', error: 'the payload is malformed: .id missing' }]
  )
})

events.run()

// other requests beside them

const others = suite('an endpoint that takes events')

others('takes what is no event as its format says', async () => {
  const plain = pipe(receive(cloudEvent), handle(otherwise(async () => ack)))
  const response = await toFetch(plain, { allowAnonymous: true, onEvent: () => undefined })(
    sent('{}', { 'content-type': 'text/plain' })
  )
  assert.is(response.status, 422)
})

others.run()
