import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as fc from 'fast-check'
import { getEventListeners } from 'node:events'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type BatchHandler, batched } from '../../lib/combinators/batch.js'
import { combine } from '../../lib/combinators/combine.js'
import { withTimeout } from '../../lib/combinators/timeout.js'
import { rejected, timedOut } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { type Message, amend, interruption, message } from '../../lib/core/message.js'
import { type Outcome, type Verdict, ack, ackWith, failed, nack, released } from '../../lib/core/outcome.js'
import { type Context, hook, receive } from '../../lib/core/pipeline.js'
import { type Processor, combinator } from '../../lib/core/processor.js'
import type { Handler } from '../../lib/core/route.js'
import { type ConsumeOptions, consume } from '../../lib/interpreters/consume.js'
import { http } from '../../lib/interpreters/http.js'
import { memory } from '../../lib/interpreters/memory.js'
import { byField } from '../../lib/matchers/keyed.js'
import { otherwise, route } from '../../lib/matchers/route.js'
import { type VirtualClock, turn, virtualClock } from '../support/clock.js'

fc.configureGlobal({ includeErrorInReport: true })

type Items = Parameters<BatchHandler<Message, Context<unknown>>>[0]

const idsOf = (items: Items): readonly string[] => items.map(({ input }) => input.id)

const only = (handler: Handler<any, any>): Processor => pipe(receive(json), handle(otherwise(handler)))

/** What code without types may give. */
const untyped = (give: (items: Items) => unknown): BatchHandler<Message, Context<unknown>> => give as never

const waiting = (clock: VirtualClock, delayMs: number): Promise<void> =>
  new Promise((resolve) => void clock.after(delayMs, resolve))

/** A message, and how its delivery is interrupted. */
const interruptible = (id: string): { readonly message: Message; readonly abort: () => void } => {
  const controller = new AbortController()
  return {
    message: message('1', { id, signal: controller.signal }),
    abort: () => controller.abort(interruption('shutdown'))
  }
}

const numbered = (count: number): readonly Message[] =>
  Array.from({ length: count }, (_, index) => message('1', { id: String(index + 1) }))

const runAll = (processor: Processor, messages: readonly Message[]): Promise<readonly Outcome[]> =>
  Promise.all(messages.map((each) => processor(each)()))

/** What is the same on every machine: outcomes without stacks. */
const plain = (outcomes: unknown): unknown =>
  JSON.parse(JSON.stringify(outcomes, (key, value) => (key === 'stack' ? undefined : value)))

const defectOf = (name: string, text: string, label = 'otherwise') => ({
  _tag: 'Failed',
  failure: { _tag: 'Defect', where: `the handler of ${label}`, name, message: text }
})
const noVerdict = (place: number) =>
  defectOf(
    'TypeError',
    `gave something that is no verdict for message ${place} of its batch; give ack, nack() or failed(...)`
  )

const gathering = suite('batched')

gathering('is called once for as many as are wanted, and gives each its own verdict', async () => {
  const clock = virtualClock()
  const calls: (readonly string[])[] = []
  const verdicts: readonly Verdict[] = [
    ackWith({ reply: 1 }),
    nack({ afterMs: 5 }),
    failed(rejected('late')),
    ack
  ]
  const handler = batched(
    4,
    50,
    async (items: Items) => {
      calls.push(idsOf(items))
      return verdicts
    },
    clock
  )
  const outcomes = runAll(only(handler), numbered(4))
  assert.equal(calls, [['1', '2', '3', '4']])
  assert.equal(await outcomes, verdicts)
  assert.equal([clock.monotonic(), clock.waiting()], [0, []])
})

