import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { pipe } from 'fp-ts/lib/function.js'
import { setTimeout as waits } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import {
  type OnEvent,
  type Processor,
  type Source,
  ack,
  ackWith,
  byHeader,
  bytes,
  exitCode,
  failed,
  handle,
  message,
  nack,
  otherwise,
  receive,
  rejected,
  route,
  withDlq
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { publicationOf, redisPubSub, redisPubSubSource, redisStream } from 'missive-ts/redis'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { until, within } from '../support/deadline.js'
import { gate, running, textOf, withClient } from '../support/pubsub-run.js'
import { sharedRedis, uniqueName, withRedis } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

/** A publisher on the shared server, and a channel of its own. */
const published = async <A>(
  use: (bench: {
    readonly url: string
    readonly channel: string
    readonly publish: (payload: string | Buffer, channel?: string) => Promise<unknown>
    readonly client: Redis
  }) => Promise<A>
): Promise<A> => {
  const { url } = await sharedRedis()
  const channel = uniqueName('orders')
  return withClient(new Redis(url), (client) =>
    use({ url, channel, client, publish: (payload, to = channel) => client.publish(to, payload) })
  )
}

const numbers = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `m${index}`)

// messages

const messages = redisSuite('redisPubSub')

messages('gives bytes as they were published, whatever they are, in their order', () =>
  published(async ({ url, channel, publish }) => {
    const payloads = [
      Buffer.from('Hello'),
      Buffer.alloc(0),
      Buffer.from([0]),
      Buffer.from([0xff, 0xfe, 0, 13, 10]),
      Buffer.from('\ufeffä\ufffd'),
      Buffer.alloc(1_048_576, 'x')
    ]
    const run = await running({ url, channels: [channel] })
    for (const payload of payloads) assert.is(await publish(payload), 1)
    await run.got(payloads.length)
    const report = await run.stop()
    assert.ok(run.messages.every(({ bytes }, index) => payloads[index]?.equals(bytes)))
    assert.equal([report.acked, exitCode(report), report.ended], [6, 0, { _tag: 'Aborted' }])
  })
)

messages('says where a message was published', () =>
  published(async ({ url, channel, publish }) => {
    const before = Date.now()
    const run = await running({ url, channels: [channel], patterns: [`${channel}:*`] })
    await publish('by name')
    await publish('by pattern', `${channel}:ä`)
    await run.got(2)
    await run.stop()
    const [one, other] = run.messages
    assert.ok(one && other)
    assert.equal(one.headers, { channel })
    assert.equal(other.headers, { channel: `${channel}:ä`, pattern: `${channel}:*` })
    const { host } = new URL(url)
    assert.equal([one.source, other.source], [`${host}/0/${channel}`, `${host}/0/${channel}:ä`])
    const found = publicationOf(other)
    assert.equal(
      [found?.server, found?.channel, found?.pattern],
      [`${host}/0`, `${channel}:ä`, `${channel}:*`]
    )
    assert.is(publicationOf(one)?.pattern, undefined)
    assert.is(publicationOf(message('Hello')), undefined)
    assert.equal([one.deliveryCount, one.redelivers, one.fault], [1, false, undefined])
    assert.ok(one.receivedAt >= before && other.receivedAt <= Date.now())
  })
)

messages('gives ids that are unique in all runs', () =>
  published(async ({ url, channel, publish }) => {
    const runs = [await running({ url, channels: [channel] }), await running({ url, channels: [channel] })]
    for (const text of numbers(3)) assert.is(await publish(text), 2)
    for (const run of runs) await run.got(3)
    for (const run of runs) await run.stop()
    const ids = runs.flatMap((run) => run.messages.map(({ id }) => id))
    assert.is(new Set(ids).size, 6)
    assert.match(ids[0] ?? '', /^[0-9a-f]{12}:1$/)
  })
)

messages('routes by the channel', () =>
  published(async ({ url, channel, publish }) => {
    const refunds = uniqueName('refunds')
    const seen: string[] = []
    const took = (name: string) => async (found: { readonly bytes: Uint8Array }) => {
      seen.push(`${name} ${Buffer.from(found.bytes).toString()}`)
      return ackWith({ note: name })
    }
    const stopping = new AbortController()
    const processor = pipe(
      receive(bytes),
      handle(
        route(byHeader('channel', channel), (_, { message }) => took('order')(message)),
        route(byHeader('channel', refunds), (_, { message }) => took('refund')(message))
      )
    )
    let isReady = false
    const report = redisPubSub({ url, channels: [channel, refunds] })(processor)(stopping.signal, (event) => {
      isReady ||= event._tag === 'Ready'
    })()
    await until('ready', () => isReady)
    await publish('1')
    await publish('2', refunds)
    await until('both', () => seen.length === 2)
    stopping.abort()
    assert.is((await report).acked, 2)
    assert.equal(seen, ['order 1', 'refund 2'])
  })
)

