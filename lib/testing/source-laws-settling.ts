/** Laws of settling: what is done is done, and what is not comes back. */
import { ack, nack } from '../core/outcome.js'
import type { Delivery } from '../ports/source.js'
import { expectEqual } from './comparing.js'
import { nothingLeft, nothingMore } from './source-left.js'
import { type Law, countOf, done, law, release, retry, texts } from './source-trial.js'

export const settlingLaws: readonly Law[] = [
  law('never brings back what is acked', ['redelivers'], async (trial) => {
    const { run, count } = trial
    const sent = texts(count(200, 1_000))
    const running = await run({ sent, options: { concurrency: 8 } })
    await running.until('all messages', () => running.starts.length >= sent.length, countOf(running))
    await nothingMore(trial, running, sent.length)
    await running.stop()
    await nothingLeft(trial)
  }),

  law('never brings back what was acked when it is opened again', ['keeps'], async (trial) => {
    const { run, count } = trial
    const sent = texts(count(200, 1_000))
    const first = await run({ sent, options: { concurrency: 8 } })
    await first.until('all messages', () => first.starts.length >= sent.length, countOf(first))
    await first.stop()
    const second = await run()
    await nothingMore(trial, second, 0)
  }),

  law('keeps what is acked right before it is stopped', ['keeps'], async (trial) => {
    const { run, count } = trial
    for (let time = 0; time < count(5, 50); time += 1) {
      let stop = (): void => undefined
      const running = await run({
        sent: [`m${time}`],
        handler: () => {
          stop()
          return ack
        }
      })
      stop = running.abort
      await running.until('the message', () => running.starts.length >= 1)
      expectEqual('what was acked', (await running.stop()).acked, 1)
      await nothingLeft(trial)
    }
    const after = await run()
    await nothingMore(trial, after, 0)
  }),

  law('settles in any order, each message by itself', ['redelivers', 'backlog'], async (trial) => {
    const { run, gate, quiet } = trial
    const sent = ['A', 'B', 'C', 'D', 'E']
    const gates = new Map(sent.map((text) => [text, gate()]))
    const running = await run({
      sent,
      options: { concurrency: 5 },
      handler: async (_, { text, time }) => {
        if (time === 1) await gates.get(text)?.wait()
        return text === 'C' && time === 1 ? nack() : ack
      }
    })
    await running.until('five at a time', () => running.inFlight() === 5)
    for (const text of ['E', 'B', 'C', 'A', 'D']) {
      gates.get(text)?.open()
      await quiet(10)
    }
    await running.until('C again', () => running.starts.length >= 6)
    await nothingMore(trial, running, 6)
    expectEqual(
      'what came twice',
      running.starts.filter(({ time }) => time > 1).map(({ text }) => text),
      ['C']
    )
    await running.stop()
    await nothingLeft(trial)
  }),

  law(
    'brings back what is released, and counts no delivery for it',
    ['redelivers'],
    async ({ open, quietMs }) => {
      const hand = await open({ sent: ['m'] })
      const counts: number[] = []
      for (const action of [release(false), release(true), retry(), release(true), release(false), done]) {
        const [delivery] = (await hand.take(1)) as readonly [Delivery]
        counts.push(delivery.message.deliveryCount)
        const isStarted = action._tag !== 'Release' || action.started
        if (isStarted) expectEqual('the start', await hand.start(delivery), 'ok')
        expectEqual('the answer', await hand.settle([delivery], action), ['ok'])
      }
      expectEqual('the delivery counts', counts, [1, 1, 1, 2, 2, 2])
      expectEqual('what comes after it is done', (await hand.takeFor(quietMs)).length, 0)
    }
  ),

  law('goes on after whatever is nacked', ['redelivers', 'backlog'], async (trial) => {
    const { run, count } = trial
    const [sent, nacks] = [texts(count(50, 500)), count(3, 10)]
    const running = await run({ sent, handler: (_, { time }) => (time <= nacks ? nack() : ack) })
    const all = sent.length * (nacks + 1)
    await running.until('all deliveries', () => running.starts.length >= all, countOf(running))
    expectEqual('the last ones', running.starts.filter(({ time }) => time === nacks + 1).length, sent.length)
    await nothingMore(trial, running, all)
  }),

  law(
    'ends once everything is done, and not before',
    ['ends'],
    async ({ run, broker, gate, promises, quiet }) => {
      if (broker.end === undefined) throw new Error('the bench promises an end, and its broker has none')
      const { wait, open } = gate()
      const isNacked = (text: string): boolean => promises.redelivers === true && text === 'm1'
      const running = await run({
        sent: texts(5),
        handler: async (_, { text, time }) => {
          if (text === 'm4') await wait()
          return isNacked(text) && time === 1 ? nack({ afterMs: 20 }) : ack
        }
      })
      await broker.end()
      await running.until('the last message', () => running.texts().includes('m4'))
      await quiet(50)
      expectEqual('messages in flight before the end', running.inFlight(), 1)
      open()
      const report = await running.ended()
      expectEqual('the end', report.ended, { _tag: 'Drained' })
      expectEqual('what was acked', report.acked, 5)
    }
  )
]
