/** Laws of breaking: processes die, brokers are restarted, connections are cut. */
import type { DeadLetter } from '../core/letter.js'
import { ack } from '../core/outcome.js'
import type { Delivery } from '../ports/source.js'
import { expect, expectEqual } from './comparing.js'
import { machineClock as clock, pause } from './machine-clock.js'
import {
  type Hand,
  type Law,
  type Running,
  type Trial,
  done,
  law,
  release,
  retry,
  sorted,
  textOf,
  texts
} from './source-trial.js'

export const breakingLaws: readonly Law[] = [
  law('gives to another what somebody held who is gone', ['leases', 'keeps', 'live'], async (trial) => {
    const { wait } = trial.gate()
    const sent = texts(20)
    const first = await trial.run({
      sent,
      options: { concurrency: 4 },
      handler: async (_, { text }) => {
        if (Number(text.slice(1)) >= 4) await wait()
        return ack
      }
    })
    await first.until(
      '4 to be held',
      () => first.inFlight() === 4 && first.starts.length >= 8,
      countOf(first)
    )
    await acked(trial, 4)
    first.kill()
    const second = await trial.run()
    await second.until('what the first one held', () => second.starts.length >= 16, countOf(second))
    expectEqual('the messages', sorted([...new Set(second.texts())]), sorted(sent.slice(4)))
  }),

  law('loses nothing when processes die again and again', ['leases', 'keeps', 'live'], async (trial) => {
    const kills = trial.count(3, 20)
    const sent = texts(trial.count(200, 10_000))
    await trial.send(sent)
    const all = new Set<string>()
    for (let time = 0; time <= kills; time += 1) {
      const running = await trial.run({
        options: { concurrency: 8, maxUnsettled: 16 },
        handler: async () => {
          await pause()
          return ack
        }
      })
      const wanted = time === kills ? sent.length : (sent.length * (time + 1)) / (kills + 1)
      const seen = () => new Set([...all, ...running.texts()]).size
      await running.until('more messages', () => seen() >= wanted, seen)
      if (time === kills) await running.stop()
      else running.kill()
      for (const text of running.texts()) all.add(text)
    }
    // That nothing comes again which was answered for as done is watched all the time.
    expectEqual('the messages', sorted([...all]), sorted(sent))
  }),

  law(
    'counts what a dying process had started, so that it ends with the queue, and alone',
    ['leases', 'keeps', 'live', 'countsStarts'],
    async (trial) => {
      const sent = ['poison', ...texts(10)]
      const seen: [string, number][] = []
      const runs: Running[] = []
      const letters = () => runs.flatMap((running) => running.letters)
      await trial.send(sent)
      for (let lives = 0; letters().length === 0 && lives < 8; lives += 1) {
        let isPoisoned = false
        const running = await trial.run({
          maxDeliveries: 3,
          options: { maxUnsettled: 8 },
          handler: async ({ deliveryCount }, { text }) => {
            seen.push([text, deliveryCount])
            if (text !== 'poison') return ack
            isPoisoned = true
            await trial.gate().wait()
            return ack
          }
        })
        runs.push(running)
        const isOver = () =>
          new Set([...seen.map(([text]) => text), ...letters().map(payloadOf)]).size === sent.length
        await running.until(
          'the poison, or all others and its letter',
          () => isPoisoned || (letters().length > 0 && isOver()),
          () => seen
        )
        if (isPoisoned) running.kill()
        else await running.stop()
      }
      expectEqual(
        'the letters',
        letters().map((letter) => [payloadOf(letter), letter.failure._tag]),
        [['poison', 'TooManyDeliveries']]
      )
      const counts = seen.flatMap(([text, count]) => (text === 'poison' ? [count] : []))
      expectEqual('the delivery counts of the poison', counts, [1, 2, 3])
      const others = seen.filter(([text]) => text !== 'poison')
      expectEqual('the others', sorted([...new Set(others.map(([text]) => text))]), sorted(texts(10)))
      // Being read may count once, where it costs a question less; being read again and again may not.
      expect(
        'delivery counts of the others that do not grow with each death',
        others.every(([, count]) => count <= 2),
        others
      )
    }
  ),

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
      const { leaseMs = 0 } = late.source.traits
      const takenAt = clock.monotonic()
      const [started, kept, ...others] = (await late.take(6)) as [Delivery, Delivery, ...Delivery[]]
      await late.start(started)
      await late.start(kept)
      const hand = await trial.open()
      const held = await keptMeanwhile(trial, late, kept, hand.take(5))
      const lost = [started, ...others]
      expectEqual('the messages', textsOf(held), textsOf(lost))
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
          'ok'
        ])
      }
      const mixed = await late.settleEach([
        [started, done],
        [kept, done]
      ])
      expectEqual('the answers about what is lost and what is not', mixed, ['lost', 'ok'])
      expectEqual('what comes meanwhile', (await hand.takeFor(trial.quietMs)).length, 0)
      // One after the other, as those are started that may have killed a process.
      for (const each of held)
        expectEqual('the answer to who has it', await hand.settle([each], done), ['ok'])
      expectEqual('what comes of it', (await hand.takeFor(trial.quietMs)).length, 0)
    }
  ),

  law('goes on by itself after a restart of the broker', ['restarts', 'live'], (trial) =>
    goesOn(trial, trial.broker.restart, 'restarts')
  ),

  law('loses nothing in restarts of the broker', ['restarts', 'keeps', 'live'], (trial) =>
    losesNothing(trial, trial.broker.restart, 'restarts')
  ),

  law('goes on by itself after its connections are cut', ['cuts', 'live'], (trial) =>
    goesOn(trial, trial.broker.cut, 'cuts')
  ),

  law('loses nothing when its connections are cut', ['cuts', 'keeps', 'live'], (trial) =>
    losesNothing(trial, trial.broker.cut, 'cuts')
  ),

  law('goes on by itself after its connections have gone silent', ['stalls', 'live'], (trial) =>
    goesOn(trial, trial.broker.stall, 'stalls')
  ),

  law('loses nothing when its connections go silent', ['stalls', 'keeps', 'live'], (trial) =>
    losesNothing(trial, trial.broker.stall, 'stalls')
  )
]

