import * as fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { combine } from '../../lib/combinators/combine.js'
import { type Explanation, explain, renderExplanation } from '../../lib/combinators/explain.js'
import { exponentialBackoff } from '../../lib/combinators/retry-policy.js'
import { type Failure, malformed, multipleMatches, noMatch } from '../../lib/core/failure.js'
import { json, text } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { type Message, message } from '../../lib/core/message.js'
import { type Outcome, ack } from '../../lib/core/outcome.js'
import { hook, receive } from '../../lib/core/pipeline.js'
import { type Processor, combinator } from '../../lib/core/processor.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { byField, byHeader } from '../../lib/matchers/keyed.js'
import { otherwise, route } from '../../lib/matchers/route.js'
import { withDlq, withRetry, withTimeout } from '../../lib/timed.js'

const boom = new RangeError('boom')

const Order = t.type({ type: t.literal('order'), total: t.number })

const never = async () => assert.unreachable('something was run') as never

const taken = (route: string, otherwise = false): Explanation => ({ _tag: 'Taken', route, otherwise })

const refused = (failure: Failure, route?: string): Explanation => ({ _tag: 'Refused', route, failure })

const notTotal = malformed([{ path: '.total', message: 'expected number' }])
const notJson = malformed([{ path: '', message: 'not JSON' }])
const notUtf8 = malformed([{ path: '', message: 'not UTF-8' }])

/** Whatever would be run, were it run, would fail the spec. */
const orders: Processor = pipe(
  receive(json),
  hook('tx', never, never),
  handle(
    route(Order, never),
    route(byField('type', 'refund'), never),
    route(byHeader('x-kind', 'push'), never)
  )
)

const push = { headers: { 'x-kind': 'push' } }

const cases: readonly (readonly [Message, Explanation])[] = [
  [message({ type: 'order', total: 3 }), taken('order')],
  [message({ type: 'refund' }), taken('refund')],
  [message({}, push), taken('push')],
  [message({ type: 'order' }), refused(notTotal, 'order')],
  [message({ type: 'refund' }, push), refused(multipleMatches(['refund', 'push']))],
  [message('not JSON'), refused(notJson)],
  [message(Uint8Array.from([255])), refused(notUtf8)],
  [message({ type: 'order', total: 3 }, { fault: notTotal }), refused(notTotal)]
]

const explaining = suite('explain')

explaining('says which route takes a message and whether it decodes, and runs nothing', () => {
  for (const [given, explanation] of cases) assert.equal(explain(orders)(given), explanation)
})

explaining('says why no route takes a message', () => {
  const explained = explain(orders)(message({ type: 'gift' }))
  assert.equal(
    explained,
    refused(
      noMatch([
        { route: 'order', reason: '.type is "gift", not "order"' },
        { route: 'refund', reason: '.type is "gift", not "refund"' },
        { route: 'push', reason: 'header x-kind is absent, not "push"' }
      ])
    )
  )
})

explaining('names the route of last resort', () => {
  const processor = pipe(receive(json), handle(route(Order, never), otherwise(never)))
  assert.equal(explain(processor)(message({})), taken('otherwise', true))
  assert.equal(explain(processor)(message('not JSON')), refused(notJson))
})

explaining('works through all that is laid around a pipeline, and runs none of it', async () => {
  const queue = memoryDlq()
  const retries = exponentialBackoff({ baseMs: 1, maxDelayMs: 1, attempts: 3 })
  const around = combinator('around', () => () => never)
  const processor = pipe(
    combine(orders, pipe(receive(text), handle(route(({ body }: Message<string>) => body === 'hi', never)))),
    withTimeout(10),
    withRetry(retries),
    around,
    withDlq(queue),
    withDlq(memoryDlq()),
    around
  )
  assert.equal(explain(processor)(message({ type: 'order', total: 3 })), taken('order'))
  assert.equal(explain(processor)(message({ type: 'order' })), refused(notTotal, 'order'))
  assert.is(explain(processor)(message('hi'))._tag, 'Taken')
  assert.equal(queue.letters(), [])
})

