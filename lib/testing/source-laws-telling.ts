/** Laws of what a source says: of itself, of its messages, and of how things stand. */
import { interruptionOf } from '../core/message.js'
import type { Delivery, SourceGauges } from '../ports/source.js'
import { expect, expectEqual } from './comparing.js'
import {
  type Hand,
  type Law,
  type Trial,
  countOf,
  done,
  law,
  retry,
  sorted,
  textOf,
  texts
} from './source-trial.js'

export const tellingLaws: readonly Law[] = [
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
