import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { amend, interruption } from '../../lib/core/message.js'
import { left, right } from '../../lib/core/result.js'
import { Resource, resourceError } from '../../lib/ports/resource.js'
import type { Source } from '../../lib/ports/source.js'
import { type SourceBench, lawsLeftOut, sourceLaws } from '../../lib/testing.js'
import { type Break, type Entry, type Queue, brokerBench } from '../support/source-broker.js'
import { brokenBy, changing, openedBy, pulling, settling, textOf } from './source-breaks.js'

const laws = suite('sourceLaws')

const never = new AbortController().signal

/** Sources with a fault, the law that each of them breaks, and how it is found out. */
const faults: readonly (readonly [string, string, RegExp, Break])[] = [
  [
    'takes bytes for text',
    'gives bytes as they were sent, whatever they are',
    /the payloads/,
    (source) => changing(source, ({ bytes }) => ({ bytes: Buffer.from(Buffer.from(bytes).toString()) }))
  ],
  [
    'cuts what is long',
    'gives 1 MiB as it was sent',
    /1 MiB/,
    (source) => changing(source, ({ bytes }) => ({ bytes: bytes.subarray(0, 65_536) }))
  ],
  [
    'skips what is empty',
    'gives text as it was sent, empty text and other scripts too',
    /all payloads/,
    (source) => ({
      pull: pulling(source, (items) => items.filter(({ message }) => message.bytes.length > 0))
    })
  ],
  [
    'lets headers stay for the next message',
    'gives headers as they were sent, to their own message alone',
    /the headers of m1/,
    (source) => {
      let headers = {}
      return changing(source, (message) => ({ headers: (headers = { ...headers, ...message.headers }) }))
    }
  ],
  [
    'gives a message twice',
    'gives every message to one handler, however many run at a time',
    /the messages/,
    (source) => ({
      pull: pulling(source, (items) =>
        items
          .flatMap((each) => (textOf(each.message) === 'm7' ? [each, each] : [each]))
          .slice(0, items.length + 1)
      )
    })
  ],
  [
    'loses a message',
    'gives all that was sent before it was opened',
    /all messages/,
    (source) => ({ pull: pulling(source, (items) => items.filter((each) => textOf(each.message) !== 'm7')) })
  ],
  [
    'gives the newest first',
    'gives messages in the order in which they were sent',
    /the messages/,
    (source) => ({ pull: pulling(source, (items) => items.toReversed()) })
  ],
  [
    'names messages by what they hold',
    'names messages by ids that differ, and counts their deliveries from 1',
    /the ids|given again/,
    (source) => changing(source, (message) => ({ id: Buffer.from(message.bytes).toString() }))
  ],
  [
    'counts deliveries from 0',
    'names messages by ids that differ, and counts their deliveries from 1',
    /the counts/,
    (source) => changing(source, ({ deliveryCount }) => ({ deliveryCount: deliveryCount - 1 }))
  ],
  [
    'says that it brings nothing back',
    'says of itself and of its messages whether it brings them back',
    /what it says/,
    ({ traits }) => ({ traits: { ...traits, redelivers: false } })
  ],
  [
    'has one signal for all',
    'gives each delivery a signal of its own, which aborts with the reason',
    /the reasons/,
    (source) => {
      const controller = new AbortController()
      return {
        pull: pulling(source, (items) =>
          items.map(({ message }) => ({
            message: amend(message, { signal: controller.signal }),
            interrupt: (reason) => controller.abort(interruption(reason))
          }))
        )
      }
    }
  ],
  [
    'gives to each what others have',
    'shares messages with others that are open: each goes to one',
    /the messages|given again/,
    (source, queue) => {
      const seen = new Set<string>()
      return {
        pull: (max, signal) => async () => {
          for (const entry of queue.entries.values()) if (!seen.has(entry.id)) entry.leaseUntil = 0
          const pulled = await source.pull(max, signal)()
          if (pulled._tag === 'Right' && pulled.right._tag === 'Batch')
            for (const { message } of pulled.right.items) seen.add(message.id)
          return pulled
        }
      }
    }
  ],
  [
    'answers with more than it was asked for',
    'never answers with more than it was asked for',
    /asked for 1, answered with 2/,
    (source) => ({ pull: (max, signal) => source.pull(max + 1, signal) })
  ],
  [
    'asks again and again',
    'waits while there is nothing, instead of answering again and again',
    /few answers/,
    (source) => ({
      pull: (max, signal) => async () => {
        const polling = new AbortController()
        setTimeout(() => polling.abort(), 1)
        return source.pull(max, AbortSignal.any([signal, polling.signal]))()
      }
    })
  ],
  [
    'says again and again that there is nothing, without a pause',
    'waits while there is nothing, instead of answering again and again',
    /few answers/,
    (source, queue) => ({
      pull: (max, signal) =>
        queue.left() === 0 ? async () => right({ _tag: 'Batch', items: [] }) : source.pull(max, signal)
    })
  ],
  ...[undefined, {}, right({}), right({ _tag: 'Batch' }), left(new Error('no connection'))].map(
    (answer): readonly [string, string, RegExp, Break] => [
      `answers with ${JSON.stringify(answer)}, which is no answer`,
      'gives 1 MiB as it was sent',
      /pull: it answered/,
      () => ({ pull: () => async () => answer as never })
    ]
  ),
  [
    'hears of no abort',
    'answers at once when a pull is aborted',
    /no answer/,
    (source) => ({ pull: (max) => source.pull(max, never) })
  ],
  [
    'drops what an aborted pull took',
    'gives back what an aborted pull took',
    /deliveries within|the messages/,
    (source) => ({
      pull: (max, signal) => async () => {
        const stopped = new Promise<undefined>((resolve) => {
          if (signal.aborted) resolve(undefined)
          signal.addEventListener('abort', () => resolve(undefined))
        })
        const pulled = await Promise.race([stopped, source.pull(max, never)()])
        return pulled ?? right({ _tag: 'Batch', items: [] })
      },
      // What was dropped would come back when its lease ends; here none does.
      renew: (held) => async () => held.map(() => 'ok')
    })
  ],
  [
    'leaves some of a batch unanswered',
    'answers for each settlement in its place, and beside a pull that waits',
    /settle: asked about 5, answered/,
    (source) => ({ settle: (batch) => async () => (await source.settle(batch)()).slice(1) })
  ],
  [
    'settles only while nothing is pulled',
    'answers for each settlement in its place, and beside a pull that waits',
    /the answers|settle: no answer within 1000 ms/,
    (source) => {
      let last: Promise<unknown> = Promise.resolve()
      const after = async <A>(ask: () => Promise<A>): Promise<A> => {
        const before = last
        const asked = before.then(ask)
        last = asked
        return asked
      }
      return {
        pull: (max, signal) => () => after(source.pull(max, signal)),
        settle: (batch) => () => after(source.settle(batch))
      }
    }
  ],
  [
    'rejects what is settled twice',
    'rejects nothing that is settled twice, and changes nothing for it',
    /settle: it threw or rejected/,
    (source) => ({
      settle: (batch) => async () => {
        const answers = await source.settle(batch)()
        if (answers.includes('lost')) throw new Error('unknown delivery tag')
        return answers
      }
    })
  ],
  [
    'loses what is nacked',
    'brings back what is nacked, as one delivery more of the same message',
    /all deliveries/,
    (source) => settling(source, (each) => ({ ...each, action: { _tag: 'Done' } }))
  ],
  [
    'counts no deliveries',
    'brings back what is nacked, as one delivery more of the same message',
    /the delivery count/,
    (source) => changing(source, () => ({ deliveryCount: 1 }))
  ],
  [
    'names anew what comes back',
    'brings back what is nacked, as one delivery more of the same message',
    /how many ids/,
    (source) => changing(source, ({ id, deliveryCount }) => ({ id: `${id}/${deliveryCount}` }))
  ],
  [
    'keeps what a handler wrote into headers',
    'brings back headers unchanged, whatever a handler did to them',
    /what came/,
    (source) => {
      const first = new Map<string, Readonly<Record<string, string>>>()
      return changing(source, ({ id, headers }) => {
        first.set(id, first.get(id) ?? headers)
        return { headers: first.get(id) ?? headers }
      })
    }
  ],
  [
    'knows no delay',
    'brings back what is nacked not before its delay, and holds up nothing else',
    /not before 200 ms/,
    (source) =>
      settling(source, (each) =>
        each.action._tag === 'Retry' ? { ...each, action: { _tag: 'Retry', afterMs: 0 } } : each
      )
  ],
  [
    'holds up everything for a delay',
    'brings back what is nacked not before its delay, and holds up nothing else',
    /what came first/,
    (source, queue) => ({
      pull: (max, signal) => async () => {
        const first = Array.from(queue.entries.values()).find(({ dueAt }) => dueAt > performance.now())
        if (first !== undefined) await queue.changed(first.dueAt - performance.now(), signal)
        return source.pull(first === undefined ? Math.min(max, 4) : 1, signal)()
      }
    })
  ],
  [
    'acks nothing',
    'never brings back what is acked',
    /what is left with the broker/,
    () => ({ settle: (batch) => async () => batch.map(() => 'ok') })
  ],
  [
    'forgets acks when it is closed',
    'keeps what is acked right before it is stopped',
    /m0|left with/,
    (source) => ({
      settle: (batch) => async () => {
        setTimeout(() => void source.settle(batch)(), 200)
        return batch.map(() => 'ok')
      }
    })
  ],
  [
    'acks whatever came before',
    'settles in any order, each message by itself',
    /C again/,
    (source, queue) => ({
      settle: (batch) => async () => {
        for (const { delivery, action } of batch)
          if (action._tag === 'Done')
            for (const id of queue.entries.keys()) {
              queue.entries.delete(id)
              if (id === delivery.message.id) break
            }
        await source.settle(batch)()
        return batch.map(() => 'ok')
      }
    })
  ],
  [
    'counts what is released',
    'brings back what is released, and counts no delivery for it',
    /the delivery counts/,
    (source) =>
      settling(source, (each) =>
        each.action._tag === 'Release' ? { ...each, action: { _tag: 'Release', started: false } } : each
      )
  ],
  [
    'gives up what is nacked too often',
    'goes on after whatever is nacked',
    /all deliveries/,
    (source) =>
      settling(source, (each) =>
        each.action._tag === 'Retry' && each.delivery.message.deliveryCount >= 3
          ? { ...each, action: { _tag: 'Done' } }
          : each
      )
  ],
  [
    'ends while something is under way',
    'ends once everything is done, and not before',
    /what was acked|the last message|the end|in flight/,
    (source, queue) => ({
      pull: (max, signal) => async () => {
        const impatient = new AbortController()
        setTimeout(() => impatient.abort(), 5)
        const pulled = await source.pull(max, AbortSignal.any([signal, impatient.signal]))()
        const isOver = queue.isEnded && pulled._tag === 'Right' && pulled.right._tag === 'Batch'
        return isOver && pulled.right.items.length === 0 ? right({ _tag: 'End' }) : pulled
      }
    })
  ],
  [
    'loses what is released',
    'finishes what runs when it is stopped, and starts nothing more',
    /the rest/,
    (source) =>
      settling(source, (each) =>
        each.action._tag === 'Release' ? { ...each, action: { _tag: 'Done' } } : each
      )
  ],
  [
    'gives again what was done before it was closed',
    'never brings back what was acked when it is opened again',
    /given again|what comes|left with/,
    (source, queue) => {
      for (const entry of kept.get(queue) ?? []) queue.entries.set(entry.id, { ...entry, leaseUntil: 0 })
      return {
        settle: (batch) => async () => {
          const done = batch.flatMap(({ delivery }) => queue.entries.get(delivery.message.id) ?? [])
          kept.set(queue, [...(kept.get(queue) ?? []), ...done])
          return source.settle(batch)()
        }
      }
    }
  ],
  [
    'never ends a lease',
    'gives to another what somebody held who is gone',
    /what the first one held/,
    (source, queue) => ({
      pull: pulling(source, (items) => {
        for (const { message } of items)
          Object.assign(queue.entries.get(message.id) ?? {}, { leaseUntil: Infinity })
        return items
      })
    })
  ],
  [
    'renews nothing',
    'keeps a message for whoever renews its lease, however long that takes',
    /what the other was given/,
    () => ({ renew: (held) => async () => held.map(() => 'ok') })
  ],
  [
    'settles whoever asks',
    'takes nothing from whoever has a message by now',
    /the answers to a late Retry/,
    (_, queue) => ({
      settle: (batch) => async () =>
        batch.map(({ delivery, action }) => {
          const entry = queue.entries.get(delivery.message.id)
          if (action._tag === 'Done') queue.entries.delete(delivery.message.id)
          else if (entry !== undefined) entry.leaseUntil = 0
          return 'ok'
        })
    })
  ],
  [
    'counts what is read as started',
    'counts what a dying process had started, so that it ends with the queue, and alone',
    /delivery counts of the others|the delivery counts|the letters/,
    (source, queue) => ({
      pull: pulling(source, (items) => {
        for (const { message } of items) (queue.entries.get(message.id) ?? { count: 0 }).count += 1
        return items
      }),
      start: () => undefined
    })
  ],
  [
    'gives up when it is not answered',
    'goes on by itself after a restart of the broker',
    /a message within|SourceLost/,
    (source) => ({
      pull: (max, signal) => async () => {
        const pulled = await source.pull(max, signal)()
        return pulled._tag === 'Left' ? left({ _tag: 'Fatal', cause: pulled.left.cause }) : pulled
      }
    })
  ],
  [
    'takes what it cannot say for said',
    'loses nothing in restarts of the broker',
    /left with the broker|given again/,
    (source) => ({
      settle: (batch) => async () => {
        const answers = await source.settle(batch)()
        return answers.map((answer) => (answer === 'unknown' ? 'ok' : answer))
      }
    })
  ]
]

