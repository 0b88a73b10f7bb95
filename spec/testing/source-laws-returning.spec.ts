import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { right } from '../../lib/core/result.js'
import type { Delivery, Settle } from '../../lib/ports/source.js'
import { type Break, type Entry, type Queue, brokerBench } from '../support/source-broker.js'
import { brokenBy, changing, openedBy } from './source-breaks.js'

const laws = suite('sourceLaws')

const openings = new WeakMap<Queue, number>()

/** What becomes of a queue when it is opened again, as if that had become of it when it was closed. */
const reopened =
  (damage: (entry: Entry, queue: Queue) => void): Break =>
  (_, queue) => {
    const count = (openings.get(queue) ?? 0) + 1
    openings.set(queue, count)
    if (count > 1) for (const entry of queue.entries.values()) damage(entry, queue)
    return {}
  }

/** Another delay for those that are nacked, as the batch and the time are. */
const delaying =
  (delayOf: (afterMs: number, each: Settle, batch: readonly Settle[]) => number): Break =>
  (source) => ({
    settle: (batch) =>
      source.settle(
        batch.map((each) =>
          each.action._tag === 'Retry'
            ? { ...each, action: { _tag: 'Retry', afterMs: delayOf(each.action.afterMs, each, batch) } }
            : each
        )
      )
  })

/** Renews the first of those that it is asked to renew, and says that it renewed all. */
const renewing =
  (max: number): Break =>
  (source) => ({
    renew: (held) => async () => {
      const answers = (await source.renew?.(held.slice(0, max))()) ?? []
      return held.map((_, index) => answers[index] ?? 'ok')
    }
  })

const isWaiting = ({ dueAt }: Entry): boolean => dueAt > performance.now()

const isHeld = ({ leaseUntil }: Entry): boolean => leaseUntil > performance.now()

const remembered = new WeakMap<Queue, Entry[]>()

const returning = 'brings back each of a batch after its own delay, every time it is nacked'
const keeping = 'keeps what was nacked and what was held, as it was, when it is closed and opened again'
const renewal = 'renews each of many that it is asked to renew'
const standing = 'says how things stand whenever it is asked, where it says that at all'
const going = 'goes on after whatever is nacked'
const taking = 'takes nothing from whoever has a message by now'

