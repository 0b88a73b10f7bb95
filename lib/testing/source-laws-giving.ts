/** Laws of giving: what is sent comes, as it was sent, to one handler. */
import { Buffer } from 'node:buffer'
import { interruptionOf } from '../core/message.js'
import { ack, nack } from '../core/outcome.js'
import type { Delivery, SourceGauges } from '../ports/source.js'
import { expect, expectEqual } from './comparing.js'
import { pause, turn } from './machine-clock.js'
import type { Sent } from './source-bench.js'
import {
  type Hand,
  type Law,
  type Running,
  type Trial,
  done,
  law,
  retry,
  sorted,
  textOf,
  texts
} from './source-trial.js'

export const givingLaws: readonly Law[] = [
  law('gives text as it was sent, empty text and other scripts too', [], async ({ run }) => {
    const sent = ['', ' ', 'Hello', 'Zürich 東京 🚂', '{"total":3}', 'x'.repeat(65_536)]
    const running = await run({ sent })
    await running.until('all payloads', () => running.starts.length >= sent.length)
    expectEqual('the payloads', sorted(running.texts()), sorted(sent))
  }),

  law('gives bytes as they were sent, whatever they are', ['anyBytes'], async ({ run, count }) => {
    const odd = [[0], [0, 1, 0], [10], [13, 10], [0xff, 0xfe], [0xc3, 0x28], [0xef, 0xbb, 0xbf], [34, 92, 39]]
    const random = Array.from({ length: count(50, 1_000) }, (_, seed) =>
      noise(seed, 1 + ((seed * 37) % 5_000))
    )
    const sent = [...odd.map((each) => Uint8Array.from(each)), ...random]
    const running = await run({ sent: sent.map((bytes) => ({ bytes })) })
    await running.until('all payloads', () => running.starts.length >= sent.length, countOf(running))
    const hex = (all: readonly Uint8Array[]) =>
      all.map((bytes) => Buffer.from(bytes).toString('hex')).toSorted()
    expectEqual('the payloads', hex(running.starts.map(({ message }) => message.body)), hex(sent))
  }),

  law('gives 1 MiB as it was sent', ['large'], async ({ run, promises }) => {
    const bytes = promises.anyBytes === true ? noise(7, 1_048_576) : new Uint8Array(1_048_576).fill(120)
    const running = await run({ sent: [{ bytes }] })
    await running.until('the payload', () => running.starts.length >= 1, countOf(running))
    const given = running.starts[0]?.message.body
    expect('1 MiB as it was sent', Buffer.from(bytes).equals(given ?? noBytes), given?.length)
  }),

  law('gives headers as they were sent, to their own message alone', ['headers'], async ({ run }) => {
    const all: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      m0: { tenant: 'a', 'trace-id': '00-4bf92f', empty: '' },
      m1: {},
      m2: { tenant: 'Zürich 東京', 'content-type': 'text/plain; charset=utf-8', quoted: `"'\\` }
    }
    const names = new Set(Object.values(all).flatMap((headers) => Object.keys(headers)))
    const sent = Object.entries(all).map(([text, headers]): Sent => ({ bytes: Buffer.from(text), headers }))
    const running = await run({ sent })
    await running.until('all payloads', () => running.starts.length >= sent.length)
    for (const { text, message } of running.starts) {
      const given = Object.entries(message.headers).filter(([name]) => names.has(name.toLowerCase()))
      expectEqual(`the headers of ${text}`, Object.fromEntries(given), all[text])
    }
  }),

  law(
    'gives every message to one handler, however many run at a time',
    [],
    async ({ run, count, send, promises }) => {
      const sent = texts(count(300, 50_000))
      const running = await run({
        handler: async () => {
          await turn()
          return ack
        },
        options: { concurrency: 16 },
        ...(promises.live === true ? {} : { sent })
      })
      // In pieces, for sources that drop what comes faster than it is handled.
      for (let from = 0; promises.live === true && from < sent.length; from += pieces) {
        await send(sent.slice(from, from + pieces))
        if (promises.backlog !== true)
          await running.until(
            'each piece',
            () => running.starts.length >= Math.min(from + pieces, sent.length)
          )
      }
      await running.until('all messages', () => running.starts.length >= sent.length, countOf(running))
      const report = await running.stop()
      expectEqual('the messages', sorted(running.texts()), sorted(sent))
      expect('no more than 16 at a time', running.maxInFlight() <= 16, running.maxInFlight())
      expectEqual('what was acked', report.acked, sent.length)
    }
  ),

  law('gives all that was sent before it was opened', ['backlog'], async ({ run, send, count }) => {
    const sent = texts(count(2_000, 100_000))
    await send(sent)
    const running = await run({ options: { concurrency: 8, maxUnsettled: 64 } })
    await running.until('all messages', () => running.starts.length >= sent.length, countOf(running))
    expectEqual('the messages', sorted(running.texts()), sorted(sent))
  }),

  law('gives what is sent while it is open, one by one', ['live'], async ({ run, send, count }) => {
    const running = await run()
    for (const text of texts(count(20, 200))) {
      await send([text])
      await running.until(text, () => running.texts().includes(text))
    }
  }),

  law(
    'gives messages in the order in which they were sent',
    ['ordered'],
    async ({ run, count, promises }) => {
      const sent = texts(count(300, 10_000)).map((text, index): Sent => ({
        bytes: Buffer.from(text),
        key: `key${index % 16}`
      }))
      const isNacked = (text: string): boolean =>
        promises.redelivers === true && Number(text.slice(1)) % 20 === 7
      const running = await run({
        sent,
        handler: ({ deliveryCount }, { text, time }) =>
          isNacked(text) && time === 1 && deliveryCount === 1 ? nack() : ack
      })
      const firsts = () => running.starts.filter(({ time }) => time === 1).map(({ text }) => text)
      await running.until('all messages', () => firsts().length >= sent.length, countOf(running))
      expectEqual('the messages', firsts(), texts(sent.length))
      expectEqual('how many ran at a time', running.maxInFlight(), 1)
    }
  ),

  law('names messages by ids that differ, and counts their deliveries from 1', [], async ({ run, count }) => {
    const sent = Array.from({ length: count(100, 1_000) }, () => 'the same')
    const running = await run({ sent, options: { concurrency: 4 } })
    await running.until('all messages', () => running.starts.length >= sent.length, countOf(running))
    const messages = running.starts.map(({ message }) => message)
    expectEqual('the ids', new Set(messages.map(({ id }) => id)).size, sent.length)
    expectEqual('the counts', [...new Set(messages.map(({ deliveryCount }) => deliveryCount))], [1])
    const sources = new Set(messages.map(({ source }) => source))
    expect('one source that has a name', sources.size === 1 && !sources.has(''), [...sources])
    const [{ id, source, receivedAt }] = messages as [(typeof messages)[number]]
    const types = [typeof id, typeof source, Number.isFinite(receivedAt)]
    expectEqual('id and source as text, and receivedAt as a number', types, ['string', 'string', true])
  }),

  law('says of itself and of its messages whether it brings them back', [], async (trial) => {
    const { open, promises, broker } = trial
    const hand = await open({ sent: ['m'] })
    const [delivery] = await hand.take(1)
    const { redelivers, delay, leaseMs } = hand.source.traits
    const promised = promises.redelivers === true
    expectEqual('what it says', [redelivers, delivery?.message.redelivers], [promised, promised])
    if (broker.open.traits !== undefined)
      expectEqual('what it says before it is opened', broker.open.traits, hand.source.traits)
    expect('how a delay waits', ['native', 'hold', 'in-place'].includes(delay), delay)
    expect('a lease where one ends', promises.leases !== true || (leaseMs ?? 0) > 0, leaseMs)
    if (promised) expect('settle, which brings messages back', hand.source.settle !== undefined, undefined)
    await hand.settle([delivery as Delivery], done)
  }),

  law('says how things stand whenever it is asked, where it says that at all', [], async (trial) => {
    const hand = await trial.open({ sent: texts(3) })
    await stands(
      trial,
      hand,
      '3 of lag and pending together',
      ({ lag, pending }) => sumOf(lag, pending, 3) === 3
    )
    const [one, other, third] = (await hand.take(3)) as readonly [Delivery, Delivery, Delivery]
    const counted = (count: number): Promise<void> =>
      stands(
        trial,
        hand,
        `a lag of 0, ${count} pending, none parked`,
        ({ lag = 0, pending = count, parked = 0 }) => lag === 0 && pending === count && parked === 0
      )
    await counted(3)
    await hand.settle([one], done)
    await counted(2)
    if (trial.promises.delays === true) {
      await hand.settle([other], retry(trial.count(300, 3_000)))
      await stands(trial, hand, '1 parked', ({ parked = 1 }) => parked === 1)
      await hand.settle([...(await hand.take(1)), third], done)
    } else await hand.settle([other, third], done)
    await counted(0)
  }),

  law('gives each delivery a signal of its own, which aborts with the reason', [], async ({ open }) => {
    const hand = await open({ sent: ['m0', 'm1'] })
    const [one, other] = (await hand.take(2)) as readonly [Delivery, Delivery]
    const { signal } = one.message
    one.interrupt('leaseLost')
    other.interrupt('shutdown')
    one.interrupt('shutdown')
    expectEqual(
      'the reasons',
      [interruptionOf(one.message), interruptionOf(other.message)],
      ['leaseLost', 'shutdown']
    )
    expectEqual('the signals', [signal.aborted, other.message.signal.aborted], [true, true])
    expectEqual('the payload', sorted([textOf(one.message), textOf(other.message)]), ['m0', 'm1'])
    await hand.settle([one, other], done)
  }),

  law(
    'shares messages with others that are open: each goes to one',
    ['shares'],
    async ({ run, send, count, until }) => {
      const sent = texts(count(400, 50_000))
      const options = { concurrency: 16, maxUnsettled: 32 }
      const handler = async () => {
        await pause()
        return ack
      }
      const all = [await run({ options, handler })]
      for (let more = 0; more < 3; more += 1) all.push(await run({ options, handler }))
      await send(sent)
      const given = () => all.flatMap((running) => running.texts())
      await until(
        'all messages',
        () => given().length >= sent.length,
        () => given().length
      )
      for (const running of all) await running.stop()
      expectEqual('the messages', sorted(given()), sorted(sent))
      for (const running of all)
        expect('no more than 16 at a time', running.maxInFlight() <= 16, running.maxInFlight())
    }
  ),

  law('reads no more ahead than it may have unsettled', ['shares'], async ({ open, quiet, quietMs }) => {
    const maxUnsettled = 4
    const sent = texts(20)
    const one = await open({ sent, maxUnsettled })
    const { exclusive, leaseMs } = one.source.traits
    if (exclusive) return
    const taken = await one.take(1)
    await quiet(20)
    const other = await open()
    const least = sent.length - maxUnsettled
    // What is read ahead and not renewed would come back when its lease ends.
    const rest = await other.takeFor(leaseMs === undefined ? quietMs * 10 : leaseMs / 2, least)
    expect(
      `${least} of ${sent.length} for another, as ${maxUnsettled} may be unsettled`,
      rest.length >= least,
      rest.length
    )
    await one.settle(taken, done)
    await other.settle(rest, done)
  }),

  law(
    'gives a key to one alone while it says that it is exclusive',
    ['shares'],
    async ({ open, quietMs }) => {
      const one = await open()
      if (!one.source.traits.exclusive) return
      const other = await open({ sent: texts(10).map((text) => ({ bytes: Buffer.from(text), key: 'a' })) })
      const given = await Promise.all([one.takeFor(quietMs * 2), other.takeFor(quietMs * 2)])
      const counts = given.map((taken) => taken.length)
      expect('messages of a key with one of two', counts.includes(0), counts)
    }
  ),

  law('gives each group all messages, whatever others do with them', ['groups', 'live'], async (trial) => {
    const { openFor } = trial.broker
    if (openFor === undefined) throw new Error('the bench promises groups, and its broker has no openFor')
    const sent = texts(trial.count(50, 1_000))
    const billing = await trial.run({ open: openFor('billing') })
    const shipping = await trial.run({
      open: openFor('shipping'),
      handler: (_, { time }) => (time === 1 && trial.promises.redelivers === true ? nack() : ack)
    })
    await trial.send(sent)
    const times = trial.promises.redelivers === true ? 2 : 1
    await shipping.until(
      'all messages',
      () => shipping.starts.length >= sent.length * times,
      countOf(shipping)
    )
    await billing.until('all messages', () => billing.starts.length >= sent.length, countOf(billing))
    expectEqual('the messages of one', sorted(billing.texts()), sorted(sent))
    expectEqual('the messages of the other', sorted([...new Set(shipping.texts())]), sorted(sent))
  })
]

