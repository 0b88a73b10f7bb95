import * as fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Failure, defect, dlqUnavailable, rejected, timedOut } from '../../lib/core/failure.js'
import { text } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { DeadLetter, Dlq } from '../../lib/core/letter.js'
import { type Message, interruption, message } from '../../lib/core/message.js'
import {
  type Outcome,
  type Verdict,
  ack,
  deadLettered,
  failed,
  nack,
  released
} from '../../lib/core/outcome.js'
import { hook, receive } from '../../lib/core/pipeline.js'
import { type Processor, isSettled } from '../../lib/core/processor.js'
import { right } from '../../lib/core/result.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { exponentialBackoff } from '../../lib/index.js'
import { consume } from '../../lib/interpreters/consume.js'
import { memory } from '../../lib/interpreters/memory.js'
import { otherwise, route } from '../../lib/matchers/route.js'
import { crashing, delaying, duplicating, failing, injectedFault } from '../../lib/testing/faults.js'
import { outcomes } from '../../lib/testing/outcomes.js'
import { flakyDlq, throwing } from '../../lib/testing/part-faults.js'
import { seededRandom, shuffled } from '../../lib/testing/random.js'
import { virtualClock } from '../../lib/testing/virtual-clock.js'
import { every, nth, randomly } from '../../lib/testing/when.js'
import { withDlq, withRetry, withTimeout } from '../../lib/timed.js'

const late = rejected('late')
const { signal: never } = new AbortController()
const always = (): boolean => true

const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => String(index + 1))

/** A processor that notes whose handler was started, and for which delivery. */
const noting = (
  log: unknown[],
  handler: (message: Message<string>) => Promise<Verdict> = async () => ack
): Processor =>
  pipe(
    receive(text),
    handle(
      otherwise(async (message: Message<string>) => {
        log.push(message.deliveryCount === 1 ? message.body : `${message.body}, ${message.deliveryCount}`)
        return handler(message)
      })
    )
  )

const throws = (): never => {
  throw new Error('no answer')
}

const isDefect = (outcome: Outcome | undefined, where: string): boolean =>
  outcome?._tag === 'Failed' && outcome.failure._tag === 'Defect' && outcome.failure.where === where

const when = suite('every, nth, randomly')

when('strike every nth time, those times, and as often as is probable', () => {
  const ten = numbered(10)
  assert.equal(ten.filter(every(3)), ['3', '6', '9'])
  assert.equal(ten.filter(every(1)), ten)
  assert.equal(ten.filter(nth(1, 4)), ['1', '4'])
  assert.equal(ten.filter(nth()), [])
  assert.equal(ten.filter(randomly(0, seededRandom(1))), [])
  assert.equal(ten.filter(randomly(1, seededRandom(1))), ten)
  const struck = (seed: number) => numbered(1_000).filter(randomly(0.2, seededRandom(seed)))
  assert.equal(struck(5), struck(5))
  assert.ok(struck(5).length > 150 && struck(5).length < 250)
})

when('say what to change in a number that makes no sense', () => {
  for (const n of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => every(n), `every: give whole numbers of at least 1, not ${n}`)
    assert.throws(() => nth(1, n), `nth: give whole numbers of at least 1, not ${n}`)
  }
  for (const probability of [-0.1, 1.1, Number.NaN])
    assert.throws(
      () => randomly(probability, seededRandom(1)),
      `randomly: give a probability from 0 to 1, not ${probability}`
    )
})

when.run()

const fails = suite('failing')

fails('fails what is struck, and nothing else; that does not run, unless it is to', () =>
  fc.assert(
    fc.asyncProperty(fc.nat(20), fc.integer({ min: 1, max: 5 }), fc.boolean(), async (count, n, ran) => {
      const log: string[] = []
      const messages = numbered(count)
      const isStruck = (name: string) => Number(name) % n === 0
      assert.equal(
        await outcomes(pipe(noting(log), failing(every(n), { ran })), messages)(),
        messages.map((name) => (isStruck(name) ? failed(injectedFault) : ack))
      )
      assert.equal(
        log,
        messages.filter((name) => ran || !isStruck(name))
      )
    })
  )
)

fails('gives the failure that is asked for, whatever the processor gave', async () => {
  for (const handler of [async () => nack(), async () => failed(rejected('other')), throws])
    assert.equal(
      await outcomes(pipe(noting([], handler), failing(always, { failure: late, ran: true })), ['a'])(),
      [failed(late)]
    )
})

fails('passes outcomes and throws of the processor on where it does not strike', async () => {
  const giving = (handler: () => Promise<Verdict>) =>
    outcomes(pipe(noting([], handler), failing(nth(9))), ['a'])()
  assert.equal(await giving(async () => nack({ afterMs: 5 })), [nack({ afterMs: 5 })])
  assert.ok(isDefect((await giving(throws))[0], 'the handler of otherwise'))
})