gathering('is called for what there is after a while, counted from the first', async () => {
  const clock = virtualClock()
  const calls: unknown[] = []
  const processor = only(
    batched(
      4,
      50,
      async (items: Items) => {
        calls.push([clock.monotonic(), ...idsOf(items)])
        return ack
      },
      clock
    )
  )
  const [one, two, three] = numbered(3) as [Message, Message, Message]
  const outcomes = [processor(one)()]
  await clock.advance(30)
  outcomes.push(processor(two)())
  await clock.advance(20)
  outcomes.push(processor(three)())
  assert.equal(await clock.finish(Promise.all(outcomes)), [ack, ack, ack])
  assert.equal(calls, [
    [50, '1', '2'],
    [100, '3']
  ])
})

gathering('takes one verdict for all, whatever it is', async () => {
  for (const verdict of [ack, ackWith({ note: 'all' }), nack({ afterMs: 5 }), failed(rejected('late'))]) {
    const handler = batched(2, 50, async () => verdict, virtualClock())
    assert.equal(await runAll(only(handler), numbered(2)), [verdict, verdict])
  }
})

gathering('takes a Task, too', async () => {
  const handler = batched(2, 50, (items: Items) => T.of(items.map(() => ack)), virtualClock())
  assert.equal(await runAll(only(handler), numbered(2)), [ack, ack])
})

gathering('gives each item what its matcher gave and its hooks provide', async () => {
  const given: unknown[] = []
  const processor = pipe(
    receive(json),
    hook('tenant', async ({ message }) => message.headers.tenant),
    handle(
      route(
        byField('type', 'a'),
        batched(
          2,
          50,
          async (items) => {
            given.push(
              ...items.map(({ input, context }) => [input, context.tenant, context.message.headers.tenant])
            )
            return ack
          },
          virtualClock()
        )
      )
    )
  )
  await runAll(
    processor,
    ['x', 'y'].map((tenant) => message({ type: 'a', tenant }, { headers: { tenant } }))
  )
  assert.equal(given, [
    [{ type: 'a', tenant: 'x' }, 'x', 'x'],
    [{ type: 'a', tenant: 'y' }, 'y', 'y']
  ])
})

gathering('fails with what it throws the messages of its own batch alone, and goes on', async () => {
  const ways: readonly BatchHandler<Message, Context<unknown>>[] = [
    untyped(() => {
      throw new RangeError('odd')
    }),
    async () => Promise.reject(new RangeError('odd')),
    () => async () => Promise.reject(new RangeError('odd'))
  ]
  for (const way of ways) {
    let calls = 0
    const handler = batched(
      2,
      50,
      (items: Items) => ((calls += 1) === 2 ? way(items) : Promise.resolve(ack)),
      virtualClock()
    )
    const odd = defectOf('RangeError', 'odd')
    assert.equal(plain(await runAll(only(handler), numbered(6))), plain([ack, ack, odd, odd, ack, ack]))
  }
})

gathering('fails all of a batch for another number of verdicts, or for nothing', async () => {
  const wrongs: readonly (readonly [given: unknown, text: string])[] = [
    [undefined, 'gave neither a verdict nor an array of verdicts'],
    [null, 'gave neither a verdict nor an array of verdicts'],
    [{ 0: ack, 1: ack, length: 2 }, 'gave neither a verdict nor an array of verdicts'],
    [new Set([ack]), 'gave neither a verdict nor an array of verdicts'],
    [[], 'gave 0 verdicts for 2 messages; give one for each, or one for all'],
    [[ack], 'gave 1 verdicts for 2 messages; give one for each, or one for all'],
    [[ack, ack, ack], 'gave 3 verdicts for 2 messages; give one for each, or one for all']
  ]
  for (const [given, text] of wrongs) {
    const handler = batched(
      2,
      50,
      untyped(async () => given),
      virtualClock()
    )
    const defect = defectOf('TypeError', text)
    assert.equal(plain(await runAll(only(handler), numbered(2))), [defect, defect])
  }
  const notAwaited = batched(
    1,
    50,
    untyped(() => ack),
    virtualClock()
  )
  assert.equal(await runAll(only(notAwaited), numbered(1)), [ack])
})

