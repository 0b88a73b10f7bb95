import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { type Delivery, type Event, type Settlement, type Source, nack } from 'missive-ts'
import { type RedisLike, redisStreamSource } from 'missive-ts/redis'
import * as assert from 'uvu/assert'
import { ackOwned, park } from '../../lib/interpreters/redis-stream-scripts.js'
import { takeFor } from '../../lib/interpreters/redis-stream-take.js'
import type { Script } from '../../lib/redis/connection.js'
import { until } from '../support/deadline.js'
import { type SharedRedis, sharedRedis, uniqueName } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

let redis: SharedRedis

/** Loses the reply to a script's first call. */
const losing = (client: RedisLike, { text, sha }: Script): RedisLike => {
  let left = 1
  const lossy = (made: RedisLike): RedisLike => {
    const [call, callBuffer, duplicate] = [
      made.call.bind(made),
      made.callBuffer.bind(made),
      made.duplicate.bind(made)
    ]
    const losingReply =
      (ask: RedisLike['call']): RedisLike['call'] =>
      async (command, parts) => {
        const reply = await ask(command, parts)
        if (left === 0 || (parts[0] !== sha && parts[0] !== text)) return reply
        left -= 1
        throw new Error('the reply is lost')
      }
    return Object.assign(made, {
      call: losingReply(call),
      callBuffer: losingReply(callBuffer),
      duplicate: (...options: any[]) => lossy(duplicate(...options))
    })
  }
  return lossy(client)
}

/** Does not live to see replies with more entries than that, as if the network were slow. */
const slow = (made: RedisLike, most: number): RedisLike => {
  const [callBuffer, duplicate] = [made.callBuffer.bind(made), made.duplicate.bind(made)]
  return Object.assign(made, {
    callBuffer: async (command: string, parts: Parameters<RedisLike['callBuffer']>[1]) => {
      const reply = await callBuffer(command, parts)
      const entries = Buffer.from(JSON.stringify(reply)).toString().match(payloadName) ?? []
      return entries.length > most ? new Promise(() => undefined) : reply
    },
    duplicate: (...options: any[]) => slow(duplicate(...options), most)
  })
}

/** The name of the field, in JSON. */
const payloadName = new RegExp(JSON.stringify([...Buffer.from('payload')]).slice(1, -1), 'g')

const leaseMs = 200

interface Opened {
  readonly source: Source
  readonly events: readonly Event[]
  /** What a pull brings, once it brings something. */
  readonly pulled: () => Promise<readonly Delivery[]>
}

const inSource = async (
  client: RedisLike,
  stream: string | readonly string[],
  use: (opened: Opened) => Promise<void>
): Promise<void> => {
  const events: Event[] = []
  const emit = (event: Event): void => void events.push(event)
  const open = redisStreamSource({ client, stream, group: 'g', leaseMs, blockMs: 50 })
  const opened = await open({ maxUnsettled: 100, emit }).open()
  if (opened._tag === 'Left') throw new Error(opened.left.message)
  const { value: source, close } = opened.right
  const pulled = async (): Promise<readonly Delivery[]> => {
    let items: readonly Delivery[] = []
    await until('something to be pulled', async () => {
      const given = await source.pull(10, new AbortController().signal)()
      if (given._tag === 'Right' && given.right._tag === 'Batch') items = given.right.items
      return items.length > 0
    })
    return items
  }
  try {
    await use({ source, events, pulled })
  } finally {
    await close()
    client.disconnect()
  }
}

const add = (stream: string, payload: string): Promise<unknown> =>
  redis.cli('XADD', stream, '*', 'payload', payload)

/** Entries that a process has left that is no more. */
const leftBehind = async (stream: string, ...payloads: readonly string[]): Promise<void> => {
  await redis.cli('XGROUP', 'CREATE', stream, 'g', '0', 'MKSTREAM')
  for (const payload of payloads) await add(stream, payload)
  await redis.cli('XREADGROUP', 'GROUP', 'g', 'dead', 'COUNT', 10, 'STREAMS', stream, '>')
  await until('their lease to be over', async () => {
    const idle = await redis.cli('XPENDING', stream, 'g', 'IDLE', leaseMs, '-', '+', 10)
    return (idle as readonly unknown[]).length === payloads.length
  })
}

const settled = (
  { settle }: Source,
  delivery: Delivery,
  action: 'Done' | 'Retry'
): Promise<readonly Settlement[]> =>
  (settle as NonNullable<Source['settle']>)([
    action === 'Done'
      ? { delivery, outcome: { _tag: 'Acked' }, action: { _tag: 'Done' } }
      : { delivery, outcome: nack(), action: { _tag: 'Retry', afterMs: 0 } }
  ])()

