import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { combine, isCombined } from '../../lib/combinators/combine.js'
import { malformed, multipleMatches, noMatch, rejected } from '../../lib/core/failure.js'
import { json, text } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { Dlq } from '../../lib/core/letter.js'
import { type Message, interruption, message } from '../../lib/core/message.js'
import { ack, ackWith, deadLettered, failed, released } from '../../lib/core/outcome.js'
import { hook, receive } from '../../lib/core/pipeline.js'
import { type Processor, combinator } from '../../lib/core/processor.js'
import { right } from '../../lib/core/result.js'
import type { Route } from '../../lib/core/route.js'
import { byField } from '../../lib/matchers/keyed.js'
import { otherwise, route } from '../../lib/matchers/route.js'
import { withDlq } from '../../lib/timed.js'

const noted = (note: string) => async () => ackWith({ note })
const isGreeting = ({ body }: Message<string>) => body === 'hi'
const isShort = ({ body }: Message<string>) => body.length < 3
const Order = t.type({ type: t.literal('order'), total: t.number })

const greeting: Processor = pipe(receive(text), handle(route(isGreeting, noted('greeting'))))
const orders: Processor = pipe(receive(json), handle(route(Order, noted('order'))))
const ofJson = (...routes: readonly Route<any, any>[]): Processor => pipe(receive(json), handle(...routes))

const order = { type: 'order', total: 3 }
const notTotal = malformed([{ path: '.total', message: 'expected number' }])
const notJson = malformed([{ path: '', message: 'not JSON' }])

/** An error that names all of these. */
const mistake =
  (...words: readonly string[]) =>
  (error: unknown): boolean =>
    error instanceof TypeError && words.every((word) => error.message.includes(word))

const combining = suite('combine')

combining('gives a message to the processor whose route takes it', async () => {
  const both = combine(greeting, orders)
  assert.equal(
    [await both(message('hi'))(), await both(message(order))()],
    [ackWith({ note: 'greeting' }), ackWith({ note: 'order' })]
  )
})

combining('is the one processor where there is but one', async () => {
  for (const payload of ['hi', 'not JSON', order, { type: 'refund' }, { type: 'order' }])
    assert.equal(await combine(orders)(message(payload))(), await orders(message(payload))())
})

combining('fails what the routes of several take, and runs nothing', async () => {
  const run = async () => assert.unreachable() as never
  const both = combine(
    pipe(receive(text), hook('hooked', run), handle(route(isGreeting, run))),
    pipe(receive(text), hook('hooked', run), handle(route(isShort, run)))
  )
  assert.equal(await both(message('hi'))(), failed(multipleMatches(['isGreeting', 'isShort'])))
})

combining('fails what no route takes, with what each says', async () => {
  assert.equal(
    await combine(greeting, orders)(message({ type: 'refund' }))(),
    failed(
      noMatch([
        { route: 'isGreeting', reason: 'says no' },
        { route: 'order', reason: '.type is "refund", not "order"' }
      ])
    )
  )
})

combining('tells of a format that could not read it beside the routes that did not take it', async () => {
  assert.equal(
    await combine(greeting, orders)(message('hello'))(),
    failed(
      noMatch([
        { route: 'isGreeting', reason: 'says no' },
        { route: 'processor 2', reason: 'malformed: not JSON' }
      ])
    )
  )
})

combining('keeps Malformed what no format can read', async () => {
  const both = combine(orders, ofJson(route(byField('type', 'refund'), noted('refund'))))
  assert.equal(await both(message('not JSON'))(), failed(notJson))
})

combining('keeps Malformed what the one route that takes it cannot decode', async () => {
  assert.equal(await combine(greeting, orders)(message({ type: 'order' }))(), failed(notTotal))
})

combining('counts every route that it does not name', async () => {
  const many = (prefix: string, length: number) =>
    ofJson(...Array.from({ length }, (_, n) => route(byField('type', `${prefix}${n}`), noted('one'))))
  const outcome = await combine(many('a', 30), many('b', 25), many('c', 1))(message({}))()
  const failure = outcome._tag === 'Failed' && outcome.failure
  assert.equal(failure && failure._tag === 'NoMatch' && [failure.routes.length, failure.more], [20, 36])
})

combining('gives what no route of any takes to the one otherwise', async () => {
  const rest = pipe(receive(text), handle(otherwise(noted('otherwise'))))
  for (const all of [combine(rest, greeting, orders), combine(greeting, orders, rest)])
    assert.equal(
      [
        await all(message('hi'))(),
        await all(message(order))(),
        await all(message('hello'))(),
        await all(message({ type: 'order' }))()
      ],
      [
        ackWith({ note: 'greeting' }),
        ackWith({ note: 'order' }),
        ackWith({ note: 'otherwise' }),
        failed(notTotal)
      ]
    )
})

