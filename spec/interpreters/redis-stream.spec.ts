import { readFileSync } from 'node:fs'
import { pipe } from 'fp-ts/lib/function.js'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import {
  type Event,
  type Message,
  type OpenSource,
  type Processor,
  type Report,
  ack,
  bytes,
  exitCode,
  failed,
  handle,
  nack,
  otherwise,
  receive,
  rejected,
  renderEvent,
  renderReport,
  withDlq
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'

import {
  type RedisLike,
  type RedisStreamOptions,
  redisStream,
  redisStreamSource,
  streamEntryOf
} from 'missive-ts/redis'
import * as assert from 'uvu/assert'
import { until, within } from '../support/deadline.js'
import { type SharedRedis, nextRefusal, sharedRedis, uniqueName, withRedis } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

let redis: SharedRedis

const useShared = async (): Promise<void> => {
  redis = await sharedRedis()
}

type Options = Omit<RedisStreamOptions, 'url' | 'client' | 'stream' | 'group'> & {
  readonly stream?: string | readonly string[]
  readonly group?: string
}

/** A run over a stream of its own, until it is stopped. */
const running = (processor: Processor, options: RedisStreamOptions, onEvent?: (event: Event) => void) => {
  const stopping = new AbortController()
  const events: Event[] = []
  const ended = redisStream({ blockMs: 200, drainMs: 2_000, graceMs: 2_000, ...options })(processor)(
    stopping.signal,
    (event) => {
      events.push(event)
      onEvent?.(event)
    }
  )()
  return {
    events,
    ended: () => within('the run to end', ended),
    stop: (): Promise<Report> => {
      stopping.abort()
      return within('the run to stop', ended)
    }
  }
}

const add = (stream: string, ...fields: readonly (string | Buffer)[]): Promise<unknown> =>
  redis.cli('XADD', stream, '*', ...fields)

/** What came of a stream's entries, once so many of them are there. */
const received = async (
  count: number,
  options: Options,
  fill: (stream: string) => Promise<unknown>
): Promise<readonly Message[]> => {
  const stream = uniqueName('stream')
  const messages: Message[] = []
  const processor = pipe(
    receive(bytes),
    handle(
      otherwise(async (message) => {
        messages.push(message)
        return ack
      })
    ),
    withDlq({
      location: 'nowhere',
      put: (letter) => async () => {
        messages.push({ ...letter, isLetter: true } as never)
        return { _tag: 'Right', right: undefined }
      }
    })
  )
  await fill(stream)
  const run = running(processor, { url: redis.url, stream, group: 'g', ...options })
  await until(`${count} messages`, () => messages.length >= count)
  const report = await run.stop()
  assert.is(report.received, count)
  return messages
}

const texts = (messages: readonly Message[]): readonly string[] =>
  messages.map((message) => Buffer.from(message.bytes).toString())

// entries

const entries = redisSuite('redisStream: an entry')
entries.before(useShared)

entries('has the value of its only field as its payload, whatever that is called', async () => {
  const [message] = await received(1, {}, (stream) => add(stream, 'anything', 'Hello'))
  assert.equal([message && texts([message]), message?.headers], [['Hello'], {}])
})

entries('has its other fields as headers, also one with the same value', async () => {
  const fill = (stream: string) => add(stream, 'tenant', 'a', 'payload', 'x', 'copy', 'x')
  const [message] = await received(1, {}, fill)
  assert.equal([message && texts([message]), message?.headers], [['x'], { tenant: 'a', copy: 'x' }])
})

entries('has the payload of the field that was named', async () => {
  const [message] = await received(1, { field: 'data' }, (stream) => add(stream, 'data', 'x', 'payload', 'y'))
  assert.equal([message && texts([message]), message?.headers], [['x'], { payload: 'y' }])
})

entries('has the payload that a function makes of its fields', async () => {
  const payload = (fields: ReadonlyMap<string, Buffer>) =>
    Buffer.from(
      JSON.stringify(Object.fromEntries(Array.from(fields, ([name, value]) => [name, String(value)])))
    )
  const [message] = await received(1, { payload }, (stream) => add(stream, 'type', 'order', 'total', '3'))
  assert.equal(
    [message && texts([message]), message?.headers],
    [['{"type":"order","total":"3"}'], { type: 'order', total: '3' }]
  )
})

entries('is malformed where it has no such field, or the function throws', async () => {
  const throwing = () => {
    throw new Error('no version')
  }
  const [lacking, thrown] = [
    await received(1, { field: 'data' }, (stream) => add(stream, 'a', '1', 'b', '2')),
    await received(1, { payload: throwing }, (stream) => add(stream, 'a', '1'))
  ]
  assert.equal(
    [...lacking, ...thrown].map((letter) => ('failure' in letter ? letter.failure : undefined)),
    [
      'the entry does not have the field of the payload, but a, b; say which one it is: field',
      'the payload cannot be made of the entry: no version'
    ].map((message) => ({ _tag: 'Malformed', issues: [{ path: '', message }] }))
  )
})

entries('has its bytes as they were added: text, none, any, and what looks like a loss', async () => {
  const payloads = ['grün', '', '\ufffd', '\ufeffmark', 'a\u0000b'].map((text) => Buffer.from(text))
  payloads.push(Buffer.from([0xff, 0xfe, 0, 1]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.alloc(100_000, 0x80))
  const messages = await received(payloads.length, {}, async (stream) => {
    for (const payload of payloads) await add(stream, 'payload', payload)
  })
  assert.equal(
    messages.map((message) => Buffer.from(message.bytes).toString('hex')),
    payloads.map((payload) => payload.toString('hex'))
  )
})

entries('says where it is from, and is there itself', async () => {
  const [message] = await received(1, { consumer: 'worker' }, (stream) => add(stream, 'payload', 'x'))
  const entry = message && streamEntryOf(message)
  const server = new URL(redis.url).host
  assert.match(entry?.consumer ?? '', /^worker-\d+~[\da-f]{12}$/)
  assert.equal(
    [entry?.id, entry?.group, entry?.server, entry?.fields.map(String), message?.source],
    [message?.id, 'g', `${server}/0`, ['payload', 'x'], `${server}/0/${entry?.stream}/g`]
  )
  assert.equal([message?.deliveryCount, message?.redelivers], [1, true])
})

entries.run()

// groups

const groups = redisSuite('redisStream: a group')
groups.before(useShared)

const acking = pipe(receive(bytes), handle(otherwise(async () => ack)), withDlq(memoryDlq()))

/** What is given of entries 1-1 and 2-1, where the group begins so, and of 3-1, which comes later. */
const begun = async (start: string | undefined) => {
  const stream = uniqueName('stream')
  for (const id of ['1-1', '2-1']) await redis.cli('XADD', stream, id, 'a', id)
  const seen: string[] = []
  const processor = pipe(
    receive(bytes),
    handle(
      otherwise(async ({ id }) => {
        seen.push(id)
        return ack
      })
    ),
    withDlq(memoryDlq())
  )
  const options = { url: redis.url, stream, group: 'g', ...(start !== undefined && { start }) }
  const run = running(processor, options)
  await until('the group', () => run.events.some(({ _tag }) => _tag === 'Ready'))
  await redis.cli('XADD', stream, '3-1', 'a', '3-1')
  await until('the last one', () => seen.includes('3-1'))
  await run.stop()
  const again = running(processor, options)
  await until('the second run', () => again.events.some(({ _tag }) => _tag === 'Ready'))
  await again.stop()
  return {
    seen,
    told: [run, again].map(({ events }) => events.filter(({ _tag }) => _tag === 'GroupCreated').length)
  }
}

groups(
  'that is missing is made at the beginning, at the end or after an id, and said to be made',
  async () => {
    const told = [1, 0]
    assert.equal(await begun(undefined), { seen: ['1-1', '2-1', '3-1'], told })
    assert.equal(await begun('beginning'), { seen: ['1-1', '2-1', '3-1'], told })
    assert.equal(await begun('end'), { seen: ['3-1'], told })
    assert.equal(await begun('1-1'), { seen: ['2-1', '3-1'], told })
  }
)

groups('is made with its stream, where that is missing too', async () => {
  const stream = uniqueName('stream')
  const run = running(acking, { url: redis.url, stream, group: 'g' })
  await until('the group', () => run.events.some(({ _tag }) => _tag === 'Ready'))
  assert.is((await run.stop()).received, 0)
  const text = run.events.map(renderEvent).find((line) => line?.startsWith('group'))
  assert.is(text, `group g of ${stream} was made, to begin at the beginning`)
})

groups('is left without a trace by a process that has nothing', async () => {
  const stream = uniqueName('stream')
  for (let index = 0; index < 300; index += 1) await add(stream, 'a', String(index))
  let count = 0
  const processor = pipe(
    receive(bytes),
    handle(
      otherwise(async () => {
        count += 1
        return ack
      })
    ),
    withDlq(memoryDlq())
  )
  const run = running(processor, { url: redis.url, stream, group: 'g' })
  await until('all', () => count === 300)
  const report = await run.stop()
  assert.equal([report.acked, exitCode(report)], [300, 0])
  const consumers = (await redis.cli('XINFO', 'CONSUMERS', stream, 'g')) as readonly unknown[][]
  assert.equal(
    consumers.map(([, name]) => name),
    ['~scan']
  )
})

groups('gives entries of several streams', async () => {
  const streams = [uniqueName('one'), uniqueName('two')]
  const seen: string[] = []
  const processor = pipe(
    receive(bytes),
    handle(
      otherwise(async ({ body, deliveryCount }) => {
        seen.push(`${Buffer.from(body).toString()} ${deliveryCount}`)
        return deliveryCount === 1 ? nack({ afterMs: 1 }) : ack
      })
    ),
    withDlq(memoryDlq())
  )
  const run = running(processor, { url: redis.url, stream: streams, group: 'g' })
  for (const stream of streams) await add(stream, 'a', stream.slice(0, 3))
  await until('all', () => seen.length === 4)
  const report = await run.stop()
  assert.equal(seen.toSorted(), ['one 1', 'one 2', 'two 1', 'two 2'])
  assert.equal([report.acked, report.nacked], [2, 2])
})

groups('tells how things stand', async () => {
  const stream = uniqueName('stream')
  for (const text of ['a', 'b', 'c']) await add(stream, 'text', text)
  const open: OpenSource = redisStreamSource({ url: redis.url, stream, group: 'g', blockMs: 100 })
  const opened = await open({ maxUnsettled: 10, emit: () => undefined }).open()
  if (opened._tag === 'Left') throw new Error(opened.left.message)
  const { value: source, close } = opened.right
  const pulled = await source.pull(2, new AbortController().signal)()
  const [first] = pulled._tag === 'Right' && pulled.right._tag === 'Batch' ? pulled.right.items : []
  if (first === undefined) throw new Error('nothing was pulled')
  const settled = { delivery: first, outcome: nack(), action: { _tag: 'Retry', afterMs: 60_000 } as const }
  assert.equal(await source.settle?.([settled])(), ['ok'])
  const { oldestPendingMs = -1, ...gauges } = (await source.measure?.()()) ?? {}
  assert.equal(gauges, { lag: 1, pending: 2, parked: 1, lost: 0, reconnects: 0 })
  assert.ok(oldestPendingMs >= 0 && oldestPendingMs < 20_000)
  assert.is((await close())._tag, 'Right')
  assert.equal(await source.measure?.()(), { reconnects: 0 }, 'what nobody answers is not known')
})

groups.run()

// outcomes

const outcomes = redisSuite('redisStream: an outcome')
outcomes.before(useShared)

outcomes('of nack brings the entry back with its delay over, and counts the start', async () => {
  const stream = uniqueName('stream')
  const starts: (readonly [number, number])[] = []
  const processor = pipe(
    receive(bytes),
    handle(
      otherwise(async ({ deliveryCount }) => {
        starts.push([deliveryCount, performance.now()])
        return deliveryCount < 3 ? nack({ afterMs: 150 }) : ack
      })
    ),
    withDlq(memoryDlq())
  )
  await add(stream, 'a', 'x')
  const run = running(processor, { url: redis.url, stream, group: 'g' })
  await until('the third start', () => starts.length === 3)
  const report = await run.stop()
  assert.equal(
    starts.map(([count]) => count),
    [1, 2, 3]
  )
  for (const [index, [, at]] of starts.entries())
    if (index > 0) assert.ok(at - (starts[index - 1]?.[1] ?? 0) >= 149, 'not before its delay')
  assert.equal([report.nacked, report.acked], [2, 1])
})

outcomes('of nack brings the entry back also where the clock of Redis was set back', () =>
  withRedis(
    async ({ url, cli }) => {
      const counts: number[] = []
      const processor = pipe(
        receive(bytes),
        handle(
          otherwise(async ({ deliveryCount }) => {
            counts.push(deliveryCount)
            return deliveryCount === 1 ? nack({ afterMs: 1 }) : ack
          })
        ),
        withDlq(memoryDlq())
      )
      const run = () => running(processor, { url, stream: 's', group: 'g' })
      const first = run()
      await until('a scan', async () =>
        String(await cli('XINFO', 'CONSUMERS', 's', 'g').catch(String)).includes('~scan')
      )
      await first.stop()
      // The last scan is an hour ahead.
      const client = new Redis(url)
      const dump = await client.dumpBuffer('s')
      client.disconnect()
      dump.writeBigInt64LE(BigInt(Date.now() + 3_600_000), dump.indexOf('~scan') + '~scan'.length)
      await cli('DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', 1)
      await cli('RESTORE', 's', 0, dump, 'REPLACE')
      const second = run()
      await cli('XADD', 's', '*', 'a', 'x')
      await until('it to come again', () => counts.length === 2)
      await second.stop()
    },
    { args: ['--enable-debug-command', 'yes'] }
  )
)

outcomes('are refused without a queue before anything is changed in Redis', async () => {
  const stream = uniqueName('stream')
  const unkept = pipe(receive(bytes), handle(otherwise(async () => ack)))
  const run = running(unkept, { url: redis.url, stream, group: 'g' })
  assert.match(renderReport(await run.ended()), /not started: the processor has no dead letter queue/)
  assert.equal(
    run.events.map(({ _tag }) => _tag),
    ['Ended']
  )
  assert.is(Number(await redis.cli('EXISTS', stream)), 0)
})

outcomes('of a failure without a queue wants to be spoken of', async () => {
  const stream = uniqueName('stream')
  await add(stream, 'a', 'x')
  const failing = pipe(receive(bytes), handle(otherwise(async () => failed(rejected('late')))))
  const target = { url: redis.url, stream, group: 'g' }
  const refused = await running(failing, target).ended()
  assert.match(renderReport(refused), /not started: the processor has no dead letter queue/)
  const stopped = await redisStream({ ...target, onFailed: 'stop' })(failing)(new AbortController().signal)()
  assert.equal([stopped.failed, stopped.ended._tag, exitCode(stopped)], [1, 'Stopped', 1])
  let calls = 0
  const mended = pipe(
    receive(bytes),
    handle(otherwise(async () => ((calls += 1) === 1 ? failed(rejected('late')) : ack)))
  )
  const stopping = new AbortController()
  const parked = redisStream({ ...target, blockMs: 100, onFailed: 'park' })(mended)(stopping.signal)()
  await until('the second start', () => calls === 2)
  stopping.abort()
  assert.equal([(await parked).failed, (await parked).acked], [1, 1])
})

outcomes.run()

// connections

const clients = redisSuite('redisStream: a client')

/** Handles one message through a client, which the run leaves as it was. */
const carries = async (
  client: RedisLike,
  send: (...parts: readonly string[]) => Promise<unknown>,
  prefix = ''
) => {
  const stream = `{${uniqueName('stream')}}`
  await send('XADD', `${prefix}${stream}`, '*', 'a', 'Hello')
  const seen: string[] = []
  const processor = pipe(
    receive(bytes),
    handle(
      otherwise(async ({ body, deliveryCount }) => {
        seen.push(Buffer.from(body).toString())
        return deliveryCount === 1 ? nack() : ack
      })
    ),
    withDlq(memoryDlq())
  )
  const run = running(processor, { client, stream, group: 'g' })
  await until('the message', () => seen.length === 2)
  assert.equal(await run.stop().then(({ acked, nacked }) => [acked, nacked]), [1, 1])
  assert.is(client.status, 'ready')
}

clients('of ioredis 5 or 6 will do, and its prefix stands before the stream', async () => {
  const { url, cli } = await sharedRedis()
  const send = (command = '', ...parts: readonly string[]) => cli(command, ...parts)
  const options = { keyPrefix: 'shop:' }
  for (const client of [new Redis(url, options), new Redis5(url, options)]) {
    await client.ping()
    await carries(client, send, 'shop:')
    client.disconnect()
  }
})

clients('with options of their own for replies and times do not bring these here', async () => {
  const stream = uniqueName('stream')
  const own = new Redis(redis.url, {
    stringNumbers: true,
    commandTimeout: 100,
    socketTimeout: 100,
    reconnectOnError: () => true
  })
  const counts: number[] = []
  const run = running(
    pipe(
      receive(bytes),
      handle(
        otherwise(async ({ deliveryCount }) => {
          counts.push(deliveryCount)
          return deliveryCount === 1 ? nack({ afterMs: 300 }) : ack
        })
      ),
      withDlq(memoryDlq())
    ),
    { client: own, stream, group: 'g' }
  )
  await add(stream, 'payload', 'a')
  await until('it to come again', () => counts.length === 2)
  const report = await run.stop()
  own.disconnect()
  assert.equal(counts, [1, 2])
  assert.is(report.acked, 1)
  assert.equal(
    run.events.filter(({ _tag }) => ['Lost', 'Trimmed', 'Reconnected', 'Unready'].includes(_tag)),
    []
  )
})

clients('of a cluster will do', () =>
  withRedis(
    async ({ port }) => {
      for (const Client of [Cluster, Cluster5]) {
        for (const options of [{}, { keyPrefix: 'app:' }, { redisOptions: { keyPrefix: 'app:' } }]) {
          const client = new Client([{ host: '127.0.0.1', port }], options)
          await client.ping()
          await carries(client, (command = '', ...parts) => client.call(command, [...parts]))
          client.disconnect()
        }
      }
    },
    { cluster: true }
  )
)

clients('of a cluster is named without what its nodes have of credentials', async () => {
  const nodes: readonly (readonly [any, string])[] = [
    ['redis://:p@ss-SECRET@127.0.0.1:1', '127.0.0.1:1'],
    ['redis://127.0.0.1:1?password=SECRET', '127.0.0.1:1'],
    ['//me:SECRET@127.0.0.1:1', '127.0.0.1:1'],
    ['127.0.0.1:1', '127.0.0.1:1'],
    [{ host: '127.0.0.1', port: 1, password: 'SECRET' }, '127.0.0.1:1'],
    [1, 'localhost:1']
  ]
  for (const [node, name] of nodes) {
    const client = new Cluster([node], { lazyConnect: true, clusterRetryStrategy: () => null })
    const processor = pipe(receive(bytes), handle(otherwise(async () => ack)))
    const run = redisStream({ client, stream: 's', group: 'g', connectMs: 300, onFailed: 'stop' })
    const told = JSON.stringify(await run(processor)(new AbortController().signal)())
    assert.match(told, `cannot connect to Redis at ${name}: `)
    assert.not.match(told, 'SECRET')
    client.disconnect()
  }
})

clients('of a cluster is told when no server has all streams', () =>
  withRedis(
    async ({ port }) => {
      const client = new Cluster([{ host: '127.0.0.1', port }])
      await client.ping()
      const report = await running(acking, { client, stream: ['a', 'b'], group: 'g' }).ended()
      assert.match(renderReport(report), /the source is lost: .*(?:same slot|CROSSSLOT)/)
      client.disconnect()
    },
    { cluster: true }
  )
)

clients('with TLS will do, and a URL of another kind is told', () =>
  withRedis(
    async ({ url, port, ca = '' }) => {
      const client = new Redis(url, { tls: { ca: readFileSync(ca) } })
      await client.ping()
      await carries(client, (command = '', ...parts) => client.call(command, [...parts]))
      client.disconnect()
      const errorOf = async (target: string) =>
        renderReport(
          await running(acking, { url: target, stream: 's', group: 'g', connectMs: 1_000 }).ended()
        )
      assert.match(await errorOf(url), /give a client whose tls options have the authority/)
      assert.match(await errorOf(`redis://127.0.0.1:${port}`), /not started: .*cannot connect to Redis/)
    },
    { tls: true }
  )
)

clients.run()

// what goes wrong

const faults = redisSuite('redisStream: what goes wrong')

const source: (options: RedisStreamOptions) => Promise<string> = async (options) => {
  const opened = await redisStreamSource({ connectMs: 300, ...options })({
    maxUnsettled: 1,
    emit: () => undefined
  }).open()
  if (opened._tag === 'Left') return opened.left.message
  await opened.right.close()
  return 'opened'
}

faults('in the options is said when they are given', () => {
  const target = { url: 'redis://localhost', stream: 's', group: 'g' }
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ stream: [] }, /the key of a stream, or a list/],
    [{ stream: '' }, /the key of a stream, or a list/],
    [{ stream: ['s', 's'] }, /named twice/],
    [{ group: '' }, /name of the consumer group/],
    [{ start: 'now' }, /'beginning', 'end', or the id/],
    [{ batch: 0 }, /at least 1/],
    [{ blockMs: 5_000 }, /from 1 to 2000/],
    [{ leaseMs: 5 }, /at least 100 ms/],
    [{ leaseMs: Infinity }, /no more than 24 days/],
    [{ connectMs: 0 }, /connectMs is a number of milliseconds above 0/],
    [{ url: undefined }, /redisStream: give url: .*, or a client/],
    [{ field: 'a', payload: () => undefined }, /not both/]
  ]
  for (const [options, message] of wrong)
    assert.throws(() => redisStreamSource({ ...target, ...options }), message)
})

