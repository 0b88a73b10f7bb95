import { left } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Delivery,
  type Message,
  type Processor,
  type Settle,
  type Source,
  ack,
  bytes,
  exponentialBackoff,
  failed,
  handle,
  interruptionOf,
  message,
  nack,
  otherwise,
  receive,
  rejected,
  withDlq,
  withRetry
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { consume, memory } from 'missive-ts/node'
import { turn, virtualClock } from '../support/clock.js'

fc.configureGlobal({ includeErrorInReport: true })

const named = (...ids: readonly string[]): readonly Message[] => ids.map((id) => message(id, { id }))

type SettledSource = Source & Required<Pick<Source, 'settle'>>

const opened = async (
  messages: Iterable<Message>,
  clock = virtualClock()
): Promise<{ readonly source: SettledSource; readonly clock: typeof clock }> => {
  const opened = await memory(messages, { clock })({ maxUnsettled: 1_024, emit: () => undefined }).open()
  if (opened._tag === 'Left') throw new Error(opened.left.message)
  const { settle, ...source } = opened.right.value
  if (settle === undefined) throw new Error('it cannot be told')
  return { source: { ...source, settle }, clock }
}

const pulled = async (
  source: Source,
  max: number,
  signal = new AbortController().signal
): Promise<readonly Delivery[] | 'End'> => {
  const pulled = await source.pull(max, signal)()
  if (pulled._tag === 'Left') throw new Error(String(pulled.left.cause))
  return pulled.right._tag === 'End' ? 'End' : pulled.right.items
}

const idsOf = (items: readonly Delivery[] | 'End') =>
  items === 'End' ? items : items.map(({ message: { id, deliveryCount } }) => [id, deliveryCount])

const released = (delivery: Delivery): Settle => ({
  delivery,
  outcome: { _tag: 'Released', reason: 'shutdown' },
  action: { _tag: 'Release', started: true }
})

const retried = (delivery: Delivery, afterMs: number): Settle => ({
  delivery,
  outcome: nack({ afterMs }),
  action: { _tag: 'Retry', afterMs }
})

const acked = (delivery: Delivery): Settle => ({ delivery, outcome: ack, action: { _tag: 'Done' } })

const running = (messages: Iterable<Message>, processor: Processor) => {
  const clock = virtualClock()
  const signal = new AbortController().signal
  return clock.finish(consume(memory(messages, { clock }), { clock })(processor)(signal)())
}

const sources = suite('memory')

sources('gives its messages in their order, at most as many as are asked for', async () => {
  const { source } = await opened(named('a', 'b', 'c'))
  assert.equal(idsOf(await pulled(source, 2)), [
    ['a', 1],
    ['b', 1]
  ])
  assert.equal(idsOf(await pulled(source, 2)), [['c', 1]])
})

sources('takes no more from an endless supply than is asked for', async () => {
  let made = 0
  const endless = function* () {
    for (;;) yield message('', { id: String((made += 1)) })
  }
  const { source } = await opened(endless())
  await pulled(source, 3)
  assert.is(made, 3)
})

sources('ends once everything is done, and not before', async () => {
  const { source, clock } = await opened(named('a'))
  const [delivery] = (await pulled(source, 1)) as readonly Delivery[]
  let last: readonly Delivery[] | 'End' | undefined
  const pulling = pulled(source, 1).then((items) => (last = items))
  await clock.advance(120_000)
  assert.is(last, undefined)
  assert.equal(await source.settle([acked(delivery as Delivery)])(), ['ok'])
  await clock.finish(pulling)
  assert.is(last, 'End')
})

sources('ends at once when there is nothing', async () => {
  const { source } = await opened([])
  assert.is(await pulled(source, 1), 'End')
})

sources('brings what is nacked back after its delay, with the next delivery count', async () => {
  const { source, clock } = await opened(named('a'))
  const [delivery] = (await pulled(source, 1)) as readonly Delivery[]
  await source.settle([retried(delivery as Delivery, 500)])()
  let again: readonly Delivery[] | 'End' | undefined
  const pulling = pulled(source, 1).then((items) => (again = items))
  await clock.advance(499)
  assert.is(again, undefined)
  await clock.finish(pulling)
  assert.is(clock.monotonic(), 500)
  assert.equal(idsOf(await pulling), [['a', 2]])
})

sources('brings what is released back at once, with the same delivery count', async () => {
  const { source } = await opened(named('a'))
  const [delivery] = (await pulled(source, 1)) as readonly Delivery[]
  await source.settle([released(delivery as Delivery)])()
  assert.equal(idsOf(await pulled(source, 1)), [['a', 1]])
})

sources('begins to count where the message does', async () => {
  const { source } = await opened([message('', { id: 'a', deliveryCount: 4 })])
  assert.equal(idsOf(await pulled(source, 1)), [['a', 4]])
})

sources('says that it brings messages back', async () => {
  const { source } = await opened([message('', { redelivers: false })])
  const [delivery] = (await pulled(source, 1)) as readonly Delivery[]
  assert.equal([source.traits.redelivers, delivery?.message.redelivers], [true, true])
})

sources('answers an aborted pull at once, with nothing', async () => {
  const { source } = await opened(named('a'))
  await pulled(source, 1)
  const stopping = new AbortController()
  const pulling = pulled(source, 1, stopping.signal)
  await turn()
  stopping.abort()
  assert.equal(await pulling, [])
})