messages('gives a message once for each subscription that it matches, as Redis does', () =>
  published(async ({ url, channel, publish }) => {
    const run = await running({ url, channels: [channel], patterns: [`${channel}*`] })
    await publish('twice')
    await run.got(2)
    await run.stop()
    assert.equal(
      run.messages.map(({ headers }) => headers.pattern),
      [undefined, `${channel}*`]
    )
  })
)

for (const [name, clientOf] of Object.entries({
  'ioredis 6': (url: string) => new Redis(url, { lazyConnect: true, keyPrefix: 'mine:' }),
  'ioredis 6 that speaks RESP2': (url: string) => new Redis(url, { lazyConnect: true, protocol: 2 }),
  'ioredis 5': (url: string) => new Redis5(url, { lazyConnect: true })
}))
  messages(`makes a connection of its own like that of ${name}`, () =>
    published(({ url, channel, publish }) =>
      withClient(clientOf(url) as Redis, async (client) => {
        const run = await running({
          client,
          channels: [channel],
          patterns: [`${channel}:*`],
          heartbeatMs: 10
        })
        assert.is(client.status, 'wait')
        await publish('one')
        await publish('two', `${channel}:2`)
        await run.got(2)
        await delay(100)
        assert.equal(run.texts(), ['one', 'two'])
        assert.equal(run.told('Gap'), [])
        await run.stop()
        assert.is(client.status, 'wait')
      })
    )
  )

messages('speaks TLS', () =>
  withRedis(
    ({ url, ca = '', cli }) =>
      withClient(new Redis(url, { lazyConnect: true, tls: { ca: readFileSync(ca) } }), async (client) => {
        const run = await running({ client, channels: ['orders'], heartbeatMs: 10 })
        await cli('PUBLISH', 'orders', 'Hello')
        await run.got(1)
        assert.is(exitCode(await run.stop()), 0)
      }),
    { tls: true }
  )
)

messages.run()

// outcomes

const outcomes = redisSuite('an outcome of Pub/Sub')

outcomes('that is no success is reported, and the run goes on', () =>
  published(async ({ url, channel, publish }) => {
    const run = await running({ url, channels: [channel] }, (found) =>
      textOf(found) === 'bad' ? failed(rejected('bad')) : textOf(found) === 'late' ? nack() : ack
    )
    for (const text of ['bad', 'late', 'good']) await publish(text)
    await run.got(3)
    const report = await run.stop()
    assert.equal([report.failed, report.nacked, report.acked, exitCode(report)], [1, 1, 1, 1])
    assert.equal(
      run.told('Reported').map(({ outcome }) => outcome),
      [failed(rejected('bad')), nack()]
    )
  })
)

outcomes('is kept by a queue, that of a nacked message too', () =>
  published(async ({ url, channel, publish }) => {
    const queue = memoryDlq()
    const run = await running(
      { url, channels: [channel] },
      (found) => (textOf(found) === 'bad' ? failed(rejected('bad')) : nack()),
      withDlq(queue)
    )
    await publish('bad')
    await publish(Buffer.from([255]))
    await run.got(2)
    const report = await run.stop()
    assert.equal([report.deadLettered, exitCode(report)], [2, 0])
    assert.equal(
      queue.letters().map(({ bytes, headers }) => [Buffer.from(bytes).toString('hex'), headers]),
      [
        [Buffer.from('bad').toString('hex'), { channel }],
        ['ff', { channel }]
      ]
    )
  })
)

outcomes('stops the run where that was said', () =>
  published(async ({ url, channel, publish }) => {
    const run = await running({ url, channels: [channel], onFailed: 'stop' }, () => failed(rejected('bad')))
    await publish('bad')
    const { ended } = await within('the end', run.report)
    assert.is(ended._tag, 'Stopped')
  })
)

