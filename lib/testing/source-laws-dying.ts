/** Laws of dying: what a process held that is gone goes to another. */
import type { DeadLetter } from '../core/letter.js'
import { ack } from '../core/outcome.js'
import { expect, expectEqual } from './comparing.js'
import { pause } from './machine-clock.js'
import { acked } from './source-left.js'
import { type Law, type Running, countOf, law, sorted, texts } from './source-trial.js'

export const dyingLaws: readonly Law[] = [
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
  )
]

// helpers

const payloadOf = ({ bytes }: DeadLetter): string => new TextDecoder().decode(bytes)
