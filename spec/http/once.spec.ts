import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { type MountOptions, cloudEvent, httpReply, toFetch } from '../../lib/http.js'
import {
  type Event,
  type IdempotencyState,
  type IdempotencyStore,
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
  memoryIdempotency,
  withDlq
} from '../../lib/index.js'
import { left, right } from '../../lib/core/result.js'
import { virtualClock } from '../support/clock.js'
import { until, within } from '../support/deadline.js'

const url = 'http://example.test/orders'

const post = (
  key: string | undefined,
  body = '{}',
  path = url,
  headers: Record<string, string> = {}
): Request =>
  new Request(path, {
    method: 'POST',
    body,
    headers: { ...headers, ...(key === undefined ? {} : { 'idempotency-key': key }) }
  })

interface Trial {
  readonly calls: () => number
  readonly answer: (
    request: Request
  ) => Promise<{ readonly status: number; readonly body: string; readonly headers: Headers }>
  readonly events: Event[]
}

const trial = (
  handler: (body: unknown, call: number) => Promise<Verdict>,
  options: Partial<MountOptions> & { readonly idempotency?: IdempotencyStore } = {}
): Trial => {
  let calls = 0
  const events: Event[] = []
  const processor = pipe(receive(json), handle(otherwise(({ body }) => handler(body, (calls += 1)))))
  const answer = toFetch(processor, {
    allowAnonymous: true,
    idempotency: memoryIdempotency(),
    onEvent: (event) => events.push(event),
    ...options
  } as MountOptions)
  return {
    calls: () => calls,
    events,
    answer: async (request) => {
      const response = await answer(request)
      return { status: response.status, body: await response.text(), headers: response.headers }
    }
  }
}

const once = suite('a request with a key')

once('is handled once, and answered again with the same', async () => {
  const reply = httpReply({ status: 201, headers: { location: '/orders/1' }, body: 'ÿ made' })
  const { answer, calls } = trial(async () => ackWith({ reply }))
  const first = await answer(post('k1'))
  const again = await answer(post('k1'))
  assert.equal([first.status, first.body, first.headers.get('location')], [201, 'ÿ made', '/orders/1'])
  assert.equal([again.status, again.body, again.headers.get('location')], [201, 'ÿ made', '/orders/1'])
  assert.equal(
    [first.headers.get('idempotent-replayed'), again.headers.get('idempotent-replayed')],
    [null, 'true']
  )
  assert.is(calls(), 1)
})

once('is answered again with the same bytes', async () => {
  const bytes = new Uint8Array([0, 255, 128, 10])
  const processor = pipe(receive(json), handle(otherwise(async () => ackWith({ reply: bytes }))))
  const answer = toFetch(processor, { allowAnonymous: true, idempotency: memoryIdempotency() })
  for (let time = 0; time < 2; time += 1)
    assert.equal(new Uint8Array(await (await answer(post('k'))).arrayBuffer()), bytes)
})

once('is handled each time without a key, or with another one', async () => {
  const { answer, calls } = trial(async () => ack)
  for (const key of [undefined, undefined, 'a', 'b', '']) assert.is((await answer(post(key))).status, 200)
  await answer(post(''))
  assert.is(calls(), 6)
})

once('is refused with another body, while it is handled and after', async () => {
  let finish = (): void => undefined
  const { answer, calls } = trial(() => new Promise((resolve) => (finish = () => resolve(ack))))
  const first = answer(post('k', '{"a":1}'))
  await until('it is being handled', () => calls() === 1)
  const during = await answer(post('k', '{"a":2}'))
  finish()
  assert.is((await first).status, 200)
  const after = await answer(post('k', '{"a":2}'))
  const expected = [422, '{"error":"the key was used with another request"}']
  assert.equal([during.status, during.body], expected)
  assert.equal([after.status, after.body], expected)
  assert.is(calls(), 1)
})