gathering('fails the message alone whose entry is no verdict', async () => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  const holed: unknown[] = [ack]
  holed[2] = ack
  const hostile = {
    get _tag(): never {
      throw new RangeError('hostile')
    }
  }
  const wrongs: readonly (readonly [given: unknown, second: unknown])[] = [
    [[ack, undefined, ack], noVerdict(2)],
    [[ack, 'Acked', ack], noVerdict(2)],
    [[ack, released('shutdown'), ack], noVerdict(2)],
    [[ack, Promise.resolve(ack), ack], noVerdict(2)],
    [[ack, Promise.reject(new Error('late')), ack], noVerdict(2)],
    [holed, noVerdict(2)],
    [[ack, hostile, ack], defectOf('RangeError', 'hostile')]
  ]
  for (const [given, second] of wrongs) {
    const handler = batched(
      3,
      50,
      untyped(async () => given),
      virtualClock()
    )
    assert.equal(plain(await runAll(only(handler), numbered(3))), plain([ack, second, ack]))
  }
  const short = batched(
    3,
    50,
    untyped(async () => [Promise.reject(new Error('late'))]),
    virtualClock()
  )
  await runAll(only(short), numbered(3))
  await turn()
  process.off('unhandledRejection', listen)
  assert.equal(unhandled, [])
})

gathering('is not hurt by a handler that changes its items', async () => {
  const emptied = batched(
    2,
    50,
    untyped(async (items) => {
      ;(items as unknown[]).length = 0
      return [ack, nack()]
    }),
    virtualClock()
  )
  assert.equal(await runAll(only(emptied), numbered(2)), [ack, nack()])
})

gathering('runs batches beside each other', async () => {
  const clock = virtualClock()
  const log: unknown[] = []
  const processor = only(
    batched(
      2,
      50,
      async (items: Items) => {
        log.push(['began', clock.monotonic(), ...idsOf(items)])
        await waiting(clock, idsOf(items).includes('1') ? 200 : 100)
        log.push(['ended', clock.monotonic(), ...idsOf(items)])
        return ack
      },
      clock
    )
  )
  await clock.finish(runAll(processor, numbered(4)))
  assert.equal(log, [
    ['began', 0, '1', '2'],
    ['began', 0, '3', '4'],
    ['ended', 100, '3', '4'],
    ['ended', 200, '1', '2']
  ])
})

gathering('takes into the next batch what its handler itself sends', async () => {
  const clock = virtualClock()
  const calls: (readonly string[])[] = []
  const later: Promise<Outcome>[] = []
  const processor: Processor = only(
    batched(
      1,
      50,
      (items: Items) => {
        calls.push(idsOf(items))
        if (calls.length === 1) later.push(processor(message('1', { id: 'sent' }))())
        return Promise.resolve(ack)
      },
      clock
    )
  )
  assert.equal(await runAll(processor, numbered(1)), [ack])
  assert.equal([await Promise.all(later), calls], [[ack], [['1'], ['sent']]])
})

gathering('refuses numbers that make no sense', () => {
  const make = (max: number, withinMs: number) => () =>
    batched(max, withinMs, async () => ack, virtualClock())
  for (const max of [0, -1, 1.5, NaN, Infinity])
    assert.throws(
      make(max, 50),
      (thrown: unknown) => thrown instanceof RangeError && thrown.message.includes('max')
    )
  for (const withinMs of [-1, NaN, Infinity, 2 ** 31])
    assert.throws(
      make(1, withinMs),
      (thrown: unknown) => thrown instanceof RangeError && thrown.message.includes('withinMs')
    )
  make(1, 0)()
})

gathering('takes one verdict for all of a handler that has emptied its array', async () => {
  const clock = virtualClock()
  const draining = untyped((items) => {
    ;(items as unknown[]).length = 0
    return ack
  })
  const processor = only(batched(2, 5, draining, clock))
  assert.equal(await runAll(processor, numbered(2)), [ack, ack])
})

gathering.run()

const interrupting = suite('batched: a message whose signal aborts')

