/** Laws of sharing: each message goes to one of those that are open, and to each group. */
import { Buffer } from 'node:buffer'
import { ack, nack } from '../core/outcome.js'
import { expect, expectEqual } from './comparing.js'
import { pause } from './machine-clock.js'
import { type Law, countOf, done, law, sorted, texts } from './source-trial.js'

export const sharingLaws: readonly Law[] = [
  law(
    'shares messages with others that are open: each goes to one',
    ['shares'],
    async ({ run, send, count, until }) => {
      const sent = texts(count(400, 50_000))
      const options = { concurrency: 16, maxUnsettled: 32 }
      const handler = async () => {
        await pause()
        return ack
      }
      const all = [await run({ options, handler })]
      for (let more = 0; more < 3; more += 1) all.push(await run({ options, handler }))
      await send(sent)
      const given = () => all.flatMap((running) => running.texts())
      await until(
        'all messages',
        () => given().length >= sent.length,
        () => given().length
      )
      for (const running of all) await running.stop()
      expectEqual('the messages', sorted(given()), sorted(sent))
      for (const running of all)
        expect('no more than 16 at a time', running.maxInFlight() <= 16, running.maxInFlight())
    }
  ),

  law('reads no more ahead than it may have unsettled', ['shares'], async ({ open, quiet, quietMs }) => {
    const maxUnsettled = 4
    const sent = texts(20)
    const one = await open({ sent, maxUnsettled })
    const { exclusive, leaseMs } = one.source.traits
    if (exclusive) return
    const taken = await one.take(1)
    await quiet(20)
    const other = await open()
    const least = sent.length - maxUnsettled
    // What is read ahead and not renewed would come back when its lease ends.
    const rest = await other.takeFor(leaseMs === undefined ? quietMs * 10 : leaseMs / 2, least)
    expect(
      `${least} of ${sent.length} for another, as ${maxUnsettled} may be unsettled`,
      rest.length >= least,
      rest.length
    )
    await one.settle(taken, done)
    await other.settle(rest, done)
  }),

  law(
    'gives a key to one alone while it says that it is exclusive',
    ['shares'],
    async ({ open, quietMs }) => {
      const one = await open()
      if (!one.source.traits.exclusive) return
      const other = await open({ sent: texts(10).map((text) => ({ bytes: Buffer.from(text), key: 'a' })) })
      const given = await Promise.all([one.takeFor(quietMs * 2), other.takeFor(quietMs * 2)])
      const counts = given.map((taken) => taken.length)
      expect('messages of a key with one of two', counts.includes(0), counts)
    }
  ),

  law('gives each group all messages, whatever others do with them', ['groups', 'live'], async (trial) => {
    const { openFor } = trial.broker
    if (openFor === undefined) throw new Error('the bench promises groups, and its broker has no openFor')
    const sent = texts(trial.count(50, 1_000))
    const billing = await trial.run({ open: openFor('billing') })
    const shipping = await trial.run({
      open: openFor('shipping'),
      handler: (_, { time }) => (time === 1 && trial.promises.redelivers === true ? nack() : ack)
    })
    await trial.send(sent)
    const times = trial.promises.redelivers === true ? 2 : 1
    await shipping.until(
      'all messages',
      () => shipping.starts.length >= sent.length * times,
      countOf(shipping)
    )
    await billing.until('all messages', () => billing.starts.length >= sent.length, countOf(billing))
    expectEqual('the messages of one', sorted(billing.texts()), sorted(sent))
    expectEqual('the messages of the other', sorted([...new Set(shipping.texts())]), sorted(sent))
  })
]