once('is refused with another method or query', async () => {
  const { answer, calls } = trial(async () => ack, { methods: ['POST', 'DELETE'] })
  const asked = async (method: string, query: string): Promise<number> => {
    const headers = { 'idempotency-key': 'k' }
    return (await answer(new Request(url + query, { method, body: '{}', headers }))).status
  }
  assert.equal([await asked('POST', '?id=1'), await asked('POST', '?id=1')], [200, 200])
  assert.equal([await asked('DELETE', '?id=1'), await asked('POST', '?id=2')], [422, 422])
  assert.is(calls(), 1)
})

once('shares the outcome of the one that is being handled here', async () => {
  let finish = (): void => undefined
  const { answer, calls } = trial(
    () => new Promise((resolve) => (finish = () => resolve(ackWith({ reply: 'done' }))))
  )
  const all = Array.from({ length: 20 }, () => answer(post('k')))
  await until('it is being handled', () => calls() === 1)
  finish()
  assert.equal(
    (await Promise.all(all)).map(({ status, body }) => [status, body]),
    all.map(() => [200, 'done'])
  )
  assert.is(calls(), 1)
})

once('waits while another process handles it', async () => {
  const idempotency = memoryIdempotency()
  let finish = (): void => undefined
  const there = trial(() => new Promise((resolve) => (finish = () => resolve(ack))), { idempotency })
  const here = trial(async () => ack, { idempotency, retryAfterMs: 2_000 })
  const first = there.answer(post('k'))
  await until('it is being handled', () => there.calls() === 1)
  const { status, body, headers } = await here.answer(post('k'))
  assert.equal(
    [status, body, headers.get('retry-after')],
    [409, '{"error":"a request with this key is being handled"}', '2']
  )
  finish()
  assert.is((await first).status, 200)
  assert.is((await here.answer(post('k'))).status, 200)
  assert.is(here.calls(), 0)
})

once('is handled again after a nack, a failure or a throw', async () => {
  const verdicts: readonly (() => Verdict)[] = [
    () => nack(),
    () => failed(rejected('no')),
    () => {
      throw new Error('secret')
    },
    () => ack
  ]
  const { answer, calls } = trial(async (_, call) => (verdicts[call - 1] ?? nack)())
  const statuses: number[] = []
  for (let time = 0; time < 5; time += 1) statuses.push((await answer(post('k'))).status)
  assert.equal([statuses, calls()], [[503, 422, 500, 200, 200], 4])
})

once('is done when its dead letter is stored', async () => {
  const dlq = memoryDlq()
  let calls = 0
  const processor = pipe(
    receive(json),
    handle(
      otherwise(async () => {
        calls += 1
        return failed(rejected('no'))
      })
    ),
    withDlq(dlq)
  )
  const answer = toFetch(processor, { allowAnonymous: true, idempotency: memoryIdempotency() })
  assert.is((await answer(post('k'))).status, 202)
  assert.is((await answer(post('k'))).status, 202)
  assert.equal([calls, dlq.letters().length], [1, 1])
})

once('counts by path and by principal', async () => {
  const { answer, calls } = trial(async () => ack, {
    allowAnonymous: false,
    verify:
      ({ headers }: { readonly headers: Readonly<Record<string, string>> }) =>
      async () =>
        right(headers['who'] ?? '')
  } as unknown as Partial<MountOptions>)
  for (const who of ['ann', 'bob'])
    for (const path of [url, `${url}/2`]) await answer(post('k', '{}', path, { who }))
  assert.is(calls(), 4)
  await answer(post('k', '{}', url, { who: 'bob' }))
  assert.is(calls(), 4)
})

once('may have its key somewhere else', async () => {
  const { answer, calls } = trial(async () => ack, { keyOf: ({ headers }) => headers['x-github-delivery'] })
  for (let time = 0; time < 2; time += 1)
    await answer(post(`other${time}`, '{}', url, { 'x-github-delivery': 'd1' }))
  assert.is(calls(), 1)
})

