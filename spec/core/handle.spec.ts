import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { type Failure, malformed, multipleMatches, noMatch, rejected } from '../../lib/core/failure.js'
import { type Format, json, text } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import {
  type Interruption,
  type Message,
  type MessageFields,
  amend,
  interruption,
  message
} from '../../lib/core/message.js'
import {
  type Outcome,
  type Verdict,
  ack,
  ackWith,
  deadLettered,
  failed,
  nack,
  released
} from '../../lib/core/outcome.js'
import { hook, receive } from '../../lib/core/pipeline.js'
import type { Processor } from '../../lib/core/processor.js'
import { left, right } from '../../lib/core/result.js'
import type { Handler } from '../../lib/core/route.js'
import { and, named, or } from '../../lib/matchers/composed.js'
import { byField, byHeader } from '../../lib/matchers/keyed.js'
import { otherwise, route } from '../../lib/matchers/route.js'

const done = async () => ack
const Order = t.type({ type: t.literal('order'), total: t.number })
const order = { type: 'order', total: 3 }
const badOrder = { type: 'order', total: 'three' }
const notTotal = malformed([{ path: '.total', message: 'expected number' }])

/** A handler as code without types may have it. */
const untyped = (handler: () => unknown): Handler<unknown, unknown> => handler as never

const only = (handler: Handler<any, any>): Processor => pipe(receive(json), handle(otherwise(handler)))

/** What is the same on every machine: a failure without stacks. */
const plain = (outcome: Outcome): unknown =>
  JSON.parse(JSON.stringify(outcome, (key, value) => (key === 'stack' ? undefined : value)))

const defectAt = (where: string, name: string, text: string) => ({
  _tag: 'Failed',
  failure: { _tag: 'Defect', where, name, message: text }
})

const deciding = suite('handle: what happens when')

deciding('exactly one route matches: the verdict of its handler', async () => {
  const verdicts: readonly Verdict[] = [
    ack,
    ackWith({ note: 'done', reply: { n: 1 } }),
    nack(),
    nack({ reason: 'busy', afterMs: 50 }),
    failed(rejected('late', { by: 3 }))
  ]
  for (const verdict of verdicts) {
    const processor = pipe(
      receive(json),
      handle(
        route(Order, async () => verdict),
        route(byField('type', 'refund'), done)
      )
    )
    assert.equal(await processor(message(order))(), verdict)
  }
})

deciding(
  'the handler is an async function or a Task, and called when the Task runs, not before',
  async () => {
    const calls: string[] = []
    const task = only(() => async () => {
      calls.push('task')
      return ack
    })
    const eager = only(async () => {
      calls.push('async')
      return ack
    })
    const waiting = [task(message('1')), eager(message('1'))]
    assert.equal(calls, [])
    for (const waits of waiting) assert.equal(await waits(), ack)
    assert.equal(calls, ['task', 'async'])
  }
)

deciding('the same Task may run again: the handler is called each time', async () => {
  let calls = 0
  const counted = only(async () => ackWith({ reply: (calls += 1) }))(message('1'))
  assert.equal([await counted(), await counted()], [ackWith({ reply: 1 }), ackWith({ reply: 2 })])
})

deciding('no route matches: NoMatch with what each says', async () => {
  const processor = pipe(
    receive(json),
    handle(
      route(Order, done),
      route(
        named('small', ({ body }) => Number(body) < 3),
        done
      ),
      route(byHeader('x-event', 'push'), done)
    )
  )
  assert.equal(
    await processor(message({ type: 'refund' }))(),
    failed(
      noMatch([
        { route: 'order', reason: '.type is "refund", not "order"' },
        { route: 'small', reason: 'says no' },
        { route: 'push', reason: 'header x-event is absent, not "push"' }
      ])
    )
  )
})

deciding('no route matches of more than twenty: twenty are named and the rest counted', async () => {
  const routes = Array.from({ length: 50 }, (_, n) => route(byField('type', `t${n}`), done))
  const outcome = await pipe(receive(json), handle(...routes))(message({}))()
  const failure = outcome._tag === 'Failed' && outcome.failure
  assert.equal(failure && failure._tag === 'NoMatch' && [failure.routes.length, failure.more], [20, 30])
})