interrupting('leaves the batch while it waits, at once, and is Released', async () => {
  const clock = virtualClock()
  const calls: (readonly string[])[] = []
  const processor = only(
    batched(
      3,
      50,
      async (items: Items) => {
        calls.push(idsOf(items))
        return ack
      },
      clock
    )
  )
  const { message: leaving, abort } = interruptible('leaving')
  const [one, two, three] = numbered(3) as [Message, Message, Message]
  const first = processor(one)()
  const left = processor(leaving)()
  await clock.advance(10)
  abort()
  assert.equal([await left, clock.monotonic(), calls], [released('shutdown'), 10, []])
  const others = runAll(processor, [two, three])
  assert.equal([await first, await others, calls], [ack, [ack, ack], [['1', '2', '3']]])
})

interrupting('leaves nothing behind where it was the only one', async () => {
  const clock = virtualClock()
  let calls = 0
  const processor = only(
    batched(
      2,
      50,
      async () => {
        calls += 1
        return ack
      },
      clock
    )
  )
  const { message: leaving, abort } = interruptible('leaving')
  const left = processor(leaving)()
  assert.equal(clock.waiting(), [50])
  await clock.advance(20)
  abort()
  assert.equal([await left, clock.waiting(), calls], [released('shutdown'), [], 0])
  const next = processor(message('1'))()
  assert.equal(clock.waiting(), [50])
  assert.equal([await clock.finish(next), clock.monotonic(), calls], [ack, 70, 1])
})

interrupting('does not join where it came too late', async () => {
  const clock = virtualClock()
  const { message: late, abort } = interruptible('late')
  abort()
  const processor = only(batched(1, 50, async () => ack, clock))
  assert.equal([await processor(late)(), clock.waiting()], [released('shutdown'), []])
})

interrupting('is not listened to any more once its batch is started, or it has left', async () => {
  const clock = virtualClock()
  const controller = new AbortController()
  const heard = () => getEventListeners(controller.signal, 'abort').length
  const processor = only(batched(2, 50, async () => ack, clock))
  const outcomes = Array.from({ length: 3 }, () => processor(message('1', { signal: controller.signal }))())
  assert.is(heard(), 1)
  assert.equal(await clock.finish(Promise.all(outcomes)), [ack, ack, ack])
  assert.is(heard(), 0)
  const left = processor(message('1', { signal: controller.signal }))()
  controller.abort(interruption('leaseLost'))
  assert.equal([await left, heard()], [released('leaseLost'), 0])
})

interrupting('stays in a batch that runs: an ack stands, and what failed is Released', async () => {
  const verdicts: readonly (readonly [Verdict, Outcome])[] = [
    [ackWith({ note: 'done' }), ackWith({ note: 'done' })],
    [nack(), released('shutdown')],
    [failed(rejected('late')), released('shutdown')]
  ]
  for (const [verdict, outcome] of verdicts) {
    const clock = virtualClock()
    const { message: interrupted, abort } = interruptible('1')
    const processor = only(
      batched(
        2,
        50,
        async (items: Items) => {
          await waiting(clock, 100)
          return items.map(() => verdict)
        },
        clock
      )
    )
    const outcomes = runAll(processor, [interrupted, message('1')])
    await clock.advance(10)
    abort()
    assert.equal([await clock.finish(outcomes), clock.monotonic()], [[outcome, verdict], 100])
  }
})

interrupting('is TimedOut where it waits too long for its batch, which goes on without it', async () => {
  const clock = virtualClock()
  const calls: (readonly string[])[] = []
  const handler = batched(
    3,
    50,
    async (items: Items) => {
      calls.push(idsOf(items))
      return ack
    },
    clock
  )
  const processor = pipe(receive(json), handle(otherwise(handler)), withTimeout(30, 10, clock))
  const [one, two] = numbered(2) as [Message, Message]
  const first = processor(one)()
  await clock.advance(25)
  const second = processor(two)()
  assert.equal([await clock.finish(first), clock.monotonic()], [failed(timedOut(30)), 30])
  assert.equal([await clock.finish(second), clock.monotonic()], [ack, 50])
  assert.equal(calls, [['2']])
})

