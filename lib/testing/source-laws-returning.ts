/** Laws of coming back: each message after its own delay, and across closing; and of keeping what is renewed. */
import { Buffer } from 'node:buffer'
import type { Delivery } from '../ports/source.js'
import { expect, expectEqual } from './comparing.js'
import { clockMs, machineClock as clock } from './machine-clock.js'
import type { Sent } from './source-bench.js'
import { nothingLeft } from './source-left.js'
import { type Hand, type Law, type Trial, done, law, retry, sorted, textOf, texts } from './source-trial.js'

export const returningLaws: readonly Law[] = [
  law(
    'brings back each of a batch after its own delay, every time it is nacked',
    ['redelivers', 'delays'],
    async ({ open, count }) => {
      const hand = await open({ sent: texts(3) })
      let taken = await hand.take(3)
      for (const [time, delays] of rounds.entries()) {
        const delayOf = delaysBy(delays.map((ms) => ms * count(1, 5)))
        const nackedAt = clock.monotonic()
        expectEqual('the answers', await hand.settleEach(taken.map((each) => [each, retry(delayOf(each))])), [
          'ok',
          'ok',
          'ok'
        ])
        taken = await hand.take(3)
        for (const each of taken) notBefore(hand, each, nackedAt, delayOf(each))
        const counts = new Set(taken.map(({ message }) => message.deliveryCount))
        expectEqual('the delivery counts', [...counts], [time + 2])
      }
      await hand.settle(taken, done)
    }
  ),

  law(
    'keeps what was nacked and what was held, as it was, when it is closed and opened again',
    ['redelivers', 'delays', 'keeps'],
    async (trial) => {
      const first = await trial.open({ sent: kept.map(withHeaders) })
      const before = byText(await first.take(kept.length))
      const one = (text: string): Delivery => before.get(text) as Delivery
      await first.settle([one('nacked twice'), one('nacked and done')], retry())
      const again = byText(await first.take(2))
      const delays: Readonly<Record<string, number>> = {
        nacked: trial.count(100, 1_000),
        'nacked twice': trial.count(250, 2_500),
        'nacked for long': trial.count(400, 4_000)
      }
      const delayOf = (text: string): number => delays[text] ?? 0
      const nackedAt = clock.monotonic()
      const answers = await first.settleEach([
        [one('nacked'), retry(delayOf('nacked'))],
        [one('nacked for long'), retry(delayOf('nacked for long'))],
        [again.get('nacked twice') as Delivery, retry(delayOf('nacked twice'))],
        [again.get('nacked and done') as Delivery, done],
        [one('done'), done]
      ])
      expectEqual('the answers', answers, Array(5).fill('ok'))
      await first.start(one('started'))
      await first.close()

      const second = await trial.open()
      const after = byText(await second.take(kept.length - 2))
      const names = kept.filter((text) => !text.endsWith('done'))
      expectEqual('what comes again', sorted([...after.keys()]), sorted(names))
      for (const [text, delivery] of after) {
        expectEqual(`${text}: what came again`, saidOf(delivery), saidOf(one(text)))
        // What a source holds in memory until its delay is over is given back with its connection.
        if (first.source.traits.delay !== 'hold') notBefore(second, delivery, nackedAt, delayOf(text))
      }
      expectEqual(
        'the delivery counts of what was nacked',
        Object.keys(delays).map((text) => after.get(text)?.message.deliveryCount),
        [2, 3, 2]
      )
      for (const text of ['held', 'started']) {
        const { deliveryCount } = (after.get(text) as Delivery).message
        expect(`${text}: one delivery more at most`, deliveryCount >= 1 && deliveryCount <= 2, deliveryCount)
      }
      await second.settle([...after.values()], done)
      expectEqual('what comes after it is done', (await second.takeFor(trial.quietMs)).length, 0)
      await nothingLeft(trial)
    }
  ),

  law('renews each of many that it is asked to renew', ['leases', 'keeps'], async (trial) => {
    const sent = texts(trial.count(20, 1_000))
    const hand = await trial.open({ sent, doesRenew: false })
    const taken = await hand.take(sent.length)
    const { leaseMs = 0 } = hand.source.traits
    const lapsed = await lapsing(trial, hand, leaseMs * leases)
    for (let time = 0; time < leases * 3; time += 1) {
      await trial.quiet(leaseMs / 3)
      const answers = (await hand.source.renew?.(taken)()) ?? []
      expectEqual('the answers', [...new Set(answers)], ['ok'])
    }
    expectEqual('what another was given meanwhile', (await lapsed()).map(nameOf), [])
    expectEqual('the answers when it is done', [...new Set(await hand.settle(taken, done))], ['ok'])
  })
]

// helpers

const leases = 3

/** How long each of a batch is to wait, time after time: no one delay does for all, and none is round. */
const rounds: readonly (readonly [number, number, number])[] = [
  [599, 0, 199],
  [0, 299, 0]
]

const delaysBy =
  (delays: readonly number[]) =>
  (delivery: Delivery): number =>
    delays[Number(textOf(delivery.message).slice(1))] ?? 0

const notBefore = (hand: Hand, delivery: Delivery, nackedAt: number, delayMs: number): void => {
  const afterMs = hand.givenAt(delivery) - nackedAt
  expect(
    `${textOf(delivery.message)} not before ${delayMs} ms`,
    afterMs >= delayMs - clockMs,
    `${afterMs} ms`
  )
}

const kept = [
  'nacked',
  'nacked twice',
  'nacked for long',
  'held',
  'started',
  'done',
  'nacked and done'
] as const

const withHeaders = (text: string): Sent => ({ bytes: Buffer.from(text), headers: { tenant: text } })

const byText = (deliveries: readonly Delivery[]): ReadonlyMap<string, Delivery> =>
  new Map(deliveries.map((delivery) => [textOf(delivery.message), delivery]))

/** What is the same each time that a message is given. */
const saidOf = ({ message: { id, source, headers, bytes } }: Delivery) => ({
  id,
  source,
  tenant: Object.entries(headers).find(([name]) => name.toLowerCase() === 'tenant')?.[1],
  bytes
})

const nameOf = ({ message }: Delivery): string => textOf(message)

/** What comes meanwhile to another, or, where nobody shares, to who holds it. */
const lapsing = async (
  { open, promises }: Trial,
  hand: Hand,
  ms: number
): Promise<() => Promise<readonly Delivery[]>> => {
  const other = promises.shares === true ? await open() : hand
  const taking = other.takeFor(ms)
  return () => taking
}