deciding('there is no route at all: NoMatch', async () => {
  assert.equal(await pipe(receive(json), handle())(message('1'))(), failed(noMatch()))
})

deciding('two or more match: MultipleMatches naming them, and no handler and no hook runs', async () => {
  const ran: string[] = []
  const noted = (name: string) => async () => {
    ran.push(name)
    return ack
  }
  const greeting = ({ body }: Message<string>) => body.startsWith('H')
  const question = ({ body }: Message<string>) => body.endsWith('?')
  const shout = ({ body }: Message<string>) => body.endsWith('!')
  const processor = pipe(
    receive(text),
    hook('noted', async () => ran.push('hook')),
    handle(
      route(greeting, noted('greeting')),
      route(question, noted('question')),
      route(shout, noted('shout')),
      otherwise(noted('otherwise'))
    )
  )
  assert.equal(await processor(message('Hello!'))(), failed(multipleMatches(['greeting', 'shout'])))
  assert.equal(ran, [])
})

deciding('the format cannot decode: Malformed, and nothing is asked or run', async () => {
  const ran: string[] = []
  const processor = pipe(
    receive(json),
    hook('noted', async () => ran.push('hook')),
    handle(
      route(() => ran.push('matcher') > 0, done),
      otherwise(done)
    )
  )
  assert.equal(await processor(message('Hello'))(), failed(malformed([{ path: '', message: 'not JSON' }])))
  assert.equal(ran, [])
})

deciding('the format gives another failure: that one, unchanged', async () => {
  const processor = pipe(
    receive(() => left(rejected('encrypted'))),
    handle(otherwise(done))
  )
  assert.equal(await processor(message('Hello'))(), failed(rejected('encrypted')))
})

deciding('the source found a fault: that failure, and no format is tried', async () => {
  const formats: string[] = []
  const format: Format<number> = () => right(formats.push('tried'))
  const processor = pipe(receive(format), handle(otherwise(done)))
  const fault = malformed([{ path: '', message: 'longer than 1 MiB' }])
  assert.equal(await processor(message('Hello', { fault }))(), failed(fault))
  assert.equal(formats, [])
})

deciding('the format throws, or gives what is no Either: Defect', async () => {
  const of = (format: () => unknown) => pipe(receive(format as Format<unknown>), handle(otherwise(done)))
  const throws = of(() => {
    throw new RangeError('odd')
  })
  assert.equal(plain(await throws(message('1'))()), defectAt('the format', 'RangeError', 'odd'))
  const odd = [{ _tag: 'Some' }, { ...left(rejected('late')), _tag: 'Some' }, left('late'), left(undefined)]
  for (const given of [3, {}, 'Left', ...odd])
    assert.equal(
      plain(await of(() => given)(message('1'))()),
      defectAt('the format', 'TypeError', 'gave something that is no Either')
    )
  for (const given of [undefined, null]) {
    const outcome = await of(() => given)(message('1'))()
    assert.equal(outcome._tag === 'Failed' && outcome.failure._tag, 'Defect')
  }
})

deciding('the format is asynchronous: Defect, and no rejection is left unhandled', async () => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  const asynchronous = async () => {
    throw new Error('late')
  }
  const processor = pipe(receive(asynchronous as never), handle(otherwise(done)))
  const outcome = await processor(message('1'))()
  await new Promise((resolve) => void setImmediate(resolve))
  process.off('unhandledRejection', listen)
  assert.equal(outcome._tag === 'Failed' && outcome.failure._tag, 'Defect')
  assert.is(unhandled.length, 0)
})

deciding(
  'the codec or schema of the route cannot decode: Malformed with paths; no handler, no hook',
  async () => {
    const ran: string[] = []
    for (const matcher of [Order, byField('type', 'order', t.type({ total: t.number }))]) {
      const processor = pipe(
        receive(json),
        hook('noted', async () => ran.push('hook')),
        handle(
          route(matcher, async () => {
            ran.push('handler')
            return ack
          }),
          otherwise(done)
        )
      )
      assert.equal(await processor(message(badOrder))(), failed(notTotal))
    }
    assert.equal(ran, [])
  }
)

