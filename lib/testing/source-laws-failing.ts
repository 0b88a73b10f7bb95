/** Laws of failing: whatever handlers, hooks, formats and the queue do, each message is kept or done. */
import { Buffer } from 'node:buffer'
import { pipe } from 'fp-ts/lib/function.js'
import { withDlq } from '../core/dlq.js'
import { rejected } from '../core/failure.js'
import { bytes, json } from '../core/format.js'
import { handle } from '../core/handle.js'
import type { Message } from '../core/message.js'
import { type Verdict, ack, failed } from '../core/outcome.js'
import { hook, receive } from '../core/pipeline.js'
import { left, right } from '../core/result.js'
import { otherwise } from '../matchers/route.js'
import { expect, expectEqual } from './comparing.js'
import { machineClock as clock } from './machine-clock.js'
import type { Sent } from './source-bench.js'
import { nothingLeft } from './source-left.js'
import { type Law, law, sorted, textOf, texts } from './source-trial.js'

export const failingLaws: readonly Law[] = [
  law('loses nothing that throws, whatever and however: each is a letter, once', [], async (trial) => {
    const ways: readonly (() => Promise<Verdict>)[] = [
      async () => Promise.reject(new Error('busy')),
      async () => {
        throw 'no error'
      },
      () => {
        throw new Error('not even a promise')
      },
      () => {
        throw undefined
      }
    ]
    const sent = texts(trial.count(40, 400))
    const running = await trial.run({
      sent,
      options: { concurrency: 4 },
      handler: (_, { text }) => ways[Number(text.slice(1)) % ways.length]?.() ?? ack
    })
    await running.until(
      'all letters',
      () => running.letters.length >= sent.length,
      () => running.letters.length
    )
    const report = await running.stop()
    expectEqual('the letters', sorted(running.letters.map(payloadOf)), sorted(sent))
    expectEqual('the failures', [...new Set(running.letters.map(({ failure }) => failure._tag))], ['Defect'])
    expectEqual('dead-lettered', report.deadLettered, sent.length)
    await nothingLeft(trial)
  }),

  law('is not told that a message is done while its letter cannot be stored', [], async (trial) => {
    const sent = texts(trial.count(20, 100))
    let refusals = 0
    let isBack = false
    const running = await trial.run({
      sent,
      options: { concurrency: 4 },
      handler: () => failed(rejected('unknown-customer')),
      put: () => async () => {
        if (isBack) return right(undefined)
        refusals += 1
        return left({ reason: 'no disk' })
      }
    })
    await running.until(
      'the queue to be asked again',
      () => refusals >= 4,
      () => refusals
    )
    const isDone = () => trial.watch.settled.filter(({ action }) => action._tag === 'Done').length
    expectEqual('what is done meanwhile', isDone(), 0)
    isBack = true
    await running.until(
      'all letters',
      () => running.letters.length >= sent.length,
      () => running.letters.length
    )
    const report = await running.stop()
    expectEqual('the letters', sorted(running.letters.map(payloadOf)), sorted(sent))
    expectEqual('how often handlers were started', running.starts.length, sent.length)
    expectEqual('dead-lettered', report.deadLettered, sent.length)
    await nothingLeft(trial)
  }),

  law('goes on after hooks that fail, and each hook is released once', [], async (trial) => {
    const sent = texts(trial.count(20, 200))
    const log = new Map<string, string[]>()
    const note = (message: Message, what: string): void =>
      void log.set(textOf(message), [...(log.get(textOf(message)) ?? []), what])
    /** Which of four things goes wrong with this message; none with every fifth. */
    const wrongOf = (message: Message): number => Number(textOf(message).slice(1)) % 5
    const running = await trial.run({
      sent,
      options: { concurrency: 4 },
      processor: (dlq) =>
        pipe(
          receive(bytes),
          hook(
            'outer',
            async ({ message }) => message,
            async (message, outcome) => note(message, `outer ${outcome._tag}`)
          ),
          hook(
            'inner',
            ({ message }) => {
              if (wrongOf(message) === 1) throw new Error('no connection')
              return async () => (wrongOf(message) === 2 ? left(rejected('no-tenant')) : right(message))
            },
            async (message, outcome) => {
              note(message, `inner ${outcome._tag}`)
              if (wrongOf(message) === 3) throw new Error('cannot commit')
            }
          ),
          handle(
            otherwise(async (message) => {
              if (wrongOf(message) === 4) throw new Error('busy')
              return ack
            })
          ),
          withDlq(dlq, clock)
        )
    })
    const expected = [
      ['inner Acked', 'outer Acked'],
      ['outer Failed'],
      ['outer Failed'],
      ['inner Acked', 'outer Failed'],
      ['inner Failed', 'outer Failed']
    ]
    const isOver = (): boolean =>
      Array.from(log.values()).filter((lines) => lines.at(-1)?.startsWith('outer')).length >= sent.length
    await running.until('all messages', isOver, () => log.size)
    const report = await running.stop()
    for (const [text, lines] of log)
      expectEqual(`the hooks of ${text}`, lines, expected[Number(text.slice(1)) % 5])
    expectEqual(
      'acked and dead-lettered',
      [report.acked, report.deadLettered],
      [sent.length / 5, (sent.length / 5) * 4]
    )
    const tags = running.letters.map(({ failure }) => failure._tag).toSorted()
    const each = ['Defect', 'HookFailed', 'HookFailed', 'Rejected']
    expectEqual(
      'the failures',
      tags,
      each.flatMap((tag) => Array(sent.length / 5).fill(tag))
    )
    await nothingLeft(trial)
  }),

  law('goes on after what cannot be decoded, of which a letter has the bytes', [], async (trial) => {
    const bad: readonly Uint8Array[] = [
      Buffer.from('{"total":'),
      Buffer.from('Hello'),
      ...(trial.promises.anyBytes === true ? [Uint8Array.from([0xff, 0]), Uint8Array.from([0, 0])] : [])
    ]
    const good = texts(10).map((text): Sent => ({ bytes: Buffer.from(JSON.stringify(text)) }))
    const handled: unknown[] = []
    const running = await trial.run({
      sent: [...good.slice(0, 5), ...bad.map((bytes) => ({ bytes })), ...good.slice(5)],
      processor: (dlq) =>
        pipe(
          receive(json),
          handle(
            otherwise(async ({ body }) => {
              handled.push(body)
              return ack
            })
          ),
          withDlq(dlq, clock)
        )
    })
    await running.until('all messages', () => handled.length >= 10 && running.letters.length >= bad.length)
    await running.stop()
    expectEqual('what was handled', sorted(handled as readonly string[]), sorted(texts(10)))
    const hex = (all: readonly Uint8Array[]) =>
      all.map((each) => Buffer.from(each).toString('hex')).toSorted()
    expectEqual('the letters', hex(running.letters.map((letter) => letter.bytes)), hex(bad))
    expect(
      'letters that say Malformed',
      running.letters.every(({ failure }) => failure._tag === 'Malformed'),
      running.letters
    )
    await nothingLeft(trial)
  })
]

// helpers

const payloadOf = (letter: { readonly bytes: Uint8Array }): string => Buffer.from(letter.bytes).toString()