fails('is a defect where its own predicate throws', async () => {
  const [outcome] = await outcomes(pipe(noting([]), failing(throws)), ['a'])()
  assert.equal(outcome?._tag === 'Failed' && outcome.failure, {
    ...defect('failing', new Error('no answer')),
    stack: (outcome as { failure: { stack: string } }).failure.stack
  })
})

fails('is tried again by withRetry, attempt by attempt', async () => {
  const policy = exponentialBackoff({ baseMs: 100, maxDelayMs: 1_000, attempts: 3 })
  const runWith = async (processor: Processor, failure?: Failure) => {
    const clock = virtualClock()
    const tried = pipe(
      processor,
      failing(nth(1, 2), failure === undefined ? {} : { failure }),
      withRetry(policy, { clock })
    )
    return [await clock.finish(outcomes(tried, ['a'])()), clock.monotonic()]
  }
  assert.equal(await runWith(noting([])), [[ack], 150])
  assert.equal(await runWith(noting([]), late), [[failed(late)], 0])
})

fails('can be laid around one route', async () => {
  const processor = pipe(
    receive(text),
    handle(
      route(
        ({ body }) => body === 'a',
        async () => ack,
        failing(always)
      ),
      otherwise(async () => ack)
    )
  )
  assert.equal(await outcomes(processor, ['a', 'b'])(), [failed(injectedFault), ack])
})

fails('does not compile after the queue, and keeps the description', () => {
  const settled = pipe(noting([]), withDlq(memoryDlq()))
  // @ts-expect-error what needs failures comes before the queue
  failing(always)(settled)
  assert.equal(failing(always)(noting([])).description?.combinators, ['failing'])
})

fails.run()

const throwsToo = suite('throwing')

throwsToo('makes a handler throw, before its work or after it, and what came in goes through', async () => {
  for (const ran of [false, true]) {
    const log: string[] = []
    const handler = throwing(nth(2), { ran })(async (
      { body }: Message<string>,
      { tenant }: { tenant: string }
    ) => {
      log.push(`${body} of ${tenant}`)
      return ack
    })
    const processor = pipe(
      receive(text),
      hook('tenant', async () => 't'),
      handle(otherwise(handler))
    )
    const [first, second, third] = await outcomes(processor, ['a', 'b', 'c'])()
    assert.equal([first, third], [ack, ack])
    assert.ok(isDefect(second, 'the handler of otherwise'))
    assert.equal(log, ran ? ['a of t', 'b of t', 'c of t'] : ['a of t', 'c of t'])
  }
})

throwsToo('makes a hook throw, and what was acquired is released', async () => {
  const log: string[] = []
  const processor = pipe(
    receive(text),
    hook(
      'a',
      async () => 1,
      async (_, { _tag }) => void log.push(`released a: ${_tag}`)
    ),
    hook(
      'b',
      throwing(always)(async () => 2)
    ),
    handle(otherwise(async () => ack))
  )
  const [outcome] = await outcomes(processor, ['m'])()
  assert.ok(outcome?._tag === 'Failed' && outcome.failure._tag === 'HookFailed')
  assert.equal(log, ['released a: Failed'])
})

throwsToo('infers what a handler is given', async () => {
  const processor = pipe(
    receive(text),
    handle(otherwise(throwing(nth(2))(async ({ body }) => (body === 'a' ? ack : nack()))))
  )
  assert.equal(await outcomes(processor, ['a'])(), [ack])
})

throwsToo.run()

const crashes = suite('crashing')

crashes('never settles, before it ran or after, and the next runs', async () => {
  for (const ran of [false, true]) {
    const clock = virtualClock()
    const log: unknown[] = []
    const processor = pipe(noting(log), crashing(nth(1), { ran }), withTimeout(100, { graceMs: 50, clock }))
    assert.equal(await clock.finish(outcomes(processor, ['a', 'b'])()), [failed(timedOut(100, true)), ack])
    assert.equal(log, ran ? ['a', 'b'] : ['b'])
  }
})

crashes('loses nothing with a source that brings messages back', async () => {
  for (const ran of [false, true]) {
    const clock = virtualClock()
    const log: unknown[] = []
    const source = memory(
      numbered(4).map((id) => message(id, { id })),
      { clock }
    )
    const processor = pipe(noting(log), withDlq(memoryDlq()), crashing(nth(3), { ran }))
    const start = (signal: AbortSignal) =>
      consume(source, { drainMs: 10, graceMs: 10, clock })(processor)(signal)()
    const stop = new AbortController()
    const first = start(stop.signal)
    await clock.advance(5)
    assert.equal(log, ran ? ['1', '2', '3'] : ['1', '2'])
    stop.abort()
    assert.is((await clock.finish(first)).acked, 2)
    log.length = 0
    assert.is((await clock.finish(start(never))).acked, 4)
    assert.equal(log, numbered(4))
  }
})

