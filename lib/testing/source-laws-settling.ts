/** Laws of settling: what is done is done, and what is not comes back. */
import { ack, nack } from '../core/outcome.js'
import type { Delivery } from '../ports/source.js'
import { expect, expectEqual } from './comparing.js'
import {
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

export const settlingLaws: readonly Law[] = [
  law(
    'brings back what is nacked, as one delivery more of the same message',
    ['redelivers'],
    async (trial) => {
      const sent = texts(trial.count(200, 1_000))
      const isNacked = (text: string): boolean => text.endsWith('3')
      const running = await trial.run({
        sent,
        options: { concurrency: 8 },
        handler: (_, { text, time }) => (isNacked(text) && time <= 2 ? nack() : ack)
      })
      const expected = [...sent, ...sent.filter(isNacked), ...sent.filter(isNacked)]
      await running.until('all deliveries', () => running.starts.length >= expected.length, countOf(running))
      await nothingMore(trial, running, expected.length)
      const report = await running.stop()
      expectEqual('the deliveries', sorted(running.texts()), sorted(expected))
      for (const { text, message, time } of running.starts)
        expectEqual(`the delivery count of ${text}`, message.deliveryCount, time)
      const names = new Set(
        running.starts.map(({ text, message: { id, source } }) => JSON.stringify([text, id, source]))
      )
      expectEqual('how many ids and sources there are', names.size, sent.length)
      expectEqual('what was acked', report.acked, sent.length)
    }
  ),

  law(
    'brings back headers unchanged, whatever a handler did to them',
    ['redelivers', 'headers'],
    async ({ run }) => {
      const headers = { tenant: 'a' }
      const seen: unknown[] = []
      const running = await run({
        sent: [{ bytes: new TextEncoder().encode('m'), headers }],
        handler: (message, { time }) => {
          seen.push([textOf(message), message.headers.tenant])
          try {
            Object.assign(message.headers, { tenant: 'changed' })
          } catch {
            // they cannot be changed at all
          }
          return time <= 2 ? nack() : ack
        }
      })
      await running.until('three deliveries', () => running.starts.length >= 3)
      expectEqual(
        'what came',
        seen,
        seen.map(() => ['m', 'a'])
      )
    }
  ),

  law(
    'brings back what is nacked not before its delay, and holds up nothing else',
    ['redelivers', 'delays'],
    async (trial) => {
      const delayMs = trial.count(200, 2_000)
      const nackedAt = new Map<string, number>()
      const running = await trial.run({
        sent: texts(30),
        options: { maxUnsettled: 4 },
        handler: (_, { text, time, at }) => {
          if (time > 1 || !text.endsWith('0')) return ack
          nackedAt.set(text, at)
          return nack({ afterMs: delayMs })
        }
      })
      await running.until('all deliveries', () => running.starts.length >= 33, countOf(running))
      const back = running.starts.filter(({ time }) => time === 2)
      for (const { text, at } of back) {
        const afterMs = at - (nackedAt.get(text) ?? at)
        expect(`${text} not before ${delayMs} ms`, afterMs >= delayMs - clockMs, `${afterMs} ms`)
      }
      expectEqual(
        'what came first',
        running.starts.slice(0, 30).filter(({ time }) => time > 1),
        []
      )
    }
  ),

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

// helpers

/** What the clocks of two may differ by when they are rounded. */
const clockMs = 5

const countOf = (running: Running) => (): string => `${running.starts.length} starts`

/** That what is done stays done: at once as the broker says, and when leases would have ended. */
export const nothingMore = async (
  { broker, quiet, quietPastLease }: Trial,
  running: Running,
  count: number
): Promise<void> => {
  await (broker.left === undefined ? quietPastLease() : quiet())
  expectEqual('what comes after everything is done', running.texts().slice(count), [])
  await nothingLeft({ broker })
}

export const nothingLeft = async ({ broker }: Pick<Trial, 'broker'>): Promise<void> => {
  if (broker.left !== undefined) expectEqual('what is left with the broker', await broker.left(), 0)
}