explaining('leaves a message and its record as they were', () => {
  const given = message({ type: 'order', total: 3 })
  const before = { ...given.trace }
  explain(orders)(given)
  assert.equal([given.trace, given.body], [before, undefined])
})

explaining('says the same however often it is asked', () => {
  const explained = explain(orders)
  for (const [given] of cases) assert.equal(explained(given), explained(given))
})

explaining('knows a message that somebody spread', () => {
  const given = message({ type: 'order', total: 3 })
  const spread = { ...(given as object), headers: { tenant: 'a' } } as never
  assert.equal(explain(orders)(spread), taken('order'))
})

explaining('says of what does not tell its routes that it does not', () => {
  assert.equal(explain(() => never)(message({})), { _tag: 'Opaque' })
  assert.equal(explain(pipe((() => never) as Processor, withDlq(memoryDlq())))(message({})), {
    _tag: 'Opaque'
  })
})

explaining('does not throw where a format, a matcher or a description does', () => {
  const throwing = () => {
    throw boom
  }
  const describing: Processor = Object.assign(() => never, {
    description: { combinators: [], routes: [], select: throwing }
  })
  const processors = [
    pipe(receive(throwing), handle(otherwise(never))),
    pipe(receive(json), handle(route(throwing, never))),
    describing
  ]
  for (const processor of processors) {
    const explained = explain(processor)(message({}))
    assert.is(explained._tag === 'Refused' && explained.failure._tag, 'Defect')
  }
})

explaining('agrees with what the processor then does', () =>
  fc.assert(
    fc.asyncProperty(
      fc.record({
        body: fc.oneof(
          fc.record(
            { type: fc.constantFrom('order', 'refund', 'gift'), total: fc.oneof(fc.integer(), fc.string()) },
            { requiredKeys: [] }
          ),
          fc.jsonValue(),
          fc.constantFrom('not JSON', '{"type":')
        ),
        kind: fc.constantFrom('push', 'other', undefined),
        hasOtherwise: fc.boolean()
      }),
      async ({ body, kind, hasOtherwise }) => {
        const ran: string[] = []
        const runs = (name: string) => async () => {
          ran.push(name)
          return ack
        }
        const routes = [
          route(Order, runs('order')),
          route(byField('type', 'refund'), runs('refund')),
          route(byHeader('x-kind', 'push'), runs('push'))
        ] as const
        const pipeline = receive(json)
        const processor = hasOtherwise
          ? pipe(pipeline, handle(...routes, otherwise(runs('otherwise'))))
          : pipe(pipeline, handle(...routes))
        const given = message(body, kind === undefined ? {} : { headers: { 'x-kind': kind } })
        const explained = explain(processor)(given)
        assert.equal(ran, [])
        const outcome: Outcome = await processor(given)()
        if (explained._tag === 'Taken') assert.equal([outcome, ran], [ack, [explained.route]])
        else
          assert.equal(
            [outcome, ran, explained._tag],
            [{ _tag: 'Failed', failure: explained._tag === 'Refused' && explained.failure }, [], 'Refused']
          )
      }
    ),
    { numRuns: 300 }
  )
)

explaining.run()

const rendering = suite('renderExplanation')

rendering('says it in one line', () => {
  const lines: readonly (readonly [Explanation, string])[] = [
    [taken('order'), 'taken by order'],
    [taken('otherwise', true), 'taken by otherwise'],
    [refused(notTotal, 'order'), 'refused by order: malformed: .total expected number'],
    [refused(multipleMatches(['a', 'b'])), 'refused: several routes match: a, b'],
    [
      { _tag: 'Opaque' },
      'the processor does not tell its routes; make what wraps it with combinator(name, wrap)'
    ]
  ]
  for (const [explanation, line] of lines) assert.is(renderExplanation(explanation), line)
})

rendering('leaves out stacks, and escapes what would write to a terminal', () => {
  const throwing = () => {
    throw new Error('\u001b[31mred\nline')
  }
  const explained = explain(pipe(receive(throwing), handle(otherwise(never))))(message(''))
  assert.is(renderExplanation(explained), 'refused: defect in the format: Error: \\u001b[31mred')
  assert.is(renderExplanation(taken('\u001b[2J')), 'taken by \\u001b[2J')
})

rendering.run()