// helpers

const payloadOf = ({ bytes }: DeadLetter): string => new TextDecoder().decode(bytes)

type Fault = (() => Promise<void>) | undefined

const countOf = (running: Running) => (): string => `${running.starts.length} starts`

/** Waits until so many messages are done for good. */
const acked = ({ watch, until }: Trial, count: number): Promise<void> =>
  until(
    `${count} messages to be done`,
    () =>
      watch.settled.filter(({ action, answer }) => action._tag === 'Done' && answer === 'ok').length >= count,
    () => watch.settled.length
  )

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

const faultOf = (fault: Fault, name: string): (() => Promise<void>) => {
  if (fault === undefined) throw new Error(`the bench promises ${name}, and its broker cannot make one`)
  return fault
}

/** What is sent meanwhile may be lost; what is sent once it is back may not. */
const goesOn = async (trial: Trial, fault: Fault, name: string): Promise<void> => {
  const running = await trial.run({ sent: ['before'] })
  await running.until('a message before', () => running.texts().includes('before'))
  await faultOf(fault, name)()
  const startedAt = clock.monotonic()
  let probes = 0
  while (!running.texts().some((text) => text.startsWith('probe'))) {
    const afterMs = clock.monotonic() - startedAt
    expect(`a message within ${trial.recoverMs} ms`, afterMs < trial.recoverMs, running.events)
    await trial.send([`probe${(probes += 1)}`]).catch(() => undefined)
    await trial.quiet(50)
  }
  await trial.send(['after'])
  await running.until('a message after', () => running.texts().includes('after'))
}

const losesNothing = async (trial: Trial, fault: Fault, name: string): Promise<void> => {
  const sent = texts(trial.count(300, 10_000))
  const running = await trial.run({
    sent,
    options: { concurrency: 8, maxUnsettled: 32 },
    handler: async () => {
      await pause()
      return ack
    }
  })
  const given = () => new Set(running.texts()).size
  for (const part of [1 / 3, 1 / 2]) {
    await running.until('a part of the messages', () => given() >= sent.length * part, given)
    await faultOf(fault, name)()
  }
  const startedAt = clock.monotonic()
  while (given() < sent.length && clock.monotonic() - startedAt < trial.recoverMs) await trial.quiet(10)
  await running.until('all messages', () => given() >= sent.length, given)
  // An answer may get lost for good though what was asked for was done: then the broker knows.
  if (trial.broker.left === undefined) await acked(trial, sent.length)
  await doneForGood(trial)
  expectEqual('the messages', sorted([...new Set(running.texts())]), sorted(sent))
}

/** That what was answered for as done does not come again is watched all the time. */
const doneForGood = async ({ broker, until, quietPastLease }: Trial): Promise<void> => {
  const { left } = broker
  if (left === undefined) return quietPastLease()
  let count = 0
  await until(
    'nothing to be left with the broker',
    async () => (count = await left()) === 0,
    () => `${count} messages`
  )
}
