import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { malformed, multipleMatches } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { Json } from '../../lib/core/json.js'
import { type Message, message } from '../../lib/core/message.js'
import { ackWith, failed } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import { and, named, not, or } from '../../lib/matchers/composed.js'
import { byField, byHeader } from '../../lib/matchers/keyed.js'
import { toMatcher } from '../../lib/matchers/matching.js'
import { route } from '../../lib/matchers/route.js'

import { offer, took, tagOf, failureOf, missed } from '../support/matching.js'

const both = suite('and')

both('takes what all take, and gives what the last one gives', async () => {
  const small = (message: Message<Json>) => message.bytes.length < 10
  const matcher = and(small, byField('type', 'order'), t.type({ n: t.number }))
  assert.equal(await offer(matcher, { type: 'order', n: 1 }), took({ type: 'order', n: 1 }))
  assert.is(await tagOf(offer(matcher, { type: 'refund', n: 1 })), 'NoMatch')
  assert.is(await tagOf(offer(matcher, { type: 'order' })), 'NoMatch')
  assert.is(await tagOf(offer(matcher, { type: 'order', n: 1 }, { bytes: new Uint8Array(10) })), 'NoMatch')
})

both('is Malformed if all take it and one does not decode', async () => {
  const Order = t.type({ type: t.literal('order'), n: t.number })
  const yes = () => true
  const no = () => false
  const issues = malformed([{ path: '.n', message: 'expected number' }])
  assert.equal(await offer(and(Order, yes), { type: 'order' }), failed(issues))
  assert.is(await tagOf(offer(and(Order, no), { type: 'order' })), 'NoMatch')
})

both('selects by the keys of all', () => {
  const matcher = toMatcher(and(byField('a', 1), () => true, or(byHeader('b', 'x'), byHeader('b', 'y'))))
  assert.equal(matcher.keys, [
    [
      { on: 'body', path: 'a', value: 1 },
      { on: 'header', path: 'b', value: 'x' }
    ],
    [
      { on: 'body', path: 'a', value: 1 },
      { on: 'header', path: 'b', value: 'y' }
    ]
  ])
})

both('calls itself by all of its labels', () => {
  assert.is(and(byField('type', 'order'), byField('version', 2)).label, 'order and .version = 2')
})

both('calls a predicate without a name so', async () => {
  const large = and(byField('type', 'order'), ({ bytes }) => bytes.length > 100)
  assert.is(large.label, 'order and a predicate')
  assert.is(
    or(
      large,
      not(() => true)
    ).label,
    'order and a predicate or not a predicate'
  )
})

both.run()

const either = suite('or')

either('takes what any takes, and gives what the first that took it gives', async () => {
  const matcher = or(byField('type', 'a'), byField('type', 'b'))
  assert.equal(await offer(matcher, { type: 'b' }), took({ type: 'b' }))
  assert.is(await tagOf(offer(matcher, { type: 'c' })), 'NoMatch')
  const upper = z.object({ n: z.number() }).transform(({ n }) => `first ${n}`)
  const lower = z.object({ n: z.number() }).transform(({ n }) => `second ${n}`)
  assert.equal(await offer(or(upper, lower), { n: 1 }), took('first 1'))
})

either('takes what one takes though another does not decode', async () => {
  const Order = t.type({ type: t.literal('order'), n: t.number })
  const matcher = or(Order, byField('type', 'order'))
  assert.equal(await offer(matcher, { type: 'order' }), took({ type: 'order' }))
  assert.equal(
    await offer(or(Order, byField('type', 'b')), { type: 'order' }),
    failed(malformed([{ path: '.n', message: 'expected number' }]))
  )
})

either('says why each passed', async () => {
  const failure = await failureOf(
    offer(
      or(byField('a', 1), () => false),
      {}
    )
  )
  assert.equal(failure, {
    _tag: 'NoMatch',
    routes: [{ route: '.a = 1 or a predicate', reason: '.a is absent, not 1; says no' }]
  })
})

either('is one route however many of its matchers take the message', async () => {
  assert.is(await tagOf(offer(or(byField('a', 1), byField('b', 1)), { a: 1, b: 1 })), 'Acked')
})

either.run()

const neither = suite('not')

neither('takes what the other passes, and gives the message', async () => {
  const processor = pipe(
    receive(json),
    handle(route(not(byField('type', 'order')), async ({ id, body }) => ackWith({ reply: [id, body] })))
  )
  assert.equal(await processor(message({ type: 'refund' }, { id: '17' }))(), took(['17', { type: 'refund' }]))
  assert.equal(await processor(message({ type: 'order' }))(), missed('not order', 'is order'))
})

neither('does not take what is meant for the other and does not decode', async () => {
  const Order = t.type({ type: t.literal('order'), n: t.number })
  assert.is(await tagOf(offer(not<Json>(Order), { type: 'order' })), 'NoMatch')
  assert.is(await tagOf(offer(not<Json>(Order), { type: 'refund' })), 'Acked')
})

neither('gives back what it was given when it is said twice', async () => {
  const twice = not<Json>(not<Json>(byField('type', 'order')))
  assert.equal(
    [await tagOf(offer(twice, { type: 'order' })), await tagOf(offer(twice, { type: 'refund' }))],
    ['Acked', 'NoMatch']
  )
})

neither.run()

const naming = suite('named')

naming('gives a matcher a label, and changes nothing else', async () => {
  const Order = t.type({ type: t.literal('order'), n: t.number })
  const matcher = named('an order', Order)
  assert.equal(await offer(matcher, { type: 'order', n: 1 }), took({ type: 'order', n: 1 }))
  assert.equal(await offer(matcher, {}), missed('an order', '.type is absent, not "order"'))
  assert.equal(await offer(matcher, { type: 'order' }), await offer(Order, { type: 'order' }))
  const functions = { match: 0, sensitive: 0 }
  assert.equal({ ...matcher, ...functions }, { ...toMatcher(Order), label: 'an order', ...functions })
})

naming('is the name in failures', async () => {
  const processor = pipe(
    receive(json),
    handle(
      route(
        named('small', ({ body }) => Number(body) < 10),
        async () => ackWith({})
      ),
      route(
        named('odd', ({ body }) => Number(body) % 2 === 1),
        async () => ackWith({})
      )
    )
  )
  assert.equal(await processor(message('3'))(), failed(multipleMatches(['small', 'odd'])))
})

naming.run()