deciding('a matcher throws: Defect naming the route, even if another takes the message', async () => {
  const odd = named('odd', () => {
    throw new RangeError('boom')
  })
  const processor = pipe(receive(json), handle(route(odd, done), route(Order, done), otherwise(done)))
  assert.equal(plain(await processor(message(order))()), defectAt('the matcher of odd', 'RangeError', 'boom'))
})

deciding('the handler throws or rejects, with anything: Defect naming the route', async () => {
  const throws = (thrown: unknown) => () => {
    throw thrown
  }
  const ways = (thrown: unknown): readonly Handler<unknown, unknown>[] => [
    untyped(throws(thrown)),
    untyped(() => throws(thrown)),
    untyped(async () => throws(thrown)()),
    untyped(() => async () => throws(thrown)())
  ]
  const cases: readonly (readonly [unknown, string, string])[] = [
    [new RangeError('boom'), 'RangeError', 'boom'],
    ['boom', 'string', 'boom'],
    [undefined, 'undefined', 'undefined'],
    [null, 'null', 'null'],
    [{ code: 7 }, 'object', '{"code":7}']
  ]
  for (const [thrown, name, text] of cases)
    for (const handler of ways(thrown)) {
      const processor = pipe(receive(json), handle(route(Order, handler)))
      assert.equal(plain(await processor(message(order))()), defectAt('the handler of order', name, text))
    }
})

deciding('the handler gives what is no verdict: Defect that says so', async () => {
  const said = (given: unknown): string =>
    given === undefined
      ? 'gave nothing; give ack, nack() or failed(...)'
      : `gave a value of type ${typeof given} that is no verdict; give ack, nack() or failed(...)`
  const given: readonly unknown[] = [
    undefined,
    null,
    'Acked',
    true,
    {},
    [ack],
    { _tag: 'Acknowledged' },
    { _tag: 'Failed' },
    { _tag: 'Failed', failure: 'late' },
    { _tag: 'Failed', failure: { _tag: 'Late' } },
    deadLettered(rejected('late')),
    released('shutdown'),
    () => ack
  ]
  for (const answer of given)
    for (const handler of [untyped(async () => answer), untyped(() => async () => answer)])
      assert.equal(
        plain(await only(handler)(message('1'))()),
        defectAt('the handler of otherwise', 'TypeError', said(answer)),
        JSON.stringify(answer)
      )
})

deciding('an outcome given without Task or Promise is taken as it is', async () => {
  assert.equal(await only(untyped(() => ack))(message('1'))(), ack)
})

deciding.run()

const interrupting = suite('handle: interrupted')

/** A message whose signal aborts when told, and what tells it. */
const interruptible = (payload: unknown, fields: MessageFields = {}) => {
  const controller = new AbortController()
  return {
    delivered: message(payload, { ...fields, signal: controller.signal }),
    interrupt: (reason: Interruption) => controller.abort(interruption(reason))
  }
}

interrupting('everything that a handler says but ack becomes Released', async () => {
  const answers: Readonly<Record<string, () => unknown>> = {
    nack: async () => nack({ afterMs: 5 }),
    failed: async () => failed(rejected('late')),
    rejects: async () => {
      throw new Error('aborted')
    },
    throws: () => {
      throw new Error('aborted')
    },
    'no verdict': async () => undefined
  }
  for (const reason of ['shutdown', 'leaseLost'] as const)
    for (const [name, answer] of Object.entries(answers))
      for (const withHook of [false, true]) {
        const { delivered, interrupt } = interruptible('1')
        const handler = untyped(() => {
          interrupt(reason)
          return answer()
        })
        const pipeline = receive(json)
        const hooked = pipe(
          pipeline,
          hook('one', async () => 1)
        )
        const processor = withHook
          ? pipe(hooked, handle(otherwise(handler)))
          : pipe(pipeline, handle(otherwise(handler)))
        assert.equal(await processor(delivered)(), released(reason), `${name}, hook: ${withHook}`)
      }
})

interrupting('a handler that acked has acked', async () => {
  const { delivered, interrupt } = interruptible('1')
  const processor = only(async () => {
    interrupt('shutdown')
    return ackWith({ note: 'done' })
  })
  assert.equal(await processor(delivered)(), ackWith({ note: 'done' }))
})