const kept = new WeakMap<Queue, readonly Entry[]>()

for (const [fault, name, found, change] of faults) {
  laws(`find out a source that ${fault}`, async () =>
    assert.match(await brokenBy(brokerBench(change), name), new RegExp(`^BrokenLaw: [^]*(?:${found.source})`))
  )
}

laws('say why a source cannot be opened or closed', async () => {
  const refusing = openedBy(
    () => () =>
      Resource.make(
        'queue',
        async () => left(resourceError('queue', 'no disk')),
        async () => {}
      )
  )
  assert.match(await brokenBy(refusing, 'gives 1 MiB as it was sent'), /no disk/)
  assert.match(await brokenBy(refusing, 'can be closed while it holds messages'), /cannot be opened: no disk/)
  const stuck = openedBy(
    (open) => (limits) =>
      Resource.flatMap((source: Source) =>
        Resource.make(
          'queue',
          async () => right(source),
          () => new Promise<void>(() => undefined)
        )
      )(open(limits))
  )
  assert.match(
    await brokenBy(stuck, 'can be closed while it holds messages'),
    /close: no answer within 1000 ms/
  )
})

laws('say that a source rejects when it is opened', async () => {
  const rejecting = openedBy(() => () => ({ open: () => Promise.reject(new Error('no disk')) }))
  assert.match(
    await brokenBy(rejecting, 'can be closed while it holds messages'),
    /open: it threw or rejected: Error: no disk/
  )
})

