/** Laws of leases: a message is theirs who renew it, and nobody takes it from them. */
import { ack } from '../core/outcome.js'
import type { Delivery } from '../ports/source.js'
import { expect, expectEqual } from './comparing.js'
import { machineClock as clock } from './machine-clock.js'
import {
  type Hand,
  type Law,
  type Trial,
  done,
  law,
  release,
  retry,
  sorted,
  textOf,
  texts
} from './source-trial.js'

export const leasingLaws: readonly Law[] = [
  law(
    'keeps a message for whoever renews its lease, however long that takes',
    ['leases', 'keeps', 'live', 'shares'],
    async (trial) => {
      const { wait, open } = trial.gate()
      const holding = await trial.run({
        sent: ['m'],
        handler: async () => {
          await wait()
          return ack
        }
      })
      await holding.until('the message', () => holding.starts.length >= 1)
      const other = await trial.run()
      await trial.quiet((await leaseOf(trial)) * trial.count(3, 10))
      expectEqual('what the other was given meanwhile', other.texts(), [])
      open()
      expectEqual('what was acked', (await holding.stop()).acked, 1)
      await trial.quiet()
      expectEqual('what the other was given after that', other.texts(), [])
    }
  ),

  law(
    'takes nothing from whoever has a message by now',
    ['leases', 'keeps', 'live', 'shares'],
    async (trial) => {
      const late = await trial.open({ sent: texts(6), doesRenew: false })
      const { leaseMs = 0, exclusive } = late.source.traits
      const takenAt = clock.monotonic()
      const [started, kept, ...others] = (await late.take(6)) as [Delivery, Delivery, ...Delivery[]]
      await late.start(started)
      await late.start(kept)
      const hand = await trial.open()
      // Who has messages alone may have one lease for all of them: renewed for one, it is renewed for all.
      const held = await (exclusive ? hand.take(6) : keptMeanwhile(trial, late, kept, hand.take(5)))
      const ofKept = exclusive ? 'lost' : 'ok'
      const lost = [started, ...others]
      expectEqual('the messages', textsOf(held), textsOf(exclusive ? [kept, ...lost] : lost))
      for (const each of held) {
        const afterMs = hand.givenAt(each) - takenAt
        expect(
          `${textOf(each.message)} not within a lease of ${leaseMs} ms`,
          afterMs >= leaseMs * 0.9,
          afterMs
        )
      }
      for (const each of others) {
        const asking = late.source.start?.(each)
        if (asking !== undefined) expectEqual('the answer to a late start', await asking(), 'lost')
      }
      for (const [index, action] of [retry(), release(true), release(false), done].entries()) {
        const each = others[index] as Delivery
        const answers = await late.settleEach([
          [each, action],
          [started, action]
        ])
        expectEqual(`the answers to a late ${action._tag}`, answers, ['lost', 'lost'])
      }
      if (late.source.renew !== undefined) {
        const answers = await late.source.renew([...lost, kept])()
        expectEqual('the answers to who renews too late, and one in time', answers, [
          ...lost.map(() => 'lost'),
          ofKept
        ])
      }
      const mixed = await late.settleEach([
        [started, done],
        [kept, done]
      ])
      expectEqual('the answers about what is lost and what is not', mixed, ['lost', ofKept])
      expectEqual('what comes meanwhile', (await hand.takeFor(trial.quietMs)).length, 0)
      // One after the other, as those are started that may have killed a process.
      for (const each of held)
        expectEqual('the answer to who has it', await hand.settle([each], done), ['ok'])
      expectEqual('what comes of it', (await hand.takeFor(trial.quietMs)).length, 0)
    }
  )
]

// helpers

/** Renews a delivery for so long as something else is waited for. */
const keptMeanwhile = async <A>(
  { quiet }: Trial,
  { source }: Hand,
  delivery: Delivery,
  waited: Promise<A>
): Promise<A> => {
  let isOver = false
  const over = (): void => void (isOver = true)
  waited.then(over, over)
  while (!isOver) {
    await source.renew?.([delivery])()
    await quiet((source.traits.leaseMs ?? 0) / 4)
  }
  return waited
}

const textsOf = (deliveries: readonly Delivery[]): readonly string[] =>
  sorted(deliveries.map(({ message }) => textOf(message)))

const leaseOf = async (trial: Trial): Promise<number> => {
  const hand = await trial.open()
  const { leaseMs = 0 } = hand.source.traits
  await hand.close()
  return leaseMs
}