crashes('passes on what it does not strike, and keeps the settled mark', async () => {
  const settled = pipe(noting([], throws), withDlq(memoryDlq()), crashing(nth(9)))
  const [outcome] = await outcomes(settled, ['a'])()
  assert.equal([outcome?._tag, isSettled(settled)], ['DeadLettered', true])
  assert.ok(isDefect((await outcomes(pipe(noting([]), crashing(throws)), ['a'])())[0], 'crashing'))
})

crashes.run()

const duplicates = suite('duplicating')

duplicates('runs each message twice, as a source brings it back, and gives the second outcome', async () => {
  const log: unknown[] = []
  const verdicts: readonly Verdict[] = [ack, nack(), failed(late), ack]
  const processor = noting(log, async () => verdicts[log.length - 1] as Verdict)
  assert.equal(await outcomes(pipe(processor, duplicating()), ['a', 'b'])(), [nack(), ack])
  assert.equal(log, ['a', 'a, 2', 'b', 'b, 2'])
})

duplicates('changes nothing about what an idempotent handler does, and something about any other', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.nat(5), { minLength: 1 }), async (numbers) => {
      const totalOf = async (isIdempotent: boolean, around: (processor: Processor) => Processor) => {
        const seen = new Set<string>()
        let total = 0
        const adding = noting([], async ({ id, body }) => {
          if (!isIdempotent || !seen.has(id)) total += Number(body) + 1
          seen.add(id)
          return ack
        })
        await outcomes(around(adding), numbers)()
        return total
      }
      const once = await totalOf(true, (processor) => processor)
      assert.is(await totalOf(true, duplicating()), once)
      assert.is(await totalOf(false, duplicating()), once * 2)
    })
  )
)

duplicates('runs twice what is struck alone, a throw included', async () => {
  const log: unknown[] = []
  const given = await outcomes(pipe(noting(log, throws), duplicating(every(2))), ['a', 'b', 'c'])()
  assert.ok(given.every((outcome) => isDefect(outcome, 'the handler of otherwise')))
  assert.equal(log, ['a', 'b', 'b, 2', 'c'])
  assert.ok(isDefect((await outcomes(pipe(noting([]), duplicating(throws)), ['a'])())[0], 'duplicating'))
})

duplicates('gives each delivery a record of its own', async () => {
  const traces: unknown[] = []
  const bare: Processor =
    ({ trace }) =>
    async () => {
      traces.push(trace)
      return ack
    }
  const order = message('a')
  await duplicating()(bare)(order)()
  assert.is(traces.length, 2)
  assert.is.not(traces[0], order.trace)
  assert.is(traces[1], order.trace)
})

duplicates('keeps one dead letter, and starts nothing after an interruption', async () => {
  const queue = memoryDlq()
  const failingAlways = pipe(
    noting([], async () => failed(late)),
    withDlq(queue),
    duplicating()
  )
  assert.equal([await outcomes(failingAlways, ['a'])(), queue.letters().length], [[deadLettered(late)], 1])
  const log: unknown[] = []
  const stop = new AbortController()
  const interrupted = noting(log, async () => {
    stop.abort(interruption('shutdown'))
    return nack()
  })
  const order = message('a', { signal: stop.signal })
  assert.equal(await duplicating()(interrupted)(order)(), released('shutdown'))
  assert.equal(log, ['a'])
})

duplicates('lets a handler be given up in either delivery', async () => {
  for (const first of [true, false]) {
    const clock = virtualClock()
    const log: string[] = []
    const hanging = pipe(
      receive(text),
      hook(
        'tx',
        async () => 1,
        async (_, __, { abandoned }) => void log.push(abandoned ? 'abandoned' : 'released')
      ),
      handle(
        otherwise(({ deliveryCount }) =>
          first === (deliveryCount === 1) ? new Promise<Verdict>(() => undefined) : Promise.resolve(ack)
        )
      ),
      duplicating(),
      withTimeout(100, { graceMs: 50, clock })
    )
    assert.equal(await clock.finish(outcomes(hanging, ['a'])()), [failed(timedOut(100, true))])
    assert.is(log.at(first ? 0 : 1), 'abandoned')
  }
})

duplicates.run()

const delays = suite('delaying')

delays('runs a message after its delay, and passes its outcome on', async () => {
  const clock = virtualClock()
  const verdicts: readonly Verdict[] = [ack, nack(), failed(late)]
  const at: unknown[] = []
  const processor = noting([], async ({ body }) => {
    at.push([body, clock.monotonic()])
    return verdicts[Number(body)] as Verdict
  })
  const delayed = pipe(
    processor,
    delaying(({ id }) => Number(id) * 10, { clock })
  )
  assert.equal(await clock.finish(outcomes(delayed, [0, 1, 2])()), verdicts)
  assert.equal(at, [
    ['0', 10],
    ['1', 30],
    ['2', 60]
  ])
  assert.ok(
    isDefect(
      (await clock.finish(outcomes(delaying(5, { clock })(noting([], throws)), ['a'])()))[0],
      'the handler of otherwise'
    )
  )
})

