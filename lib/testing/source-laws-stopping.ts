/** Laws of stopping, and of not being given more than can be handled. */
import { interruptionOf } from '../core/message.js'
import { ack } from '../core/outcome.js'
import { expect, expectEqual } from './comparing.js'
import { machineClock as clock, pause } from './machine-clock.js'
import { nothingMore } from './source-left.js'
import { type Law, countOf, law, sorted, texts } from './source-trial.js'

export const stoppingLaws: readonly Law[] = [
  law('gives nothing more while nothing is done, and goes on then', ['backlog'], async (trial) => {
    const { wait, open } = trial.gate()
    const sent = texts(trial.count(40, 400))
    const held = sent.length / 4
    const running = await trial.run({
      sent,
      options: { concurrency: held, maxUnsettled: held },
      handler: async () => {
        await wait()
        return ack
      }
    })
    await running.until('as many as may be unsettled', () => running.starts.length >= held, countOf(running))
    await trial.quiet(trial.count(250, 5_000))
    expectEqual('how many were given while nothing was done', running.starts.length, held)
    open()
    await running.until('all messages', () => running.starts.length >= sent.length, countOf(running))
    expectEqual('the messages', sorted(running.texts()), sorted(sent))
    expectEqual('how many ran at a time', running.maxInFlight(), held)
  }),

  law('ends soon when it is stopped while there is nothing', ['live'], async ({ run }) => {
    const running = await run({ sent: ['m'] })
    await running.until('the message', () => running.starts.length >= 1)
    const startedAt = clock.monotonic()
    const report = await running.stop()
    expect('an end within 2 s', clock.monotonic() - startedAt < 2_000, report)
    expectEqual('the end', report.ended, { _tag: 'Aborted' })
  }),

  law('finishes what runs when it is stopped, and starts nothing more', ['backlog'], async (trial) => {
    const { wait, open } = trial.gate()
    const sent = texts(trial.count(64, 640))
    const first = await trial.run({
      sent,
      options: { concurrency: 16 },
      handler: async () => {
        await wait()
        return ack
      }
    })
    await first.until('16 at a time', () => first.inFlight() === 16)
    first.abort()
    await trial.quiet(20)
    open()
    const report = await first.stop()
    expectEqual('started and acked', [first.starts.length, report.acked], [16, 16])
    expectEqual(
      'the signals of what ran',
      first.starts.filter(({ message }) => message.signal.aborted).length,
      0
    )
    if (trial.promises.keeps !== true) return
    const second = await trial.run({ options: { concurrency: 16 } })
    await second.until('the rest', () => second.starts.length >= sent.length - 16, countOf(second))
    await nothingMore(trial, second, sent.length - 16)
    expectEqual('the messages', sorted([...first.texts(), ...second.texts()]), sorted(sent))
    const counts = new Set(second.starts.map(({ message }) => message.deliveryCount))
    expectEqual('the delivery counts of what was not started before', [...counts], [1])
  }),

  law('gives up a handler that does not end when it is stopped, and keeps its message', [], async (trial) => {
    const { wait } = trial.gate()
    const first = await trial.run({
      sent: ['m'],
      options: { drainMs: 50, graceMs: 50 },
      handler: async () => {
        await wait()
        return ack
      }
    })
    await first.until('the message', () => first.inFlight() === 1)
    const report = await first.stop()
    const { message } = first.starts[0] ?? {}
    expectEqual('why its signal aborted', message && interruptionOf(message), 'shutdown')
    expectEqual('released and acked', [report.released, report.acked], [1, 0])
    if (trial.promises.keeps !== true) return
    const second = await trial.run()
    await second.until('the message', () => second.starts.length >= 1)
    expectEqual('its delivery count', second.starts[0]?.message.deliveryCount, 1)
  }),

  law(
    'loses nothing, and repeats nothing, when it is stopped and opened again and again',
    ['keeps'],
    async (trial) => {
      const sent = texts(trial.count(300, 5_000))
      const all: string[] = []
      for (let time = 0; all.length < sent.length && time < 40; time += 1) {
        const wanted = Math.min(all.length + sent.length / trial.count(5, 20), sent.length)
        const running = await trial.run({
          ...(time === 0 && { sent }),
          options: { concurrency: 4 },
          handler: async () => {
            await pause()
            return ack
          }
        })
        await running.until(
          'some more messages',
          () => all.length + running.starts.length >= wanted,
          countOf(running)
        )
        await running.stop()
        all.push(...running.texts())
      }
      expectEqual('the messages', sorted(all), sorted(sent))
    }
  )
]