interrupting('is given up while its batch hangs, and the others get their verdicts', async () => {
  const clock = virtualClock()
  const log: string[] = []
  const noting = hook(
    'noting',
    async ({ message }: { readonly message: Message }) => message.id,
    async (id, { _tag }, { abandoned }) =>
      void log.push(`${clock.monotonic()}: ${id} ${_tag}${abandoned ? ', abandoned' : ''}`)
  )
  const slow = batched(
    2,
    50,
    async () => {
      await waiting(clock, 200)
      return ack
    },
    clock
  )
  const hasty = combinator('hasty', (processor) => {
    const limited = withTimeout(100, 10, clock)(processor)
    return (each) => (each.id === '1' ? limited : processor)(each)
  })
  const processor = pipe(receive(json), noting, handle(otherwise(slow)), hasty)
  assert.equal(await clock.finish(runAll(processor, numbered(2))), [failed(timedOut(100, true)), ack])
  assert.equal(log, ['110: 1 Failed, abandoned', '200: 2 Acked'])
})

interrupting.run()

const holding = suite('batched: hooks')

holding('are held until the batch is done, each message having its own', async () => {
  const clock = virtualClock()
  const log: string[] = []
  const processor = pipe(
    receive(json),
    hook(
      'tx',
      async ({ message }) => {
        log.push(`${clock.monotonic()}: began ${message.id}`)
        return message.id
      },
      async (id, { _tag }) => void log.push(`${clock.monotonic()}: ended ${id}, ${_tag}`)
    ),
    handle(
      otherwise(
        batched(
          2,
          50,
          async (items) => {
            await waiting(clock, 100)
            log.push(`${clock.monotonic()}: ran with ${items.map(({ context }) => context.tx).join()}`)
            return [ack, nack()]
          },
          clock
        )
      )
    )
  )
  await clock.finish(runAll(processor, numbered(2)))
  assert.equal(log, [
    '0: began 1',
    '0: began 2',
    '100: ran with 1,2',
    '100: ended 1, Acked',
    '100: ended 2, Nacked'
  ])
})

holding.run()

const separating = suite('batched: one value used in several places')

/** What one value was called for, used in whatever way. */
const callsOf = async (
  use: (handler: Handler<any, Context<any>>) => readonly Processor[],
  payloads: readonly unknown[]
): Promise<readonly (readonly unknown[])[]> => {
  const clock = virtualClock()
  const calls: (readonly unknown[])[] = []
  const handler = batched(
    2,
    50,
    async (items: readonly { readonly context: Context<any> }[]) => {
      calls.push(items.map(({ context }) => context.message.body))
      return ack
    },
    clock
  )
  const processors = use(handler)
  const runs = payloads.flatMap((payload) => processors.map((processor) => processor(message(payload))()))
  await clock.finish(Promise.all(runs))
  return calls
}

separating('gathers for each route apart', async () => {
  const twoRoutes = (handler: Handler<any, Context<any>>) => [
    pipe(receive(json), handle(route(byField('type', 'a'), handler), route(byField('type', 'b'), handler)))
  ]
  const [a, b] = [{ type: 'a' }, { type: 'b' }]
  assert.equal(await callsOf(twoRoutes, [a, b, a, b, b]), [[a, a], [b, b], [b]])
})

separating('gathers for each processor apart', async () => {
  assert.equal(await callsOf((handler) => [only(handler), only(handler)], [1, 2, 3]), [
    [1, 2],
    [1, 2],
    [3],
    [3]
  ])
})

separating('gathers for a pipeline that is run by several together', async () => {
  const shared = (handler: Handler<any, Context<any>>) => {
    const processor = only(handler)
    return [processor, processor]
  }
  assert.equal(await callsOf(shared, [1, 2]), [
    [1, 1],
    [2, 2]
  ])
})