interrupting('what cannot be decoded or routed is Released, too', async () => {
  const processor = pipe(receive(json), handle(route(Order, done), route(byField('total', 3), done)))
  for (const payload of ['not JSON', {}, badOrder, order]) {
    const { delivered, interrupt } = interruptible(payload)
    interrupt('leaseLost')
    assert.equal(await processor(delivered)(), released('leaseLost'), JSON.stringify(payload))
  }
})

interrupting('a hook that cannot be acquired is no failure', async () => {
  const { delivered, interrupt } = interruptible('1')
  const processor = pipe(
    receive(json),
    hook('one', async () => {
      interrupt('shutdown')
      throw new Error('aborted')
    }),
    handle(otherwise(done))
  )
  assert.equal(await processor(delivered)(), released('shutdown'))
})

interrupting('an abort for another reason is none', async () => {
  const controller = new AbortController()
  const processor = only(async () => {
    controller.abort(new Error('mine'))
    return failed(rejected('late'))
  })
  assert.equal(await processor(message('1', { signal: controller.signal }))(), failed(rejected('late')))
})

interrupting.run()

const others = suite('otherwise')

others('asks no route a second time why it passed', async () => {
  let asked = 0
  const refuses = () => {
    asked += 1
    return false
  }
  const processor = pipe(
    receive(json),
    handle(
      route(refuses, async () => ack),
      otherwise(async () => ack)
    )
  )
  assert.equal([await processor(message('1'))(), asked], [ack, 1])
})

others('takes what no route takes', async () => {
  const processor = pipe(
    receive(json),
    handle(
      route(Order, done),
      otherwise(async ({ id, body }) => ackWith({ reply: [id, body] }))
    )
  )
  assert.equal(await processor(message(order))(), ack)
  assert.equal(await processor(message(3, { id: '17' }))(), ackWith({ reply: ['17', 3] }))
})

others('does not take what a route takes and cannot decode', async () => {
  const processor = pipe(receive(json), handle(otherwise(done), route(Order, done)))
  assert.equal(await processor(message(badOrder))(), failed(notTotal))
})

others('has the hooks of the pipeline', async () => {
  const processor = pipe(
    receive(json),
    hook('one', async () => 1),
    handle(otherwise(async (_, { one }) => ackWith({ reply: one })))
  )
  assert.equal(await processor(message('1'))(), ackWith({ reply: 1 }))
})

others.run()

const labels = suite('route labels')

const labelsOf = (processor: Processor): readonly string[] =>
  (processor.description?.routes ?? []).map(({ label }) => label)

labels('are those of the matchers', () => {
  const isSmall = ({ body }: Message) => Number(body) < 3
  const processor = pipe(
    receive(json),
    handle(
      route(Order, done),
      route(byField('meta.version', 2), done),
      route(byHeader('x-event', 'push'), done),
      route(byHeader('x-count', 2), done),
      route(z.object({ kind: z.literal('a') }), done),
      route(t.type({ n: t.number }, 'Numbered'), done),
      route(isSmall, done),
      route(
        named('large', ({ body }) => Number(body) > 3),
        done
      ),
      route(
        and(
          named('even', () => true),
          byField('type', 'a')
        ),
        done
      ),
      route(or(byField('type', 'b'), byField('type', 'c')), done),
      otherwise(done)
    )
  )
  assert.equal(labelsOf(processor), [
    'order',
    '.meta.version = 2',
    'push',
    'header x-count = 2',
    'a',
    'Numbered',
    'isSmall',
    'large',
    'even and a',
    'b or c',
    'otherwise'
  ])
})

labels('are places where a matcher has no name, and name the place where several have the same', () => {
  const processor = pipe(
    receive(json),
    handle(
      route(() => false, done),
      route(byField('type', 'a'), done),
      route(() => false, done),
      route(byField('kind', 'a'), done)
    )
  )
  assert.equal(labelsOf(processor), ['route 1', 'a (route 2)', 'route 3', 'a (route 4)'])
})