const holder = async (stream: string): Promise<string | undefined> => {
  const pending = (await redis.cli('XPENDING', stream, 'g', '-', '+', 10)) as readonly [string, string][]
  return pending[0]?.[1]
}

const client = (): RedisLike => new Redis(redis.url)

const replies = redisSuite('redisStream whose replies get lost')

replies.before(async () => {
  redis = await sharedRedis()
})

replies(
  'takes what a dead process left as what may have killed it, also when that had to be asked again',
  async () => {
    const stream = uniqueName('stream')
    await leftBehind(stream, 'a', 'b')
    await inSource(losing(client(), takeFor(stream, 'g')), stream, async ({ pulled }) => {
      const items = await pulled()
      assert.equal(
        items.map(({ alone, message }) => [message.deliveryCount, alone]),
        [
          [2, true],
          [2, true]
        ]
      )
    })
  }
)

replies('asks for fewer where the network brings too many too late', async () => {
  const stream = uniqueName('stream')
  for (let count = 0; count < 10; count += 1) await add(stream, 'a')
  await inSource(slow(client(), 3), stream, async ({ pulled }) => {
    const items = await pulled()
    assert.ok(items.length <= 3)
  })
})

replies('gives of several streams together no more than there is room for', async () => {
  const streams = ['one', 'two', 'three'].map(uniqueName)
  for (const stream of streams) for (let count = 0; count < 10; count += 1) await add(stream, 'a')
  await inSource(client(), streams, async ({ pulled }) => {
    const items = await pulled()
    assert.equal(
      streams.map((stream) => items.filter(({ message }) => message.source.includes(stream)).length),
      [3, 3, 3]
    )
  })
})

replies('gives back no delivery that was found to be lost, as it may be here anew', async () => {
  const stream = uniqueName('stream')
  await add(stream, 'a')
  await inSource(losing(client(), park), stream, async ({ source, pulled }) => {
    const [first] = (await pulled()) as [Delivery]
    assert.equal(await settled(source, first, 'Retry'), ['unknown'])
    assert.is(await holder(stream), '~parked')
    const renew = source.renew as NonNullable<Source['renew']>
    await until('the lease to be lost', async () => (await renew([first])())[0] === 'lost')
    const [again] = (await pulled()) as [Delivery]
    assert.is(again.message.deliveryCount, 2)
    assert.equal(await settled(source, first, 'Retry'), ['lost'])
    assert.ok((await holder(stream)) !== '~parked', 'it is being handled')
    assert.equal(await settled(source, again, 'Done'), ['ok'])
    assert.is(await holder(stream), undefined)
  })
})

replies('acknowledges once what was late, however often that is asked', async () => {
  const stream = uniqueName('stream')
  await add(stream, 'a')
  await inSource(losing(client(), ackOwned), stream, async ({ source, pulled }) => {
    const [late] = (await pulled()) as [Delivery]
    await delay(180)
    assert.equal(await settled(source, late, 'Done'), ['unknown'])
    assert.is(await holder(stream), undefined)
    assert.equal(await settled(source, late, 'Done'), ['ok'])
  })
})

replies('gives what one stream has though another does not answer', async () => {
  const [one, other] = [uniqueName('stream'), uniqueName('stream')]
  await leftBehind(one, 'a')
  await leftBehind(other, 'b')
  await inSource(losing(client(), takeFor(other, 'g')), [one, other], async ({ pulled }) => {
    const texts: string[] = []
    await until('both to come', async () => {
      texts.push(...(await pulled()).map(({ message }) => new TextDecoder().decode(message.bytes)))
      return texts.length === 2
    })
    assert.equal(
      texts.toSorted((a, b) => a.localeCompare(b)),
      ['a', 'b']
    )
  })
})

replies('tells of the one group that is lost, and not of the others', async () => {
  const [one, other] = [uniqueName('stream'), uniqueName('stream')]
  await inSource(client(), [one, other], async ({ source, events, pulled }) => {
    await redis.cli('XGROUP', 'DESTROY', one, 'g')
    await until('it to be told', async () => {
      await source.pull(10, new AbortController().signal)()
      return events.some(({ _tag }) => _tag === 'GroupLost')
    })
    await add(other, 'b')
    assert.is((await pulled()).length, 1)
    assert.equal(
      events.flatMap((event) => (event._tag === 'GroupLost' ? [event.stream] : [])),
      [one]
    )
  })
})

replies.run()
