/** Laws of pulling, and of settling beside it: what the loop counts on. */
import { getEventListeners } from 'node:events'
import { ack, nack, released } from '../core/outcome.js'
import type { Delivery, Pulled } from '../ports/source.js'
import { broken, expect, expectEqual, shown } from './comparing.js'
import { ending } from './deadline.js'
import { turn } from './machine-clock.js'
import { type Hand, type Law, done, law, release, retry, sorted, textOf, texts } from './source-trial.js'

export const pullingLaws: readonly Law[] = [
  law('never answers with more than it was asked for', [], async ({ open, count }) => {
    const sent = texts(count(60, 600))
    const hand = await open({ sent })
    const taken = [...(await hand.take(1)), ...(await hand.take(2)), ...(await hand.take(sent.length - 3))]
    expectEqual('the messages', sorted(taken.map(({ message }) => textOf(message))), sorted(sent))
    await hand.settle(taken, done)
  }),

  law('waits while there is nothing, instead of answering again and again', ['live'], async (trial) => {
    // Longer than the second that many poll for, and then end.
    const idleMs = trial.count(1_200, 6_000)
    const hand = await trial.open()
    const taken: Delivery[] = []
    const stopping = new AbortController()
    let answers = 0
    const pulling = async (): Promise<void> => {
      while (!stopping.signal.aborted) {
        const pulled = await hand.source.pull(8, stopping.signal)()
        if (pulled._tag === 'Left' || pulled.right._tag === 'End')
          return broken(`pull: it waited for nothing, and answered ${shown(pulled)}`)
        taken.push(...pulled.right.items)
        answers += 1
        await turn()
      }
    }
    const pulled = pulling()
    pulled.catch(() => undefined)
    try {
      await trial.quiet(idleMs)
      expect(`few answers in ${idleMs} ms`, answers <= 10 + idleMs / 20, answers)
      await trial.send(['m'])
      await trial.until('the message', () => taken.length > 0)
    } finally {
      stopping.abort()
      await pulled
    }
    expectEqual('the messages', named(taken), ['m 1'])
    await hand.settle(taken, done)
  }),

  law('answers at once when a pull is aborted', ['live'], async ({ open, quiet }) => {
    const hand = await open()
    for (const waitMs of [0, 1, 20]) {
      const stopping = new AbortController()
      const pulling = hand.source.pull(8, stopping.signal)()
      await quiet(waitMs)
      stopping.abort()
      await answered(pulling, () => quiet(atOnceMs))
    }
    const stopped = new AbortController()
    stopped.abort()
    await answered(hand.source.pull(8, stopped.signal)(), () => quiet(atOnceMs))
  }),

  law('leaves nothing on the signal of its pulls, which is one for the whole run', [], async (trial) => {
    const sent = texts(40)
    const hand = await trial.open({ sent })
    const stopping = ending()
    const { signal } = stopping
    const taken: Delivery[] = []
    const pulling = async (): Promise<void> => {
      while (taken.length < sent.length && !signal.aborted) {
        taken.push(...itemsOf(await hand.source.pull(1, signal)()))
        await turn()
      }
    }
    try {
      await trial.soon(`${sent.length} deliveries, pulled one by one`, pulling())
      const listeners = getEventListeners(signal, 'abort').length
      expect('10 listeners or fewer after 40 pulls', listeners <= 10, listeners)
    } finally {
      stopping.abort()
    }
    await hand.settle(taken, done)
  }),

  law('gives back what an aborted pull took', ['live'], async ({ open, send, quiet, count, promises }) => {
    const hand = await open()
    const sent = texts(count(40, 400))
    const taken: Delivery[] = []
    for (const [index, text] of sent.entries()) {
      const stopping = new AbortController()
      const pulling = hand.source.pull(8, stopping.signal)()
      const sending = send([text])
      // Now before, now after, and now while the message is on its way.
      if (index % 4 === 1) await quiet(index % 3)
      if (index % 4 === 2) await sending
      if (index % 4 === 3) await turn()
      stopping.abort()
      taken.push(...itemsOf(await pulling))
      await sending
    }
    const seen = new Set(taken.map(({ message }) => textOf(message)))
    taken.push(...(await hand.take(sent.length - seen.size)))
    expectEqual('the messages', sorted(taken.map(({ message }) => textOf(message))), sorted(sent))
    const counts = new Set(taken.map(({ message }) => message.deliveryCount))
    if (promises.redelivers === true) expectEqual('the delivery counts', [...counts], [1])
    await hand.settle(taken, done)
  }),

  law(
    'answers for each settlement in its place, and beside a pull that waits',
    ['redelivers'],
    async (trial) => {
      const hand = await trial.open({ sent: texts(8) })
      const taken = await hand.take(8)
      const stopping = new AbortController()
      const pulling = hand.source.pull(8, stopping.signal)()
      expectEqual('the answers', await hand.settle(taken.slice(0, 5), done), Array(5).fill('ok'))
      const [one, two, three] = taken.slice(5) as [Delivery, Delivery, Delivery]
      for (const each of [two, three]) expectEqual('the start', await hand.start(each), 'ok')
      const { settle } = hand.source
      const answers = await settle?.([
        { delivery: one, outcome: released('shutdown'), action: release(false) },
        { delivery: two, outcome: ack, action: done },
        { delivery: three, outcome: nack(), action: retry() }
      ])()
      expectEqual('the answers', answers, ['ok', 'ok', 'ok'])
      expectEqual('the answers about nothing', await settle?.([])(), [])
      stopping.abort()
      const back = [...itemsOf(await pulling)]
      if (back.length < 2) back.push(...(await hand.take(2 - back.length)))
      expectEqual('what comes of it', sorted(named(back)), [
        `${textOf(one.message)} 1`,
        `${textOf(three.message)} 2`
      ])
      await hand.settle(back, done)
    }
  ),

  law(
    'rejects nothing that is settled twice, and changes nothing for it',
    ['redelivers'],
    async ({ open, quietMs }) => {
      const hand = await open({ sent: ['m0', 'm1'] })
      const [one, other] = (await hand.take(2)) as readonly [Delivery, Delivery]
      await hand.settle([one], done)
      for (const action of [done, retry(), release(true), release(false)]) await hand.settle([one], action)
      expectEqual('what comes of it', named(await hand.takeFor(quietMs)), [])
      await hand.settle([other], retry())
      await hand.settle([other], retry())
      const again = [...(await hand.take(1)), ...(await hand.takeFor(quietMs))]
      expectEqual('what comes of it', named(again), ['m1 2'])
      await hand.settle(again, done)
    }
  )
]

// helpers

/** Far more than an answer takes, and less than anybody waits for on purpose. */
const atOnceMs = 900

const itemsOf = (pulled: Awaited<ReturnType<ReturnType<Hand['source']['pull']>>>): readonly Delivery[] => {
  if (pulled._tag === 'Left') return broken(`pull: it answered ${shown(pulled)}`)
  const { right } = pulled as { readonly right: Pulled }
  return right._tag === 'End' ? [] : right.items
}

const answered = async (pulling: Promise<unknown>, wait: () => Promise<void>): Promise<void> => {
  const isLate = await Promise.race([pulling.then(() => false), wait().then(() => true)])
  if (isLate) broken(`pull: no answer ${atOnceMs} ms after its signal had aborted`)
}

const named = (deliveries: readonly Delivery[]): readonly string[] =>
  deliveries.map(({ message }) => `${textOf(message)} ${message.deliveryCount}`)