faults('at the start says what to do, and no secret', () =>
  withRedis(
    async ({ port, cli }) => {
      const at = (user: string) => `redis://${user}@127.0.0.1:${port}`
      const of = (user: string) => source({ url: at(user), stream: 's', group: 'g' })
      await cli('ACL', 'SETUSER', 'reader', 'on', '>hunter2', '~*', '+@read', '+@connection', '+info')
      await cli('SET', 'text', 'x')
      const told = [
        await of('admin:wrong-one'),
        await of('reader:hunter2'),
        await source({ url: at(':s3cret-word'), stream: 'text', group: 'g' }),
        await source({ url: `redis://u:s3cret-word@127.0.0.1:1`, stream: 's', group: 'g' }),
        await source({ url: 'redis://u:s3cret-word@:bad', stream: 's', group: 'g' }),
        await source({ url: at(':s3cret-word').replace(/\/?$/, '/orders'), stream: 's', group: 'g' }),
        await source({ url: 'redis://127.0.0.1:1?db=zz', stream: 's', group: 'g' })
      ]
      const expected = [
        /WRONGPASS.*; check the user and the password/,
        /NOPERM.*; the user needs XREADGROUP/,
        /WRONGTYPE.*; this key holds something else; give the key of a stream/,
        /cannot connect to Redis at 127.0.0.1:1\/0: .*is it running there/,
        /the URL cannot be read; give one like redis:/,
        /the database of a Redis URL is a number, as in redis:\/\/host:6379\/0/,
        /is a number, as in .*; a \/ in a password is %2F/
      ]
      told.forEach((text, index) => assert.match(text, expected[index] as RegExp))
      assert.not.match(told.join(), /hunter2|s3cret-word|wrong-one/)
    },
    { password: 's3cret-word' }
  )
)