once('is named by source and id where it is a CloudEvent, also within a batch', async () => {
  let calls = 0
  const processor = pipe(
    receive(cloudEvent),
    handle(
      otherwise(async ({ id }) => {
        calls += 1
        return id === '2' && calls < 4 ? nack() : ack
      })
    )
  )
  const answer = toFetch(processor, {
    allowAnonymous: true,
    idempotency: memoryIdempotency(),
    onEvent: () => undefined
  })
  const event = (source: string, id: string) => ({ specversion: '1.0', type: 't', source, id })
  const batch = () =>
    answer(
      new Request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents-batch+json' },
        body: JSON.stringify([event('a', '1'), event('a', '2'), event('b', '1')])
      })
    )
  assert.equal(await (await batch()).json(), { statuses: [200, 503, 200] })
  assert.equal(await (await batch()).json(), { statuses: [200, 200, 200] })
  assert.is(calls, 4)
})

once('is not taken while the store does not answer, whatever it does', async () => {
  const stores: readonly Partial<IdempotencyStore>[] = [
    { begin: () => async () => left({ reason: 'secret' }) },
    { begin: () => () => Promise.reject(new Error('secret')) },
    {
      begin: () => {
        throw new Error('secret')
      }
    }
  ]
  for (const store of stores) {
    const { answer, calls, events } = trial(async () => ack, {
      idempotency: { ...memoryIdempotency(), ...store }
    })
    const { status, body, headers } = await answer(post('k'))
    assert.equal(
      [status, body, headers.get('retry-after'), calls()],
      [503, '{"error":"the request cannot be taken now"}', '1', 0]
    )
    assert.equal(
      events.map((event) => event._tag === 'Refused' && event.reason.split(':')[0]),
      ['the store of idempotency']
    )
  }
})

once('waits for a store that hangs no longer than a lease', async () => {
  const hanging = () => () => new Promise<never>(() => undefined)
  for (const [name, status, calls, reason] of [
    ['begin', 503, 0, 'the store of idempotency: no answer within 1000 ms'],
    ['finish', 200, 1, 'no answer within 1000 ms']
  ] as const) {
    const clock = virtualClock()
    const asked = trial(async () => ack, {
      idempotency: { ...memoryIdempotency(), [name]: hanging },
      leaseMs: 1_000,
      clock
    })
    const answer = asked.answer(post('k'))
    await until('it is asked', () => clock.waiting().length > 0 && asked.calls() === calls)
    await clock.advance(999)
    assert.equal(asked.events, [], name)
    assert.is((await clock.finish(answer)).status, status, name)
    assert.is(asked.calls(), calls)
    const [event] = asked.events
    const told = event?._tag === 'Refused' ? event.reason : JSON.stringify(event)
    assert.ok(told.includes(reason), told)
  }
})

once('is stored where the store cannot begin and the sender does not send it again', async () => {
  const dlq = memoryDlq()
  let calls = 0
  const processor = pipe(
    receive(json),
    handle(
      otherwise(async () => {
        calls += 1
        return ack
      })
    ),
    withDlq(dlq)
  )
  const answer = toFetch(processor, {
    allowAnonymous: true,
    senderRetries: false,
    idempotency: { ...memoryIdempotency(), begin: () => async () => left({ reason: 'Redis is away' }) }
  })
  assert.is((await answer(post('k'))).status, 202)
  assert.is(calls, 0)
  assert.equal(
    dlq.letters().map(({ id, failure }) => [id, failure]),
    [['k', rejected('idempotency-unavailable', { reason: 'Redis is away' })]]
  )
})

once('is no more than the concurrency allows, however many come at once', async () => {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  let active = 0
  let most = 0
  const { answer } = trial(
    async () => {
      active += 1
      most = Math.max(most, active)
      await opened
      active -= 1
      return ack
    },
    { concurrency: 2 }
  )
  // Keys are hashed on other threads, so that any two may be the first.
  const statuses: number[] = []
  const all = Array.from({ length: 20 }, async (_, index) => {
    statuses.push((await answer(post(`k${index}`))).status)
  })
  await until('all but two to be refused', () => statuses.length === 18)
  open()
  await within('the two to be answered', Promise.all(all))
  assert.equal(statuses, [...Array.from({ length: 18 }, () => 503), 200, 200])
  assert.is(most, 2)
  assert.is((await answer(post('k20'))).status, 200)
})