separating('gathers, too, where a user wrapped it, or copied what it carries', async () => {
  const wrapped = (handler: Handler<any, Context<any>>) => [only((input, context) => handler(input, context))]
  assert.equal(await callsOf(wrapped, [1, 2, 3]), [[1, 2], [3]])
  let wraps = 0
  const copied = (handler: Handler<any, Context<any>>) => {
    const wrapper: Handler<any, Context<any>> = (input, context) => {
      wraps += 1
      return handler(input, context)
    }
    return [only(Object.assign(wrapper, handler))]
  }
  assert.equal([await callsOf(copied, [1, 2, 3]), wraps], [[[1, 2], [3]], 3])
})

separating.run()

const filling = suite('batched: where it could never fill')

const hundreds = () => batched(100, 50, async () => ack, virtualClock())

/** Why a run is not started, or how else it ends. */
const refusalOf = async (processor: Processor, options: ConsumeOptions): Promise<string> => {
  const run = consume(memory([]), { onFailed: 'stop', ...options, clock: virtualClock() })(processor)
  const { ended } = await run(new AbortController().signal)()
  return ended._tag === 'NotStarted' ? ended.error.message : ended._tag
}

filling('is told by the description, through all that is around the route', () => {
  const processor = pipe(
    receive(json),
    handle(
      route(byField('type', 'a'), hundreds(), (processor) => (each) => processor(each)),
      route(byField('type', 'b'), async () => ack)
    ),
    withTimeout(30, 10, virtualClock())
  )
  const other = only(batched(5, 10, async () => ack, virtualClock()))
  assert.equal(
    combine(processor, other).description?.routes.map(({ label, batch }) => [label, batch]),
    [
      ['a', { max: 100, withinMs: 50 }],
      ['b', undefined],
      ['otherwise', { max: 5, withinMs: 10 }]
    ]
  )
})

filling('is refused by consume before anything is run, saying which numbers to change', async () => {
  const processor = only(hundreds())
  const refused = (concurrency: number) =>
    `the route otherwise is batched by 100 and concurrency is ${concurrency}, so no batch would ever be full and each would wait 50 ms; say concurrency: 100, or batched(${concurrency}, ...)`
  assert.is(await refusalOf(processor, {}), refused(1))
  assert.is(await refusalOf(processor, { concurrency: 99 }), refused(99))
  assert.is(await refusalOf(processor, { concurrency: 100 }), 'Drained')
  assert.is(await refusalOf(only(batched(1, 50, async () => ack, virtualClock())), {}), 'Drained')
})

filling('cannot be asked of a processor that tells no routes', async () => {
  const processor = only(hundreds())
  assert.is(await refusalOf((each) => processor(each), {}), 'Drained')
})

filling('is refused by http', async () => {
  const run = http({ port: 0, concurrency: 10 })(only(hundreds()))
  const { ended } = await run(new AbortController().signal)()
  assert.is(
    ended._tag === 'NotStarted' && ended.error.message,
    'http: the route otherwise is batched by 100 and concurrency is 10, so no batch would ever be full and each would wait 50 ms; say concurrency: 100, or batched(10, ...)'
  )
})

filling.run()

const running = suite('batched: in a run')

/** The batches of a run over a source, each with the time of its start. */
const runOver = async (
  messages: readonly Message[],
  [max, withinMs]: readonly [max: number, withinMs: number],
  options: ConsumeOptions
) => {
  const clock = virtualClock()
  const batches: (readonly [at: number, ...ids: string[]])[] = []
  const handler: BatchHandler<Message, Context<unknown>> = async (items) => {
    batches.push([clock.monotonic(), ...idsOf(items)])
    await waiting(clock, 10)
    return ack
  }
  const processor = only(batched(max, withinMs, handler, clock))
  const run = consume(memory(messages, { clock }), { onFailed: 'report', ...options, clock })(processor)
  const stopping = new AbortController()
  return { clock, batches, report: run(stopping.signal)(), stop: () => stopping.abort() }
}

