// Published messages that are taken from connections of ioredis as they come in.
import * as fc from 'fast-check'
import { Redis } from 'ioredis'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { directMessages, messagesIn } from '../../lib/redis/direct-messages.js'
import type { RedisLike } from '../../lib/redis/like.js'
import { clients } from '../support/redis-clients.js'
import { until } from '../support/deadline.js'
import { type SharedRedis, sharedRedis, uniqueName } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

// bytes

type Message = readonly [channel: string, payload: string, pattern: string | undefined]

const bulk = (text: string): string => `$${Buffer.byteLength(text, 'latin1')}\r\n${text}\r\n`
const frameOf =
  (mark: '*' | '>') =>
  ([channel, payload, pattern]: Message): string =>
    pattern === undefined
      ? `${mark}3\r\n${bulk('message')}${bulk(channel)}${bulk(payload)}`
      : `${mark}4\r\n${bulk('pmessage')}${bulk(pattern)}${bulk(channel)}${bulk(payload)}`

/** What is no message, but may look like one for a while. */
const others = [
  `*3\r\n${bulk('subscribe')}${bulk('orders')}:1\r\n`,
  `>3\r\n${bulk('messages')}${bulk('orders')}${bulk('a')}`,
  `*2\r\n${bulk('pong')}${bulk('')}`,
  `*3\r\n${bulk('psubscribe')}$-1\r\n:0\r\n`,
  '+PONG\r\n',
  '-NOPERM this user may not\r\n',
  '%1\r\n+a\r\n*1\r\n_\r\n',
  '=7\r\ntxt:a\r\n\r\n'
]

/** Messages and others in the order in which they were told of. */
const takenFrom = (bytes: string, sizes: readonly number[]): readonly (Message | string)[] => {
  const told: (Message | string)[] = []
  const write = messagesIn(
    (channel, payload, pattern) =>
      told.push([channel.toString('latin1'), payload.toString('latin1'), pattern]),
    (other) => told.push(other.toString('latin1'))
  )
  const all = Buffer.from(bytes, 'latin1')
  for (let at = 0, piece = 0; at < all.length; piece += 1) {
    const size = sizes[Math.min(piece, sizes.length - 1)] as number
    write(all.subarray(at, at + size))
    at += size
  }
  return told
}

const binary = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const message: fc.Arbitrary<Message> = fc.tuple(
  fc.oneof(fc.constantFrom('orders', 'order'), binary),
  fc.oneof(
    binary,
    fc.nat({ max: 100_000 }).map((length) => 'y'.repeat(length))
  ),
  fc.option(fc.constantFrom('order*', '*'), { nil: undefined })
)

const taking = suite('what comes in')

taking('is taken apart into messages and what is for ioredis, in order, wherever it is cut', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('*' as const, '>' as const),
      fc.array(fc.oneof(message, fc.constantFrom(...others)), { maxLength: 20 }),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 70_000 }), fc.integer({ min: 1, max: 30 })), {
        minLength: 1
      }),
      (mark, items, sizes) => {
        const bytes = items.map((item) => (typeof item === 'string' ? item : frameOf(mark)(item))).join('')
        assert.equal(takenFrom(bytes, sizes), items)
      }
    ),
    { numRuns: 500 }
  )
})

taking.run()

// connections

let redis: SharedRedis

const direct = redisSuite('a message that is taken directly')
direct.before(async () => {
  redis = await sharedRedis()
})

for (const [version, make] of clients)
  direct(`is told beside ioredis ${version}, which sees none`, async () => {
    const [client, other] = [make(redis.url), new Redis(redis.url)]
    const [channel, gone] = [uniqueName('größe'), uniqueName('gone')]
    const told: (readonly [string, Buffer, string | undefined])[] = []
    let seen = 0
    for (const event of ['message', 'messageBuffer', 'pmessage', 'pmessageBuffer'])
      client.on(event, () => (seen += 1))
    try {
      await client.call('PING', [])
      assert.is(
        directMessages(client, (name, payload, pattern) => told.push([name.toString(), payload, pattern])),
        true
      )
      await client.call('subscribe', [channel, gone])
      await client.call('psubscribe', [`${channel.slice(0, -1)}?`])
      const payload = Buffer.concat([Buffer.from([0, 0xff, 13, 10]), Buffer.alloc(300_000, 'z')])
      await other.publish(channel, payload)
      await other.publish(channel, '')
      await until('four messages', () => told.length === 4)
      const pattern = `${channel.slice(0, -1)}?`
      assert.equal(
        new Set(told.map(([name, { length }, by]) => `${name} ${length} ${by}`)),
        new Set(
          [payload.length, 0].flatMap((length) =>
            [undefined, pattern].map((by) => `${channel} ${length} ${by}`)
          )
        )
      )
      assert.ok(told.filter(([, bytes]) => bytes.length > 0).every(([, bytes]) => bytes.equals(payload)))
      assert.match(String(await client.call('ping', [])), /^pong/i)
      await client.call('unsubscribe', [gone])
      assert.is(await other.publish(gone, 'a'), 0)
      assert.is(seen, 0)
    } finally {
      client.disconnect()
      other.disconnect()
    }
  })

direct('is left to a client that waits for an answer, or has no socket to show', async () => {
  const client = new Redis(redis.url)
  try {
    const waiting = client.call('PING', [])
    assert.is(
      directMessages(client, () => undefined),
      false
    )
    await waiting
    const { status, options } = client
    assert.is(
      directMessages({ status, options, isCluster: false } as RedisLike, () => undefined),
      false
    )
    assert.is(
      directMessages(client, () => undefined),
      true
    )
  } finally {
    client.disconnect()
  }
})

direct.run()