/** Sources with a fault, the law that each of them breaks, and how it is found out. */
const faults: readonly (readonly [string, string, RegExp, Break])[] = [
  [
    'brings back a batch after its shortest delay',
    returning,
    /m0 not before 599 ms/,
    delaying((_, __, batch) =>
      Math.min(...batch.map(({ action }) => (action._tag === 'Retry' ? action.afterMs : Infinity)))
    )
  ],
  [
    'forgets the delay of what is nacked again',
    returning,
    /m1 not before 299 ms/,
    delaying((afterMs, { delivery }) => (delivery.message.deliveryCount > 1 ? 0 : afterMs))
  ],
  ['waits for 250 ms at most', returning, /m0 not before 599 ms/, delaying((ms) => Math.min(ms, 250))],
  ['rounds delays down', returning, /not before \d99 ms/, delaying((ms) => Math.floor(ms / 100) * 100)],
  [
    'loses headers from the third delivery on',
    'brings back headers unchanged, whatever a handler did to them',
    /what came/,
    (source) =>
      changing(source, ({ headers, deliveryCount }) => ({ headers: deliveryCount > 2 ? {} : headers }))
  ],
  [
    'keeps for ever what is done after it was nacked three times, and says that it is done',
    going,
    /what is left with the broker/,
    (source, queue) => ({
      settle: (batch) => async () => {
        const isForgotten = ({ delivery, action }: Settle): boolean =>
          action._tag === 'Done' && delivery.message.deliveryCount > 3
        const answers = await source.settle(batch.filter((each) => !isForgotten(each)))()
        let next = 0
        return batch.map((each) => {
          const entry = queue.entries.get(each.delivery.message.id)
          if (!isForgotten(each) || entry === undefined) return answers[next++] ?? 'unknown'
          entry.leaseUntil = Infinity
          return 'ok'
        })
      }
    })
  ],
  [
    'loses what waits for its delay when it is closed',
    keeping,
    /5 deliveries within 1000 ms/,
    reopened((entry, { entries }) => void (isWaiting(entry) && entries.delete(entry.id)))
  ],
  [
    'loses what it holds when it is closed',
    keeping,
    /5 deliveries within 1000 ms/,
    reopened((entry, { entries }) => void (isHeld(entry) && entries.delete(entry.id)))
  ],
  [
    'never gives back what it held when it was closed',
    keeping,
    /5 deliveries within 1000 ms/,
    reopened((entry) => void (isHeld(entry) && (entry.leaseUntil = Infinity)))
  ],
  [
    'forgets delays when it is closed',
    keeping,
    /nacked.* not before \d+ ms/,
    reopened((entry) => void (entry.dueAt = 0))
  ],
  [
    'counts anew when it is opened again',
    keeping,
    /the delivery counts of what was nacked/,
    reopened((entry) => void (entry.count = 0))
  ],
  [
    'names messages anew when it is opened again',
    keeping,
    /what came again/,
    (source, queue) => {
      reopened(() => undefined)(source, queue)
      return changing(source, ({ id }) => ({ id: `${id}/${openings.get(queue)}` }))
    }
  ],
  [
    'has no headers once it is opened again',
    keeping,
    /what came again/,
    (source, queue) => {
      reopened(() => undefined)(source, queue)
      return changing(source, ({ headers }) => ({ headers: openings.get(queue) === 1 ? headers : {} }))
    }
  ],
  [
    'has done in memory alone what was nacked before',
    keeping,
    /given again/,
    (source, queue) => {
      for (const entry of remembered.get(queue) ?? []) queue.entries.set(entry.id, entry)
      return {
        settle: (batch) => async () => {
          for (const { delivery, action } of batch) {
            const entry = queue.entries.get(delivery.message.id)
            if (entry !== undefined && entry.count > 1 && action._tag === 'Done')
              remembered.set(queue, [...(remembered.get(queue) ?? []), { ...entry, leaseUntil: 0 }])
          }
          return source.settle(batch)()
        }
      }
    }
  ],
  ['renews the first alone', renewal, /what another was given|the answers/, renewing(1)],
  ['renews 16 at most', renewal, /what another was given|the answers/, renewing(16)],
  [
    'starts what is lost by now',
    taking,
    /the answer to a late start: expected 'lost', found 'ok'/,
    () => ({ start: () => async () => 'ok' })
  ],
  [
    'says ok to whoever releases what is lost by now',
    taking,
    /the answers to a late Release/,
    (source) => ({
      settle: (batch) => async () => {
        const answers = await source.settle(batch)()
        return batch.map(({ action }, index) => (action._tag === 'Release' ? 'ok' : (answers[index] ?? 'ok')))
      }
    })
  ],
  [
    'answers about a batch from its end',
    taking,
    /the answers about what is lost and what is not: expected \[ 'lost', 'ok' \]/,
    (source) => ({ settle: (batch) => async () => (await source.settle(batch)()).toReversed() })
  ],
  [
    'answers for the last one that it renews first',
    taking,
    /the answers to who renews too late, and one in time/,
    (source) => ({
      renew: (held) => async () => ((await source.renew?.(held)()) ?? []).toReversed()
    })
  ],
  [
    'says that its leases are longer than they are',
    taking,
    /not within a lease of 800 ms/,
    ({ traits }) => ({ traits: { ...traits, leaseMs: 800 } })
  ],
  [
    'takes all that is there before it is asked',
    'reads no more ahead than it may have unsettled',
    /16 of 20 for another, as 4 may be unsettled, found 0/,
    (source, queue) => {
      const inbox: Delivery[] = []
      return {
        pull: (max, signal) => async () => {
          const pulled = inbox.length > 0 ? undefined : await source.pull(1_000, signal)()
          if (pulled?._tag === 'Left' || pulled?.right._tag === 'End') return pulled
          for (const entry of queue.entries.values()) if (isHeld(entry)) entry.leaseUntil = Infinity
          inbox.push(...(pulled?.right.items ?? []))
          return right({ _tag: 'Batch', items: inbox.splice(0, max) })
        }
      }
    }
  ],
  [
    'leaves a listener on the signal for each pull',
    'leaves nothing on the signal of its pulls, which is one for the whole run',
    /10 listeners or fewer after 40 pulls, found 4\d/,
    (source) => ({
      pull: (max, signal) => {
        signal.addEventListener('abort', () => undefined)
        return source.pull(max, signal)
      }
    })
  ],
  [
    'ends when there was nothing for a second',
    'waits while there is nothing, instead of answering again and again',
    /pull: it waited for nothing, and answered .*End/,
    (source) => ({
      pull: (max, signal) => async () => {
        const polling = AbortSignal.any([signal, AbortSignal.timeout(1_000)])
        const pulled = await source.pull(max, polling)()
        const isIdle =
          pulled._tag === 'Right' && pulled.right._tag === 'Batch' && pulled.right.items.length === 0
        return isIdle && !signal.aborted ? right({ _tag: 'End' }) : pulled
      }
    })
  ],
  [
    'does not know when it received a message',
    'names messages by ids that differ, and counts their deliveries from 1',
    /id and source as text, and receivedAt as a number/,
    (source) => changing(source, () => ({ receivedAt: NaN }))
  ],
  [
    'counts nothing that is pending',
    standing,
    /measure: a lag of 0, 3 pending, none parked/,
    () => ({ measure: () => async () => ({ pending: 0 }) })
  ],
  [
    'measures in text',
    standing,
    /measure: numbers of 0 or more/,
    () => ({ measure: () => async () => ({ lag: '0' as never }) })
  ],
  [
    'says that it is exclusive, and is not',
    'gives a key to one alone while it says that it is exclusive',
    /messages of a key with one of two/,
    ({ traits }) => ({ traits: { ...traits, exclusive: true } })
  ],
  [
    'rejects when it is to measure',
    standing,
    /measure: it threw or rejected: Error: no connection/,
    () => ({ measure: () => async () => Promise.reject(new Error('no connection')) })
  ],
  [
    'throws when it is to measure',
    standing,
    /measure: it threw or rejected: Error: no connection/,
    () => ({
      measure: () => {
        throw new Error('no connection')
      }
    })
  ],
  [
    'never measures',
    standing,
    /measure: no answer within 1000 ms/,
    () => ({ measure: () => () => new Promise(() => undefined) })
  ],
  [
    'measures what cannot be',
    standing,
    /measure: numbers of 0 or more/,
    () => ({ measure: () => async () => ({ pending: NaN }) })
  ],
  [
    'throws when it is to say how far it has come',
    standing,
    /input: it threw or rejected: Error: closed/,
    () => ({
      input: () => {
        throw new Error('closed')
      }
    })
  ],
  [
    'has read more than there is',
    standing,
    /input: no more bytes read than known/,
    () => ({ input: () => ({ readBytes: 2, knownBytes: 1, isAll: true }) })
  ]
]