laws('say that a broker cannot do what its bench promises', async () => {
  const { promises, fresh } = brokerBench()
  const poor: SourceBench = {
    promises,
    fresh: async () => {
      const { open, send, close } = await fresh()
      return { open, send, close }
    }
  }
  const found = await brokenBy(poor, 'goes on by itself after its connections are cut')
  assert.is(found, 'Error: the bench promises cuts, and its broker cannot make one')
})

laws('close the broker that they were given, kept or broken', async () => {
  let open = 0
  const { fresh } = brokerBench()
  const bench: SourceBench = {
    promises: { live: true },
    fresh: async () => {
      open += 1
      const broker = await fresh()
      return {
        ...broker,
        send: () => Promise.reject(new Error('no room')),
        close: async () => void (open -= 1)
      }
    }
  }
  for (const { run } of sourceLaws(bench)) await run().catch(() => undefined)
  assert.is(open, 0)
})

laws('are left out, by name, where what they need is not promised', () => {
  const all = sourceLaws(brokerBench()).map(({ name }) => name)
  assert.is(new Set(all).size, all.length)
  assert.equal(lawsLeftOut(brokerBench()), [])
  const some: SourceBench = { ...brokerBench(), promises: { live: true, redelivers: true } }
  const [kept, leftOut] = [sourceLaws(some), lawsLeftOut(some)]
  assert.equal([...kept, ...leftOut].map(({ name }) => name).toSorted(), all.toSorted())
  assert.equal(
    leftOut.find(({ name }) => name === 'loses nothing in restarts of the broker'),
    { name: 'loses nothing in restarts of the broker', lacks: ['restarts', 'keeps'] }
  )
})

laws.run()