running('fills as many batches as the concurrency has room for, and the rest is less', async () => {
  const { clock, batches, report } = await runOver(numbered(250), [100, 50], { concurrency: 200 })
  const { acked, ended } = await clock.finish(report)
  assert.equal([acked, ended], [250, { _tag: 'Drained' }])
  assert.equal(
    batches.map(([at, ...ids]) => [at, ids.length]),
    [
      [0, 100],
      [0, 100],
      [60, 50]
    ]
  )
})

running('has one message of a key at a time, where there is an order', async () => {
  const keyed = numbered(6).map((each, index) => amend(each, { headers: { key: index < 4 ? 'a' : 'b' } }))
  const { clock, batches, report } = await runOver(keyed, [2, 50], {
    concurrency: 2,
    orderBy: ({ headers }) => headers.key
  })
  assert.is((await clock.finish(report)).acked, 6)
  assert.equal(batches, [
    [0, '1', '5'],
    [10, '2', '6'],
    [70, '3'],
    [130, '4']
  ])
})

running('finishes after a stop what waits for its batch', async () => {
  const { clock, batches, report, stop } = await runOver(numbered(3), [100, 50], { concurrency: 100 })
  await clock.advance(20)
  stop()
  const { acked, ended } = await clock.finish(report)
  assert.equal([acked, ended, batches], [3, { _tag: 'Aborted' }, [[50, '1', '2', '3']]])
})

running('releases after a stop what waits longer than it may', async () => {
  const { clock, batches, report, stop } = await runOver(numbered(3), [100, 5_000], {
    concurrency: 100,
    drainMs: 1_000
  })
  await clock.advance(20)
  stop()
  const { released, ended } = await clock.finish(report)
  assert.equal([released, ended, batches, clock.monotonic()], [3, { _tag: 'Aborted' }, [], 1_020])
})

running.run()

const laws = suite('batched: laws')

type Entry = 'ack' | 'nack' | 'failed' | 'nonsense'
type Way = 'verdicts' | 'one' | 'throws' | 'short' | 'long' | 'nothing'

interface Sent {
  readonly afterMs: number
  readonly entry: Entry
  /** How long after it was sent its delivery is interrupted. */
  readonly interruptedMs: number | undefined
}

interface Ran {
  readonly at: number
  readonly ids: readonly string[]
  readonly way: Way
  readonly until: number
}

const entries: Readonly<Record<Entry, (id: string) => unknown>> = {
  ack: (id) => ackWith({ note: id }),
  nack: (id) => nack({ reason: id }),
  failed: (id) => failed(rejected('late', { id })),
  nonsense: (id) => ({ _tag: 'Done', id })
}

const sentArbitrary: fc.Arbitrary<Sent> = fc.record({
  afterMs: fc.nat(12),
  entry: fc.constantFrom<Entry>('ack', 'ack', 'nack', 'failed', 'nonsense'),
  interruptedMs: fc.option(fc.nat(30), { nil: undefined, freq: 4 })
})
const wayArbitrary = fc.constantFrom<Way>('verdicts', 'verdicts', 'one', 'throws', 'short', 'long', 'nothing')

