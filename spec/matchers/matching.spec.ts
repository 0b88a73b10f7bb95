import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { Json } from '../../lib/core/json.js'
import { type Message, amend, message, withBody } from '../../lib/core/message.js'
import { ackWith } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import { byField } from '../../lib/matchers/keyed.js'
import { toMatcher } from '../../lib/matchers/matching.js'
import { route } from '../../lib/matchers/route.js'

import { offer, took, tagOf, failureOf, missed } from '../support/matching.js'

const predicates = suite('predicates')

predicates('hand the message to the handler, with its body', async () => {
  const processor = pipe(
    receive(json),
    handle(
      route(
        ({ body }) => body === 3,
        async ({ id, body }) => ackWith({ reply: [id, body] })
      )
    )
  )
  assert.equal(await processor(message('3', { id: '17' }))(), took(['17', 3]))
  assert.equal(await processor(message('4'))(), missed('route 1', 'says no'))
})

predicates('take a message for any truthy answer of code without types', async () => {
  const answering = (answer: unknown) => () => answer as boolean
  const answers = await Promise.all(
    [1, 'yes', {}, [], 0, '', null, undefined].map((it) => tagOf(offer(answering(it), 3)))
  )
  assert.equal(answers, ['Acked', 'Acked', 'Acked', 'Acked', 'NoMatch', 'NoMatch', 'NoMatch', 'NoMatch'])
})

predicates('name their route by the name of the function', async () => {
  const isThree = (message: Message<Json>) => message.body === 3
  assert.equal(await offer(isThree, 4), missed('isThree', 'says no'))
})

predicates('that are asynchronous are a Defect, whatever they would answer', async () => {
  for (const answer of [true, false]) {
    const failure = await failureOf(offer((async () => answer) as never, 3))
    assert.equal(failure?._tag === 'Defect' && [failure.where, failure.name, failure.message], [
      'the matcher of route 1',
      'TypeError',
      'the predicate is asynchronous; a matcher must answer at once'
    ])
  }
})

predicates('that are asynchronous and reject leave no rejection unhandled', async () => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  const rejecting = (async () => {
    throw new Error('late')
  }) as never
  assert.is(await tagOf(offer(rejecting, 3)), 'Defect')
  await new Promise((resolve) => void setImmediate(resolve))
  process.off('unhandledRejection', listen)
  assert.equal(unhandled.length, 0)
})

predicates('that throw are a Defect that names the route', async () => {
  const throws = () => {
    throw new RangeError('odd')
  }
  const failure = await failureOf(offer(throws, 3))
  assert.equal(failure?._tag === 'Defect' && [failure.where, failure.name, failure.message], [
    'the matcher of throws',
    'RangeError',
    'odd'
  ])
})

predicates.run()

const guards = suite('guards')

guards('narrow the body for the handler', async () => {
  const isText = (message: Message<Json>): message is Message<string> => typeof message.body === 'string'
  const processor = pipe(
    receive(json),
    handle(route(isText, async ({ body }) => ackWith({ note: body.toUpperCase() })))
  )
  assert.equal(await processor(message('"hi"'))(), ackWith({ note: 'HI' }))
  assert.equal(await processor(message('3'))(), missed('isText', 'says no'))
})

guards.run()

const converting = suite('toMatcher')

converting('refuses what cannot match', () => {
  for (const matching of [undefined, null, 'order', 3, true, {}, [], { _tag: 'Nonsense' }])
    assert.throws(
      () => toMatcher(matching as never),
      (error: unknown) => error instanceof TypeError && error.message.startsWith('a matcher is a predicate')
    )
})

converting('gives a matcher back as it is', () => {
  const matcher = byField('type', 'order')
  assert.is(toMatcher(matcher), matcher)
})

converting('asks for the message as the format made it', () => {
  const decoded = withBody(amend(message('Hello'), { id: '17' }), { type: 'order' })
  assert.equal(toMatcher(byField('type', 'order')).match(decoded), {
    _tag: 'Taken',
    input: { type: 'order' }
  })
})

converting.run()
