/** Laws of nacking: what is nacked comes back, as it was. */
import { ack, nack } from '../core/outcome.js'
import { expect, expectEqual } from './comparing.js'
import { clockMs } from './machine-clock.js'
import { nothingMore } from './source-left.js'
import { type Law, countOf, law, sorted, textOf, texts } from './source-trial.js'

export const nackingLaws: readonly Law[] = [
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
  )
]