labels('tell the delivery record which route took the message', async () => {
  const processor = pipe(receive(json), handle(route(Order, done), otherwise(done)))
  const routeOf = async (payload: unknown) => {
    const delivered = message(payload)
    await processor(delivered)()
    return delivered.trace.route
  }
  assert.equal(
    [await routeOf(order), await routeOf(badOrder), await routeOf(3), await routeOf('not JSON')],
    ['order', 'order', 'otherwise', undefined]
  )
})

labels.run()

const surrounding = suite('route: around')

type Around = (processor: Processor) => Processor

const withAround = (around: Around, handler: Handler<any, any> = done): Processor =>
  pipe(receive(json), handle(route(Order, handler, around), route(byField('type', 'refund'), done)))

surrounding('changes what happens to its route alone', async () => {
  const processor = withAround((inner) => (message) => async () => {
    await inner(message)()
    return nack({ reason: 'changed' })
  })
  assert.equal(
    [await processor(message(order))(), await processor(message({ type: 'refund' }))()],
    [nack({ reason: 'changed' }), ack]
  )
})

surrounding('goes around decoding, hooks and handler, and may run them again', async () => {
  const log: string[] = []
  const twice: Around = (inner) => (message) => async () => {
    log.push((await inner(message)())._tag)
    return inner(message)()
  }
  const processor = pipe(
    receive(json),
    hook(
      'noted',
      async () => log.push('acquired'),
      async () => void log.push('released')
    ),
    handle(
      route(
        Order,
        async ({ total }) => {
          log.push(`handled ${total}`)
          return ack
        },
        twice
      )
    )
  )
  assert.equal(await processor(message(order))(), ack)
  assert.equal(log, ['acquired', 'handled 3', 'released', 'Acked', 'acquired', 'handled 3', 'released'])
  log.length = 0
  assert.equal(await processor(message(badOrder))(), failed(notTotal))
  assert.equal(log, ['Failed'])
})

surrounding('is not run for a message that several routes take', async () => {
  let runs = 0
  const counted: Around = (inner) => (message) => async () => {
    runs += 1
    return inner(message)()
  }
  const processor = pipe(
    receive(json),
    handle(
      route(Order, done, counted),
      route(
        named('three', () => true),
        done
      )
    )
  )
  assert.equal(await processor(message(order))(), failed(multipleMatches(['order', 'three'])))
  assert.is(runs, 0)
})

surrounding('is guarded: call, Task and answer', async () => {
  const boom = () => {
    throw new RangeError('boom')
  }
  const ways: readonly Around[] = [() => boom, () => () => boom, () => () => async () => boom()]
  for (const around of ways) {
    const outcome = await withAround(around)(message(order))()
    const failure = outcome._tag === 'Failed' && outcome.failure
    assert.equal(failure && failure._tag === 'Defect' && [failure.name, failure.message], [
      'RangeError',
      'boom'
    ])
  }
  const outcome = await withAround(() => () => async () => 'Acked' as never)(message(order))()
  assert.equal(outcome._tag === 'Failed' && outcome.failure._tag, 'Defect')
})

surrounding('hands on a message that it changed, which its route is asked about anew', async () => {
  const handing =
    (payload: unknown, fields: MessageFields = {}): Around =>
    (inner) =>
    (delivered) =>
      inner(amend(delivered, { ...fields, body: payload }))
  const reply: Handler<unknown, { readonly message: Message }> = async (input, { message }) =>
    ackWith({ reply: [input, message.id] })
  const changed = { type: 'order', total: 4 }
  assert.equal(
    await withAround(handing(changed, { id: '17' }), reply)(message(order))(),
    ackWith({ reply: [changed, '17'] })
  )
  assert.equal(await withAround(handing(badOrder), reply)(message(order))(), failed(notTotal))
  assert.equal(
    await withAround(handing({ type: 'refund' }), reply)(message(order))(),
    failed(noMatch([{ route: 'order', reason: '.type is "refund", not "order"' }]))
  )
})