outcomes('is reported, too, where what to do with a failure is undefined', () =>
  published(async ({ url, channel, publish }) => {
    const given = { url, channels: [channel], onFailed: undefined } as never
    const run = await running(given, (found) => (textOf(found) === 'bad' ? failed(rejected('bad')) : ack))
    await publish('bad')
    await publish('good')
    await run.got(2)
    const report = await run.stop()
    assert.equal([report.failed, report.acked, report.ended], [1, 1, { _tag: 'Aborted' }])
  })
)

outcomes.run()

// too much

const overflow = redisSuite('more than there is room for')

overflow('is dropped, the newest first, counted, and told once a second at most', () =>
  published(async ({ url, channel, publish }) => {
    const { opened, open } = gate()
    const run = await running({ url, channels: [channel], maxQueued: 5, maxUnsettled: 1 }, async () => {
      await opened
      return ack
    })
    await publish('m0')
    await run.got(1)
    for (const text of numbers(20).slice(1)) await publish(text)
    await until('the drops', () => run.told('Dropped').length > 0)
    assert.equal(
      run.told('Dropped').map(({ count }) => count),
      [14]
    )
    open()
    await run.got(6)
    await publish('after')
    await run.got(7)
    assert.equal(run.texts(), [...numbers(6), 'after'])
    const report = await run.stop()
    assert.equal([report.acked, exitCode(report), run.told('Dropped').length], [7, 0, 1])
  })
)

overflow('of bytes is dropped, but one message always has room', () =>
  published(async ({ url, channel, publish }) => {
    const { opened, open } = gate()
    const maxQueuedBytes = 2 * (channel.length + 100)
    const run = await running({ url, channels: [channel], maxQueuedBytes, maxUnsettled: 1 }, async () => {
      await opened
      return ack
    })
    await publish('first')
    await run.got(1)
    const [one, other, large] = ['a', 'b', 'c'].map((text) => text.repeat(100))
    for (const payload of [one, other, 'no', large, 'no']) await publish(payload ?? '')
    await until('the drops', () => run.told('Dropped').length > 0)
    open()
    await run.got(3)
    await publish('d'.repeat(10_000))
    await run.got(4)
    assert.equal(
      run.texts().map((text) => `${text[0]} ${text.length}`),
      ['f 5', 'a 100', 'b 100', 'd 10000']
    )
    assert.equal(
      run.told('Dropped').map(({ count }) => count),
      [3]
    )
    await run.stop()
  })
)

overflow.run()

// stopping

const stop = redisSuite('a stop')

stop('leaves nothing subscribed', () =>
  published(async ({ url, channel, publish }) => {
    const run = await running({ url, channels: [channel] })
    assert.is(await publish('one'), 1)
    await run.got(1)
    assert.is(exitCode(await run.stop()), 0)
    await until('nobody listens', async () => (await publish('nobody')) === 0)
    assert.equal(run.told('Dropped'), [])
  })
)

stop('tells of what was received and not started', () =>
  published(async ({ url, channel, publish }) => {
    const { opened, open } = gate()
    const run = await running({ url, channels: [channel], maxUnsettled: 2 }, async () => {
      await opened
      return ack
    })
    for (const text of numbers(5)) await publish(text)
    await run.got(1)
    const started = performance.now()
    while (performance.now() - started < 50) await publish('', uniqueName('elsewhere'))
    run.abort()
    await publish('too late to be ours')
    open()
    const report = await run.report
    assert.equal([report.received, report.acked, report.released, report.unsettled], [2, 1, 1, 1])
    assert.is(report.unreadBytes, 3 * (channel.length + 2))
    assert.is(exitCode(report), 1)
    assert.equal(
      run.told('Dropped').map(({ count }) => count),
      [3]
    )
  })
)

stop('takes nothing more while handlers finish', () =>
  published(async ({ url, channel, publish }) => {
    const { opened, open } = gate()
    const run = await running({ url, channels: [channel] }, async () => {
      await opened
      return ack
    })
    await publish('one')
    await run.got(1)
    run.abort()
    await until('nobody listens', async () => (await publish('nobody')) === 0, 5_000)
    open()
    const report = await run.report
    assert.equal([report.acked, exitCode(report)], [1, 0])
  })
)

stop('tells each that was dropped once, and nothing after the end', () =>
  published(async ({ url, channel, client }) => {
    const run = await running({ url, channels: [channel], maxQueued: 10, maxUnsettled: 1 }, () => {
      run.abort()
      return ack
    })
    const publishing = client.pipeline()
    for (const text of numbers(100)) publishing.publish(channel, text)
    await publishing.exec()
    const report = await within('the end', run.report)
    const dropped = run.told('Dropped').reduce((sum, { count }) => sum + count, 0)
    assert.equal([report.received, dropped], [1, 99])
    await waits(1_100)
    assert.equal(run.events.at(-1)?._tag, 'Ended')
  })
)