sources('gives every delivery a signal of its own', async () => {
  const { source } = await opened(named('a', 'b'))
  const [a, b] = (await pulled(source, 2)) as readonly [Delivery, Delivery]
  a.interrupt('leaseLost')
  assert.equal([interruptionOf(a.message), interruptionOf(b.message)], ['leaseLost', undefined])
  await source.settle([released(a)])()
  const [again] = (await pulled(source, 1)) as readonly [Delivery]
  assert.is(again.message.signal.aborted, false)
})

sources('gives every delivery a trace of its own', async () => {
  const { source } = await opened(named('a'))
  const [first] = (await pulled(source, 1)) as readonly [Delivery]
  const unstored = { startedAt: 1, durationMs: 2, failure: rejected('late') }
  Object.assign(first.message.trace, { route: 'greeting', startedAt: 1, unstored })
  await source.settle([released(first)])()
  const [again] = (await pulled(source, 1)) as readonly [Delivery]
  assert.equal(again.message.trace, {
    route: undefined,
    startedAt: undefined,
    attempts: [],
    unstored: undefined,
    storedIn: undefined
  })
})

sources('begins anew each time it is opened', async () => {
  const open = memory(named('a', 'b'), { clock: virtualClock() })
  const limits = { maxUnsettled: 1, emit: () => undefined }
  for (let time = 0; time < 2; time += 1) {
    const opened = await open(limits).open()
    assert.equal(opened._tag === 'Right' && idsOf(await pulled(opened.right.value, 1)), [['a', 1]])
  }
})

sources('is lost when the supply of messages throws', async () => {
  const broken = function* () {
    yield message('', { id: 'a' })
    throw new Error('no more')
  }
  const processor = pipe(receive(bytes), handle(otherwise(async () => ack)), withDlq(memoryDlq()))
  const { ended } = await running(broken(), processor)
  assert.is(ended._tag === 'SourceLost' && ended.error.message, 'no more')
})

sources('letters hold the attempts of their own delivery alone', async () => {
  const queue = memoryDlq()
  const clock = virtualClock()
  const policy = exponentialBackoff({ baseMs: 10, maxDelayMs: 10, attempts: 2 })
  const verdicts = [failed(rejected('busy')), nack(), failed(rejected('busy')), failed(rejected('late'))]
  const processor = pipe(
    receive(bytes),
    handle(otherwise(async () => verdicts.shift() ?? ack)),
    withRetry(policy, { clock, when: () => true }),
    withDlq(queue)
  )
  const signal = new AbortController().signal
  await clock.finish(consume(memory(named('a'), { clock }), { clock })(processor)(signal)())
  assert.equal(
    queue.letters().map(({ deliveryCount, failure, attempts }) => ({
      deliveryCount,
      failure,
      attempts: attempts.map(({ failure }) => failure)
    })),
    [{ deliveryCount: 2, failure: rejected('late'), attempts: [rejected('busy'), rejected('late')] }]
  )
})

sources('loses nothing, whatever is nacked and how often', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat({ max: 1_000 }), { maxLength: 4 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 4 }),
      async (delays, concurrency) => {
        const clock = virtualClock()
        const seen = new Map<string, number[]>()
        const processor = pipe(
          receive(bytes),
          handle(
            otherwise(async ({ id, deliveryCount }) => {
              seen.set(id, [...(seen.get(id) ?? []), deliveryCount])
              const afterMs = delays[Number(id)]?.[deliveryCount - 1]
              return afterMs === undefined ? ack : nack({ afterMs })
            })
          ),
          withDlq(memoryDlq())
        )
        const open = memory(named(...Array.from(delays, (_, index) => String(index))), { clock })
        const signal = new AbortController().signal
        const report = await clock.finish(consume(open, { concurrency, clock })(processor)(signal)())
        assert.equal(
          [...delays.keys()].map((id) => seen.get(String(id))),
          delays.map((nacks) => [...nacks.keys(), nacks.length].map((index) => index + 1))
        )
        const nacked = delays.flat().length
        assert.equal(
          { ...report, durationMs: 0 },
          {
            received: delays.length + nacked,
            acked: delays.length,
            nacked,
            failed: 0,
            deadLettered: 0,
            released: 0,
            unsettled: 0,
            unreadBytes: 0,
            durationMs: 0,
            storedIn: [],
            ended: { _tag: 'Drained' }
          }
        )
      }
    ),
    { numRuns: 40 }
  )
})

sources('leaves no timer behind when it is closed', async () => {
  const clock = virtualClock()
  const stopping = new AbortController()
  const processor = pipe(
    receive(bytes),
    handle(
      otherwise(async () => {
        setImmediate(() => stopping.abort())
        return nack({ afterMs: 3_600_000 })
      })
    ),
    withDlq(memoryDlq({ clock }))
  )
  const source = memory(named('a'), { clock })
  const report = await clock.finish(consume(source, { clock })(processor)(stopping.signal)())
  assert.equal([report.nacked, report.ended, clock.waiting()], [1, { _tag: 'Aborted' }, []])
})

sources('gives what it has before it tells that its messages threw', async () => {
  const messages = function* () {
    yield* named('a', 'b')
    throw new Error('torn')
  }
  const { source } = await opened(messages())
  assert.equal(idsOf(await pulled(source, 9)), [
    ['a', 1],
    ['b', 1]
  ])
  const end = await source.pull(9, new AbortController().signal)()
  assert.equal(end, left({ _tag: 'Fatal', cause: new Error('torn') }))
})

sources.run()