for (const [fault, name, found, change] of faults)
  laws(`find out a source that ${fault}`, async () =>
    assert.match(await brokenBy(brokerBench(change), name), new RegExp(`^BrokenLaw: [^]*(?:${found.source})`))
  )

laws('find out a source that says something else of itself before it is opened', async () => {
  const lying = openedBy((open) =>
    Object.assign(open.bind(undefined), {
      traits: { redelivers: true, delay: 'in-place', exclusive: true } as const
    })
  )
  assert.match(
    await brokenBy(lying, 'says of itself and of its messages whether it brings them back'),
    /what it says before it is opened/
  )
})

laws('are kept by a source that holds delays in memory, and loses them when it is closed', async () => {
  const holding: Break = (source, queue) => {
    reopened((entry) => void (entry.dueAt = 0))(source, queue)
    return { traits: { ...source.traits, delay: 'hold' } }
  }
  assert.is(await brokenBy(brokerBench(holding), keeping), 'kept')
})

laws('are kept by a source that is exclusive, and that measures', async () => {
  const measuring: Break = () => ({
    measure: () => async () => ({ lag: 0 }),
    input: () => ({ readBytes: 1, knownBytes: 1, isAll: false })
  })
  assert.is(await brokenBy(brokerBench(measuring), standing), 'kept')
  const exclusive: Break = (source, queue) => {
    const isFirst = !openings.has(queue)
    openings.set(queue, 1)
    return {
      traits: { ...source.traits, exclusive: true },
      pull: (max, signal) => async () => {
        if (isFirst) return source.pull(max, signal)()
        await queue.changed(10_000, signal)
        return right({ _tag: 'Batch', items: [] })
      }
    }
  }
  assert.is(
    await brokenBy(brokerBench(exclusive), 'gives a key to one alone while it says that it is exclusive'),
    'kept'
  )
})

laws('are kept by a source that has all messages alone, under one lease', async () => {
  const owners = new WeakMap<Queue, unknown>()
  const underOne: Break = (source, queue) => ({
    traits: { ...source.traits, exclusive: true },
    pull: (max, signal) => async () => {
      const entries = Array.from(queue.entries.values())
      while (owners.get(queue) !== source && entries.some(isHeld) && !signal.aborted)
        await queue.changed(5, signal)
      owners.set(queue, source)
      return source.pull(max, signal)()
    },
    renew: (held) => async () => {
      const answers = (await source.renew?.(held)()) ?? []
      const all = Array.from(queue.entries.values()).filter(isHeld)
      const until = Math.max(...all.map(({ leaseUntil }) => leaseUntil))
      if (answers.includes('ok')) for (const entry of all) entry.leaseUntil = until
      return answers
    }
  })
  assert.is(await brokenBy(brokerBench(underOne), taking), 'kept')
})

laws.run()
