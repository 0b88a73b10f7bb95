/** Laws of giving: what is sent comes, as it was sent, and once. */
import { Buffer } from 'node:buffer'
import { ack, nack } from '../core/outcome.js'
import { expect, expectEqual } from './comparing.js'
import { turn } from './machine-clock.js'
import type { Sent } from './source-bench.js'
import { type Law, countOf, law, sorted, texts } from './source-trial.js'

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
  )
]

// helpers

const pieces = 100
const noBytes = new Uint8Array()

/** Bytes that look like nothing, and are the same each time. */
const noise = (seed: number, size: number): Uint8Array => {
  let state = (seed + 1) * 2_654_435_761
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  })
}