combining('does not decide where a matcher throws, and runs nothing', async () => {
  const odd = (): boolean => {
    throw new RangeError('boom')
  }
  const outcome = await combine(
    orders,
    pipe(receive(json), handle(route(odd, noted('odd'))))
  )(message(order))()
  const failure = outcome._tag === 'Failed' && outcome.failure
  assert.equal(failure && failure._tag === 'Defect' && [failure.where, failure.message], [
    'the matcher of odd',
    'boom'
  ])
})

combining('keeps the hooks and combinators of each', async () => {
  const log: string[] = []
  const logged = (name: string) =>
    combinator(name, (processor) => (message) => {
      log.push(name)
      return processor(message)
    })
  const dlq: Dlq = { location: 'nowhere', put: () => async () => right(undefined) }
  const failing = ofJson(route(byField('type', 'refund'), async () => failed(rejected('late'))))
  const both = combine(pipe(orders, logged('orders')), pipe(failing, logged('refunds'), withDlq(dlq)))
  assert.equal(await both(message(order))(), ackWith({ note: 'order' }))
  assert.equal(await both(message({ type: 'refund' }))(), deadLettered(rejected('late')))
  assert.equal(log, ['orders', 'refunds'])
})

combining('can be combined again', async () => {
  const all = combine(combine(greeting, orders), ofJson(route(byField('type', 'refund'), noted('refund'))))
  assert.equal(
    [await all(message('hi'))(), await all(message(order))(), await all(message({ type: 'refund' }))()],
    ['greeting', 'order', 'refund'].map((note) => ackWith({ note }))
  )
})

combining('combined again fails as it does by itself', async () => {
  const short = pipe(receive(text), handle(route(isShort, noted('short'))))
  const refunds = ofJson(route(byField('type', 'refund'), noted('refund')))
  assert.equal(
    await combine(combine(greeting, short), refunds)(message('hi'))(),
    failed(multipleMatches(['isGreeting', 'isShort']))
  )
  assert.equal(await combine(combine(orders), refunds)(message('not JSON'))(), failed(notJson))
  assert.equal(
    await combine(combine(orders), greeting)(message('not JSON'))(),
    failed(
      noMatch([
        { route: 'processor 1', reason: 'malformed: not JSON' },
        { route: 'isGreeting', reason: 'says no' }
      ])
    )
  )
})

combining('tells its routes, with the processor of each, and which takes a message', () => {
  const { description } = combine(greeting, orders)
  assert.equal(
    description?.routes.map(({ label, place }) => [label, place]),
    [
      ['isGreeting', 'processor 1, route 1'],
      ['order', 'processor 2, route 1']
    ]
  )
  assert.equal(description?.select(message(order)), { _tag: 'Taken', route: 'order', otherwise: false })
  assert.is(description?.select(message('hello'))._tag, 'Passed')
})

combining('is Released where it is interrupted', async () => {
  const signal = AbortSignal.abort(interruption('shutdown'))
  for (const payload of ['hello', { type: 'refund' }, { type: 'order' }])
    assert.equal(await combine(greeting, orders)(message(payload, { signal }))(), released('shutdown'))
})

combining('of nothing takes nothing', async () => {
  assert.equal(await combine()(message('hi'))(), failed(noMatch()))
})

combining.run()

const reading = suite('isCombined')

reading('tells by its routes whether it is of several, also from outside of what is laid around it', () => {
  const around = combinator('around', (processor) => processor)
  const bare: Processor = () => async () => ack
  assert.equal([greeting, around(orders), bare].map(isCombined), [false, false, false])
  assert.equal([combine(greeting, orders), around(combine(orders))].map(isCombined), [true, true])
})

reading.run()

const mistakes = suite('combine: mistakes seen when it is built')

mistakes('the same tags in two of them', () => {
  const refund = ofJson(route(byField('type', 'refund'), noted('one')))
  const again = ofJson(
    route(byField('kind', 'a'), noted('one')),
    route(byField('type', 'order'), noted('other'))
  )
  assert.throws(
    () => combine(refund, orders, again),
    mistake('processor 2, route 1', 'processor 3, route 2', '.type = "order"')
  )
})

mistakes('the same matcher in two of them', () => {
  assert.throws(
    () => combine(greeting, pipe(receive(text), handle(route(isGreeting, noted('other'))))),
    mistake('processor 1, route 1', 'processor 2, route 1', 'same matcher')
  )
})

mistakes('an otherwise in two of them', () => {
  const rest = () => ofJson(otherwise(noted('otherwise')))
  assert.throws(
    () => combine(rest(), rest()),
    mistake('processor 1, route 1', 'processor 2, route 1', 'otherwise')
  )
})

mistakes('one that does not tell its routes', () => {
  const bare: Processor = (message) => async () => {
    await orders(message)()
    return ack
  }
  assert.throws(() => combine(greeting, bare), mistake('processor 2', 'combinator(name, wrap)'))
})

mistakes.run()