surrounding('is shown the description of its route alone', () => {
  const shown: unknown[] = []
  const looking: Around = (inner) => {
    const { combinators, routes = [], select } = inner.description ?? {}
    shown.push([combinators, routes.map(({ label, place }) => [label, place]), select?.(message(order))])
    return inner
  }
  const last = { ...otherwise<unknown, unknown>(done), around: looking }
  pipe(receive(json), handle(route(byField('type', 'refund'), done), route(Order, done, looking), last))
  assert.equal(shown, [
    [[], [['order', 'route 2']], { _tag: 'Taken', route: 'order', otherwise: false }],
    [[], [['otherwise', 'route 3']], { _tag: 'Taken', route: 'otherwise', otherwise: true }]
  ])
})

surrounding('goes around the last resort, too, where that is made with it', async () => {
  const noted: Around = (inner) => (message) => async () => {
    const outcome = await inner(message)()
    return outcome._tag === 'Acked' ? ackWith({ note: 'noted' }) : outcome
  }
  const last = { ...otherwise<unknown, unknown>(done), around: noted }
  const processor = pipe(receive(json), handle(route(Order, done), last))
  assert.equal(
    [await processor(message(3))(), await processor(message(order))()],
    [ackWith({ note: 'noted' }), ack]
  )
})

surrounding('may leave the handler out', async () => {
  const processor = withAround(
    () => () => async () => ackWith({ note: 'cached' }),
    async () => failed(rejected('run'))
  )
  assert.equal(await processor(message(order))(), ackWith({ note: 'cached' }))
})

surrounding('is what a message is interrupted in, too', async () => {
  const { delivered, interrupt } = interruptible(order)
  const processor = withAround(
    (inner) => (message) => async () => {
      interrupt('shutdown')
      return inner(message)()
    },
    async () => failed(rejected('aborted'))
  )
  assert.equal(await processor(delivered)(), released('shutdown'))
})

surrounding.run()

const mistakes = suite('handle: mistakes seen when it is built')

/** An error that names all of these. */
const mistake =
  (...words: readonly string[]) =>
  (error: unknown): boolean =>
    error instanceof TypeError && words.every((word) => error.message.includes(word))

mistakes('the same matcher twice', () => {
  const isThree = () => true
  assert.throws(
    () =>
      pipe(
        receive(json),
        handle(
          route(isThree, done),
          route(() => true, done),
          route(isThree, done)
        )
      ),
    mistake('route 1', 'route 3', 'isThree', 'same matcher')
  )
  const byType = byField('type', 'order')
  assert.throws(
    () => pipe(receive(json), handle(route(byType, done), route(byType, done))),
    mistake('route 1 (order) and route 2 (order) have the same matcher')
  )
})

mistakes('equal tags, however they are said', () => {
  const Other = t.strict({ type: t.literal('order'), customer: t.string })
  const matchers = [
    byField('type', 'order'),
    Other,
    z.object({ type: z.literal('order') }),
    byField('type', 'order', z.object({ n: z.number() })),
    or(byField('type', 'refund'), byField('type', 'order')),
    t.union([t.type({ type: t.literal('refund') }), Other])
  ]
  for (const matcher of matchers)
    for (const pair of [
      [route(Order, done), route(matcher, done)],
      [route(matcher, done), route(Order, done)]
    ])
      assert.throws(
        () => pipe(receive(json), handle(route(byField('type', 'other'), done), ...pair)),
        mistake('route 2', 'route 3', '.type = "order"')
      )
})

mistakes('tags that are a part of others', () => {
  const Second = t.type({ version: t.literal(2), type: t.literal('order') })
  const event = and(byHeader('x-event', 'push'), byField('type', 'order'))
  for (const matcher of [Second, event, and(() => true, byField('type', 'order'))])
    for (const pair of [
      [route(Order, done), route(matcher, done)],
      [route(matcher, done), route(Order, done)]
    ])
      assert.throws(
        () => pipe(receive(json), handle(...pair)),
        mistake('route 1', 'route 2', '.type = "order"')
      )
})

mistakes('the same tags in another order, of bodies and headers', () => {
  const [one, two] = [t.literal(1), t.literal(2)]
  const twin = and(byHeader('x-event', 'push'), byField('type', 'order'))
  for (const [first, second, what] of [
    [t.type({ a: one, b: two }), t.type({ b: two, a: one }), '.a = 1 and .b = 2'],
    [and(byField('type', 'order'), byHeader('x-event', 'push')), twin, 'header x-event = "push"']
  ] as const)
    assert.throws(
      () => pipe(receive(json), handle(route(first, done), route(second, done))),
      mistake('route 1', 'route 2', 'both take ', what)
    )
})