stop('does not count what is published while handlers finish', () =>
  published(async ({ url, channel, client, publish }) => {
    const run = await running({ url, channels: [channel], maxQueued: 10 }, async () => {
      run.abort()
      for (let times = 0; times < 5; times += 1) {
        const publishing = client.pipeline()
        for (const text of numbers(50)) publishing.publish(channel, text)
        await publishing.exec()
        await waits(20)
      }
      return ack
    })
    await publish('the one')
    const report = await within('the end', run.report)
    assert.equal([report.acked, run.told('Dropped')], [1, []])
  })
)

stop('while the server is not there yet is heard at once', async () => {
  for (const interpreter of [
    redisPubSub({ url: 'redis://127.0.0.1:1', channels: ['a'] }),
    redisStream({ url: 'redis://127.0.0.1:1', stream: 'a', group: 'g', onFailed: 'stop' })
  ]) {
    const stopping = new AbortController()
    const processor = pipe(receive(bytes), handle(otherwise(async () => ack)))
    const running = interpreter(processor)(stopping.signal)()
    await waits(50)
    stopping.abort()
    const { ended } = await within('the end', running, 2_000)
    assert.equal(ended, { _tag: 'Aborted' })
  }
})

stop.run()

// the source

const sources = redisSuite('redisPubSubSource')

const withSource = async (
  options: Parameters<typeof redisPubSubSource>[0],
  use: (source: Source) => Promise<void>,
  emit: OnEvent = () => undefined
): Promise<void> => {
  const opened = await redisPubSubSource(options)({ maxUnsettled: 8, emit }).open()
  if (opened._tag === 'Left') return assert.unreachable(opened.left.message)
  try {
    await use(opened.right.value)
  } finally {
    await opened.right.close()
  }
}

const pulled = async (
  source: Source,
  max: number,
  signal = new AbortController().signal
): Promise<readonly string[]> => {
  const answer = await source.pull(max, signal)()
  if (answer._tag === 'Left' || answer.right._tag === 'End') throw new Error(JSON.stringify(answer))
  return answer.right.items.map((delivery) => textOf(delivery.message))
}

sources('has the traits of what cannot bring anything back, and nobody to tell', () =>
  published(({ url, channel }) =>
    withSource({ url, channels: [channel] }, async ({ traits, settle, start, renew }) => {
      assert.equal(traits, { redelivers: false, delay: 'in-place', exclusive: false })
      assert.equal([settle, start, renew], [undefined, undefined, undefined])
    })
  )
)

sources('says how many wait and were lost, and how often it was connected again', () =>
  published(({ url, channel, publish }) =>
    withSource({ url, channels: [channel], maxQueued: 3 }, async ({ measure, pull, ...rest }) => {
      for (const text of numbers(5)) await publish(text)
      await until('two to be lost', async () => (await measure?.()())?.lost === 2)
      assert.equal(await measure?.()(), { lag: 3, lost: 2, reconnects: 0 })
      assert.equal(await pulled({ pull, ...rest }, 2), ['m0', 'm1'])
      assert.is((await measure?.()())?.lag, 1)
    })
  )
)

sources('drops nothing of what comes at once and is taken', () =>
  published(({ url, channel, client }) =>
    withSource({ url, channels: [channel], maxQueued: 10 }, async (source) => {
      const pipeline = client.pipeline()
      for (const text of numbers(1_000)) pipeline.publish(channel, text)
      const publishing = pipeline.exec()
      const texts: string[] = []
      while (texts.length < 1_000) texts.push(...(await within('more', pulled(source, 1_000))))
      assert.equal(texts, numbers(1_000))
      await publishing
    })
  )
)

sources('loses nothing of what arrives after a pull was aborted, if another follows', () =>
  published(({ url, channel, publish }) =>
    withSource({ url, channels: [channel] }, async (source) => {
      const stopping = new AbortController()
      const pulling = pulled(source, 4, stopping.signal)
      stopping.abort()
      assert.equal(await pulling, [])
      await publish('one')
      assert.equal(await pulled(source, 4), ['one'])
    })
  )
)