laws('each message is handed once, in time, with no more than may be, and gets what was given for it', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(sentArbitrary, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(20),
      fc.array(fc.record({ way: wayArbitrary, lastsMs: fc.nat(30) }), { minLength: 1, maxLength: 4 }),
      async (messages, max, withinMs, plans) => {
        const clock = virtualClock()
        const batches: Ran[] = []
        const handler = untyped(async (items) => {
          const { way, lastsMs } = plans[batches.length % plans.length] ?? { way: 'verdicts', lastsMs: 0 }
          const at = clock.monotonic()
          const ids = idsOf(items)
          batches.push({ at, ids, way, until: at + lastsMs })
          if (lastsMs > 0) await waiting(clock, lastsMs)
          if (way === 'throws') throw new RangeError(`batch at ${at}`)
          if (way === 'one') return ackWith({ note: 'all' })
          if (way === 'nothing') return undefined
          const given = ids.map((id) => entries[messages[Number(id)]?.entry ?? 'ack'](id))
          return way === 'short' ? given.slice(1) : way === 'long' ? [...given, ack] : given
        })
        const processor = only(batched(max, withinMs, handler, clock))

        let time = 0
        const sent = messages.map(({ afterMs, interruptedMs }, index) => {
          const at = (time += afterMs)
          const { message: each, abort } = interruptible(String(index))
          const outcome = waiting(clock, at).then(() => processor(each)())
          if (interruptedMs !== undefined) clock.after(at + interruptedMs, abort)
          return { at, outcome, interruptedAt: interruptedMs === undefined ? Infinity : at + interruptedMs }
        })
        const outcomes = await clock.finish(Promise.all(sent.map(({ outcome }) => outcome)))

        for (const { at, ids } of batches) {
          assert.ok(ids.length >= 1 && ids.length <= max, 'no batch is empty, or too large')
          const arrivals = ids.map((id) => sent[Number(id)]?.at ?? -1)
          assert.equal(
            arrivals,
            arrivals.toSorted((one, other) => one - other),
            'a batch is in the order in which its messages came'
          )
          assert.ok(
            arrivals.every((arrival) => at - arrival <= withinMs),
            'none waits too long'
          )
          assert.ok(
            ids.length === max || sent.some((each) => each.at === at - withinMs),
            'none is called early that is not full'
          )
        }
        for (const [index, { at, interruptedAt }] of sent.entries()) {
          const mine = batches.filter(({ ids }) => ids.includes(String(index)))
          const outcome = plain(outcomes[index])
          const [batch, ...again] = mine
          assert.equal(again, [], 'none is handed twice')
          if (batch === undefined) {
            assert.ok(interruptedAt - at <= withinMs, 'none is left out that did not leave')
            assert.equal(outcome, released('shutdown'))
            continue
          }
          assert.is(batch.ids.indexOf(String(index)), batch.ids.lastIndexOf(String(index)))
          assert.ok(interruptedAt >= batch.at, 'none is handed that left')
          const given = givenTo(batch, index, messages[index]?.entry ?? 'ack')
          const allowed = given._tag === 'Acked' ? [given] : [released('shutdown'), given]
          const due =
            interruptedAt === batch.until ? allowed : [interruptedAt < batch.until ? allowed[0] : given]
          assert.ok(
            due.some((each) => JSON.stringify(each) === JSON.stringify(outcome)),
            `${JSON.stringify(outcome)} is none of ${JSON.stringify(due)}`
          )
        }
        await clock.advance(30) // the interruptions of what was done before
        assert.equal(clock.waiting(), [], 'no timer is left')
      }
    ),
    { numRuns: 300 }
  )
)

/** What the handler gave for a message, by itself or with all. */
const givenTo = (
  { ids, way, at }: Ran,
  index: number,
  entry: Entry
): { readonly _tag: string; readonly [field: string]: unknown } => {
  const wrongNumber = (count: number) =>
    defectOf(
      'TypeError',
      `gave ${count} verdicts for ${ids.length} messages; give one for each, or one for all`
    )
  switch (way) {
    case 'one':
      return { _tag: 'Acked', note: 'all' }
    case 'throws':
      return defectOf('RangeError', `batch at ${at}`)
    case 'nothing':
      return defectOf('TypeError', 'gave neither a verdict nor an array of verdicts')
    case 'short':
      return wrongNumber(ids.length - 1)
    case 'long':
      return wrongNumber(ids.length + 1)
    case 'verdicts':
      return entry === 'nonsense'
        ? noVerdict(ids.indexOf(String(index)) + 1)
        : (entries[entry](String(index)) as { readonly _tag: string })
  }
}

laws.run()