// helpers

/** What both of them say together, if both say something. */
const sumOf = (one: number | undefined, other: number | undefined, unsaid: number): number =>
  one === undefined || other === undefined ? unsaid : one + other

/** That it says so soon; it may leave out whatever it does not know. */
const stands = async (
  { until }: Trial,
  hand: Hand,
  what: string,
  holds: (gauges: SourceGauges) => boolean
): Promise<void> => {
  let gauges: SourceGauges | undefined
  await until(
    `measure: ${what}, as far as it says that`,
    async () => holds((gauges = await saysHowThingsStand(hand)) ?? {}),
    () => gauges
  )
}

const saysHowThingsStand = async ({ source }: Hand): Promise<SourceGauges | undefined> => {
  const gauges = await source.measure?.()()
  for (const value of Object.values(gauges ?? {}))
    expect(
      'measure: numbers of 0 or more',
      value === undefined || (Number.isFinite(value) && value >= 0),
      gauges
    )
  const { readBytes = 0, knownBytes = 0 } = source.input?.() ?? {}
  expect('input: no more bytes read than known', readBytes >= 0 && readBytes <= knownBytes, [
    readBytes,
    knownBytes
  ])
  return gauges
}

const pieces = 100
const noBytes = new Uint8Array()

const countOf = (running: Running) => (): string => `${running.starts.length} messages`

/** Bytes that look like nothing, and are the same each time. */
const noise = (seed: number, size: number): Uint8Array => {
  let state = (seed + 1) * 2_654_435_761
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  })
}