mistakes('one value of a header that lets somebody in, which is not told', () => {
  const build = () =>
    pipe(
      receive(json),
      handle(route(byHeader('x-api-key', 'hunter2'), done), route(byHeader('x-api-key', 'hunter2'), done))
    )
  assert.throws(build, mistake('route 1', 'route 2', 'both take header x-api-key = [sensitive],'))
  assert.throws(build, (error: Error) => !error.message.includes('hunter2'))
})

mistakes('two otherwise', () => {
  assert.throws(
    () => pipe(receive(json), handle(otherwise(done), route(Order, done), otherwise(done))),
    mistake('route 1', 'route 3', 'otherwise')
  )
})

mistakes('what cannot match', () => {
  assert.throws(() => route('order' as never, done), mistake('a matcher is'))
})

mistakes('a route without a handler', () => {
  for (const routes of [
    [otherwise(done), route(Order, undefined as never)],
    [otherwise(done), otherwise({} as never)]
  ])
    assert.throws(() => pipe(receive(json), handle(...routes)), mistake('route 2 has no handler'))
})

mistakes('a pipeline that does not begin with receive(format)', () => {
  const ended = pipe(receive(json), handle(otherwise(done)))
  for (const pipeline of [ended, receive(undefined as never), undefined])
    assert.throws(() => handle(otherwise(done))(pipeline as never), mistake('receive(format)'))
})

mistakes('are not seen where a message could be for one alone', () => {
  const pairs = [
    [byField('type', 'a'), byField('kind', 'a')],
    [byField('type', 'a'), byHeader('type', 'a')],
    [byField('v', 1), byField('v', '1')],
    [and(() => true, byField('type', 'a')), and(() => false, byField('type', 'a'))],
    [t.type({ type: t.literal('a'), v: t.literal(1) }), t.type({ type: t.literal('a'), v: t.literal(2) })]
  ] as const
  for (const [one, other] of pairs) pipe(receive(json), handle(route(one, done), route(other, done)))
})

mistakes.run()

const describing = suite('handle: description')

describing('tells which route takes a message, and runs nothing', () => {
  const run = (): never => {
    throw new Error('run')
  }
  const processor = pipe(
    receive(json),
    hook('noted', run),
    handle(route(Order, run), route(byHeader('x-event', 'push'), run), otherwise(run))
  )
  const selected = (payload: unknown, fields: MessageFields = {}) =>
    processor.description?.select(message(payload, fields))
  const pushed = { headers: { 'x-event': 'push' } }
  assert.equal(selected(order), { _tag: 'Taken', route: 'order', otherwise: false })
  assert.equal(selected(badOrder), { _tag: 'Taken', route: 'order', otherwise: false, failure: notTotal })
  assert.equal(selected(3), { _tag: 'Taken', route: 'otherwise', otherwise: true })
  assert.equal(selected(order, pushed), { _tag: 'Undecided', failure: multipleMatches(['order', 'push']) })
  assert.equal(selected('not JSON'), {
    _tag: 'Passed',
    failure: malformed([{ path: '', message: 'not JSON' }])
  })
})

describing('names no combinator, and tells what cannot be decided', () => {
  const throwing: Format<unknown> = () => {
    throw new RangeError('odd')
  }
  const { description } = pipe(receive(throwing), handle(otherwise(done)))
  assert.equal(description?.combinators, [])
  const selection = description?.select(message('1'))
  assert.is(selection?._tag, 'Undecided')
  assert.is(selection?._tag === 'Undecided' && selection.failure._tag, 'Defect')
})

describing('tells that no route takes a message', () => {
  const processor = pipe(receive(json), handle(route(Order, done)))
  const failure: Failure = noMatch([{ route: 'order', reason: '.type is absent, not "order"' }])
  assert.equal(processor.description?.select(message({})), { _tag: 'Passed', failure })
})

describing.run()