sources('subscribes again if it is pulled from after a long while', () =>
  published(({ url, channel, publish }) => {
    const told: string[] = []
    return withSource(
      { url, channels: [channel] },
      async (source) => {
        const stopped = new AbortController()
        stopped.abort()
        assert.equal(await pulled(source, 4, stopped.signal), [])
        await until('nobody listens', async () => (await publish('nobody')) === 0)
        const texts: string[] = []
        const pulling = (async () => {
          while (!texts.includes('again')) texts.push(...(await pulled(source, 4)))
        })()
        await until('a gap', () => told.includes('Gap'))
        assert.is(await publish('again'), 1)
        await within('the message', pulling)
        assert.is((await source.measure?.()())?.reconnects, 1)
      },
      ({ _tag }) => told.push(_tag)
    )
  })
)

sources.run()

// what is refused

const options = suite('options of redisPubSub')

options('must make sense', () => {
  const url = 'redis://127.0.0.1:1'
  const refused = (given: object, pattern: RegExp) =>
    assert.throws(() => redisPubSub({ url, ...given }), pattern, JSON.stringify(given))
  refused({}, /give channels: \['orders'\]/)
  refused({ channels: [], patterns: [] }, /give channels: \['orders'\]/)
  refused({ channels: [''] }, /channels is a list of names, none of them empty/)
  refused({ patterns: ['a', ''] }, /patterns is a list of names/)
  refused({ channels: 'orders' }, /channels is a list of names/)
  refused({ channels: [1] }, /channels is a list of names/)
  refused({ channels: ['a', 'a'] }, /named twice/)
  for (const maxQueued of [0, 1.5, Infinity, NaN])
    refused({ channels: ['a'], maxQueued }, /maxQueued and maxQueuedBytes are whole numbers/)
  refused({ channels: ['a'], maxQueuedBytes: 0 }, /maxQueuedBytes/)
  for (const heartbeatMs of [0, NaN, Infinity])
    refused({ channels: ['a'], heartbeatMs }, /heartbeatMs is at least 10 ms/)
  refused({ channels: ['a'], connectMs: NaN }, /redisPubSub: connectMs is a number of milliseconds above 0/)
  refused({ channels: ['a'], url: undefined }, /redisPubSub: give url: .*, or a client/)
  // @ts-expect-error: what cannot be brought back cannot be parked
  assert.type(redisPubSub({ url, channels: ['a'], onFailed: 'park' }), 'function')
})

options.run()

const opening = redisSuite('opening redisPubSub')

const refusal = async (given: Parameters<typeof redisPubSub>[0]): Promise<string> => {
  const processor: Processor = () => async () => ack
  const { ended } = await within(
    'the report',
    redisPubSub({ connectMs: 500, ...given })(processor)(new AbortController().signal)()
  )
  return ended._tag === 'NotStarted' ? ended.error.message : ended._tag
}

opening('says that there is no server', async () => {
  const told = await refusal({ url: 'redis://:secret@127.0.0.1:1', channels: ['a'] })
  assert.match(told, /^cannot connect to Redis at 127\.0\.0\.1:1\/0: .*ECONNREFUSED.*; is it running there/)
  assert.not.match(told, 'secret')
})

opening('says that the password is wrong, or that a channel is not for this user', () =>
  withRedis(
    async ({ port, cli }) => {
      const wrong = await refusal({ url: `redis://:other@127.0.0.1:${port}`, channels: ['a'] })
      assert.match(wrong, /WRONGPASS.*; check the user and the password/)
      const all = ['+@all', '-ping', 'resetchannels', '&orders', '&refunds:*']
      await cli('ACL', 'SETUSER', 'reader', 'on', '>secret', ...all)
      const url = `redis://reader:secret@127.0.0.1:${port}`
      for (const given of [{ channels: ['orders', 'other'] }, { patterns: ['*'] }]) {
        const told = await refusal({ url, ...given })
        assert.match(
          told,
          /^cannot subscribe to (?:orders, other|\*): NOPERM .*; give this user the right to/
        )
        assert.not.match(told, 'secret')
      }
      // One that may not even be asked whether it is there is subscribed all the same.
      const run = await running({ url, channels: ['orders'], patterns: ['refunds:*'], heartbeatMs: 10 })
      await cli('PUBLISH', 'refunds:1', 'Hello')
      await run.got(1)
      await delay(100)
      assert.equal(run.told('Gap'), [])
      await run.stop()
      assert.not.match(JSON.stringify([run.events, run.messages[0]?.source]), 'secret')
    },
    { password: 'p' }
  )
)

opening.run()

/** Long enough for several heartbeats, of which none may be missed. */
function delay(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}