once('waits for the store with no more than may be held of bodies, and then holds nothing', async () => {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  const store = memoryIdempotency()
  let asked = 0
  const slow: IdempotencyStore = {
    ...store,
    begin: (work) => async () => {
      asked += 1
      await opened
      return store.begin(work)()
    }
  }
  let finish = (): void => undefined
  const finishing = new Promise<void>((resolve) => (finish = resolve))
  const { answer, calls } = trial(() => finishing.then(() => ack), {
    idempotency: slow,
    maxBufferedBytes: 100,
    maxBytes: 100
  })
  const body = JSON.stringify('x'.repeat(38))
  const waiting = [answer(post('a', body)), answer(post('b', body))]
  await until('both wait', () => asked === 2)
  const refused = await within('a refusal', answer(post('c', body)))
  assert.equal([refused.status, refused.body], [503, '{"error":"too much is being held"}'])
  open()
  await until('both are handled', () => calls() === 2)
  const later = ['c', 'd'].map((key) => answer(post(key, body)))
  await until('all are handled', () => calls() === 4)
  finish()
  const answers = await Promise.all([...waiting, ...later])
  assert.equal(
    answers.map(({ status }) => status),
    [200, 200, 200, 200]
  )
  assert.is((await answer(post('e', JSON.stringify('x'.repeat(98))))).status, 200)
})

once('is answered though it cannot be marked, and the owner is told', async () => {
  const finish: IdempotencyStore['finish'][] = [
    () => async () => left({ reason: 'disk full' }),
    () => async () => right(false),
    () => () => Promise.reject(new Error('disk full'))
  ]
  for (const each of finish) {
    const { answer, events } = trial(async () => ack, {
      idempotency: { ...memoryIdempotency(), finish: each }
    })
    assert.is((await answer(post('k'))).status, 200)
    assert.equal(
      events.map(({ _tag }) => _tag),
      ['Reported']
    )
  }
})

once('keeps its lease while it is handled, and is given up when that is lost', async () => {
  const clock = virtualClock()
  const renewed: number[] = []
  let isOurs = true
  let isHandled = false
  const idempotency: IdempotencyStore = {
    ...memoryIdempotency(),
    begin: () => async () => right<IdempotencyState>({ _tag: 'Begun' }),
    renew: () => async () => {
      renewed.push(clock.monotonic())
      return right(isOurs)
    }
  }
  let reason: unknown
  const processor = pipe(
    receive(json),
    handle(
      otherwise(
        ({ signal }) =>
          new Promise<Verdict>((_, reject) => {
            isHandled = true
            signal.addEventListener('abort', () => {
              reason = signal.reason.reason
              reject(new Error('given up'))
            })
          })
      )
    )
  )
  const answer = toFetch(processor, {
    allowAnonymous: true,
    idempotency,
    leaseMs: 3_000,
    clock,
    onEvent: () => undefined
  })
  const response = answer(post('k'))
  await until('it is being handled', () => isHandled)
  await clock.advance(2_500)
  assert.equal(renewed, [1_000, 2_000])
  isOurs = false
  await clock.advance(500)
  assert.equal([(await response).status, reason], [503, 'leaseLost'])
  await clock.advance(10_000)
  assert.is(renewed.length, 3)
})

once('has a key of a length that can be kept', async () => {
  const { answer, calls } = trial(async () => ack)
  assert.is((await answer(post('k'.repeat(255)))).status, 200)
  assert.is((await answer(post('k'.repeat(256)))).status, 400)
  assert.is(calls(), 1)
})

once.run()