faults('at the start of a replica are over when it has become the primary, and else it says so', () =>
  withRedis(async ({ url, port, cli }) => {
    await cli('REPLICAOF', '127.0.0.1', port + 1)
    const options = { url, stream: 'orders', group: 'billing' }
    assert.match(await source({ ...options, connectMs: 200 }), /READONLY.*give the primary/)
    const refusal = await nextRefusal(cli)
    const run = running(acking, options)
    await refusal()
    await cli('REPLICAOF', 'NO', 'ONE')
    await until('it has begun', async () => run.events.some(({ _tag }) => _tag === 'Ready'))
    await run.stop()
  })
)

faults('in memory, of which there is none left, keeps no process from beginning', () =>
  withRedis(async ({ url, cli }) => {
    await cli('XADD', 'orders', '*', 'payload', 'Hello')
    await cli('CONFIG', 'SET', 'maxmemory', '1')
    let isHandled = false
    const processor = pipe(
      receive(bytes),
      handle(
        otherwise(async () => {
          isHandled = true
          return ack
        })
      ),
      withDlq(memoryDlq())
    )
    const run = running(processor, { url, stream: 'orders', group: 'billing' })
    await until('it is handled', async () => isHandled)
    assert.is((await run.stop()).acked, 1)
  })
)

faults('with Redis gone ends a stop in time, and what was acked is said to be unsettled', () =>
  withRedis(async (server) => {
    const { url, cli } = server
    await cli('XADD', 's', '*', 'a', 'x')
    let finish = (): void => undefined
    let isStarted = false
    const processor = pipe(
      receive(bytes),
      handle(
        otherwise(async () => {
          isStarted = true
          await new Promise<void>((resolve) => (finish = resolve))
          return ack
        })
      ),
      withDlq(memoryDlq())
    )
    const run = running(processor, { url, stream: 's', group: 'g' })
    await until('the handler', () => isStarted)
    await server.kill()
    const startedAt = performance.now()
    const stopped = run.stop()
    finish()
    const report = await stopped
    assert.ok(performance.now() - startedAt < 8_000)
    assert.equal([report.acked, report.unsettled, exitCode(report)], [1, 1, 1])
  })
)

faults('while nothing is handled is told as being away, and it goes on by itself', () =>
  withRedis(
    async (server) => {
      const seen: string[] = []
      const processor = pipe(
        receive(bytes),
        handle(
          otherwise(async ({ body }) => {
            seen.push(Buffer.from(body).toString())
            return ack
          })
        ),
        withDlq(memoryDlq())
      )
      const run = running(processor, { url: server.url, stream: 's', group: 'g' })
      await server.cli('XADD', 's', '*', 'a', 'before')
      await until('the first', () => seen.length === 1)
      await server.kill()
      await server.start()
      await server.cli('XADD', 's', '*', 'a', 'after')
      await until('the second', () => seen.length === 2)
      await until('the event', () => run.events.some(({ _tag }) => _tag === 'Reconnected'))
      assert.equal(seen, ['before', 'after'])
      await run.stop()
    },
    { appendonly: 'always' }
  )
)

faults.run()