delays('does not run what is interrupted or timed out meanwhile', async () => {
  const clock = virtualClock()
  const log: unknown[] = []
  const slow = pipe(noting(log), delaying(1_000, { clock }))
  const stop = new AbortController()
  const outcome = slow(message('a', { signal: stop.signal }))()
  clock.after(100, () => stop.abort(interruption('shutdown')))
  assert.equal([await clock.finish(outcome), clock.monotonic()], [released('shutdown'), 100])
  const limited = withTimeout(500, { clock })(slow)
  assert.equal(await clock.finish(outcomes(limited, ['b'])()), [failed(timedOut(500))])
  await clock.advance(1_000)
  assert.equal([log, clock.waiting()], [[], []])
})

delays('is a defect where its own function throws', async () => {
  const processor = pipe(noting([]), delaying(throws, { clock: virtualClock() }))
  assert.ok(isDefect((await outcomes(processor, ['a'])())[0], 'delaying'))
})

delays.run()

const flaky = suite('flakyDlq')

flaky('does not store what is struck, or stores it and does not say so', async () => {
  for (const ran of [false, true]) {
    const queue = memoryDlq()
    const failingAlways = noting([], async () => failed(late))
    const processor = pipe(failingAlways, withDlq(flakyDlq(every(2), { ran })(queue)))
    const unstored = failed(dlqUnavailable('injected', late))
    assert.equal(await outcomes(processor, ['a', 'b', 'c'])(), [
      deadLettered(late),
      unstored,
      deadLettered(late)
    ])
    assert.equal(
      queue.letters().map(({ id }) => id),
      ran ? ['1', '2', '3'] : ['1', '3']
    )
  }
})

flaky('loses nothing, and stores nothing twice, where failed messages are brought back', () =>
  fc.assert(
    fc.asyncProperty(fc.integer(), fc.boolean(), async (seed, ran) => {
      const clock = virtualClock()
      const queue = memoryDlq({ clock })
      const log: unknown[] = []
      const processor = pipe(
        noting(log, async () => failed(late)),
        withDlq(flakyDlq(randomly(0.5, seededRandom(seed)), { ran })(queue), { clock })
      )
      const source = memory(
        numbered(10).map((id) => message(id, { id })),
        { clock }
      )
      const report = await clock.finish(consume(source, { clock })(processor)(never)())
      assert.is(report.deadLettered, 10)
      assert.equal(
        queue
          .letters()
          .map(({ id }) => id)
          .toSorted(),
        numbered(10).toSorted()
      )
    }),
    { numRuns: 20 }
  )
)

flaky('passes on all else that a queue does, and what it answers', async () => {
  const asked: unknown[] = []
  const queue: Dlq = {
    location: 'somewhere',
    put: (_, raw) => async () => {
      asked.push(['put', raw])
      return right(undefined)
    },
    recall:
      ({ id }) =>
      async () => {
        asked.push(['recall', id])
        return right('dead')
      },
    resolve:
      ({ id }) =>
      async () => {
        asked.push(['resolve', id])
        return right(undefined)
      }
  }
  const { location, put, recall, resolve } = flakyDlq(nth())(queue)
  const identity = { source: 's', id: '1', bytes: new Uint8Array() }
  assert.equal(
    [location, await put({} as DeadLetter, 'raw')(), await recall?.(identity)(), await resolve?.(identity)()],
    ['somewhere', right(undefined), right('dead'), right(undefined)]
  )
  assert.equal(asked, [
    ['put', 'raw'],
    ['recall', '1'],
    ['resolve', '1']
  ])
  const { put: bare } = queue
  assert.equal(flakyDlq(nth())({ location: '', put: bare }).recall, undefined)
})

flaky.run()

const shuffles = suite('shuffled')

shuffles('gives the same values in an order that the seed decides', () =>
  fc.assert(
    fc.property(fc.array(fc.nat()), fc.integer(), (all, seed) => {
      const before = [...all]
      const order = shuffled(seededRandom(seed))(all)
      assert.equal(all, before)
      assert.equal(shuffled(seededRandom(seed))(all), order)
      assert.equal(
        order.toSorted((a, b) => a - b),
        all.toSorted((a, b) => a - b)
      )
    })
  )
)

shuffles('comes to every order', () => {
  const random = seededRandom(1)
  const orders = new Set(Array.from({ length: 200 }, () => shuffled(random)('abc').join('')))
  assert.is(orders.size, 6)
})

shuffles.run()
