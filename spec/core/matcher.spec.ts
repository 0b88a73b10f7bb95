import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { type Failure, malformed, multipleMatches } from '../../lib/core/failure.js'
import { type Format, json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { Json } from '../../lib/core/json.js'
import { and, byField, byHeader, type Matching, named, not, or, toMatcher } from '../../lib/core/matcher.js'
import { type Message, type MessageFields, amend, message, withBody } from '../../lib/core/message.js'
import { type Outcome, ackWith, failed } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import type { Processor } from '../../lib/core/processor.js'
import { right } from '../../lib/core/result.js'
import { route } from '../../lib/core/route.js'

/** Acks what the matcher takes with what its handler is given. */
const accepting = (matching: Matching<Json>, format: Format<Json> = json): Processor =>
  pipe(receive(format), handle(route(matching, async (input: unknown) => ackWith({ reply: input }))))

/** What becomes of a body when this is the one matcher. */
const offer = (matching: Matching<Json>, body: unknown, fields: MessageFields = {}): Promise<Outcome> =>
  accepting(matching, () => right(body as Json))(message('', fields))()

const took = (reply: unknown): Outcome => ackWith({ reply })

const tagOf = async (outcome: Promise<Outcome>): Promise<string> => {
  const settled = await outcome
  return settled._tag === 'Failed' ? settled.failure._tag : settled._tag
}

const failureOf = async (outcome: Promise<Outcome>): Promise<Failure | undefined> => {
  const settled = await outcome
  return settled._tag === 'Failed' ? settled.failure : undefined
}

const missed = (label: string, reason: string): Outcome =>
  failed({ _tag: 'NoMatch', routes: [{ route: label, reason }] })

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

const fields = suite('byField')

fields('takes a body with this value, and hands it on', async () => {
  assert.equal(await offer(byField('type', 'order'), { type: 'order', n: 1 }), took({ type: 'order', n: 1 }))
  assert.equal(
    await offer(byField('type', 'order'), { type: 'refund' }),
    missed('order', '.type is "refund", not "order"')
  )
  assert.equal(await offer(byField('type', 'order'), {}), missed('order', '.type is absent, not "order"'))
})

fields('compares values of each kind strictly', async () => {
  const values = ['1', 1, true, null, '', 0, false]
  for (const value of values) {
    const taken = await Promise.all(values.map((other) => tagOf(offer(byField('v', value), { v: other }))))
    assert.equal(
      values.filter((_, index) => taken[index] === 'Acked'),
      [value]
    )
  }
})

fields('follows a dotted path, and counts the items of arrays', async () => {
  assert.is(await tagOf(offer(byField('a.b.c', 1), { a: { b: { c: 1 } } })), 'Acked')
  assert.is(await tagOf(offer(byField('items.1.kind', 'x'), { items: [{}, { kind: 'x' }] })), 'Acked')
  assert.is(await tagOf(offer(byField('0', 'x'), ['x'])), 'Acked')
  assert.is(await tagOf(offer(byField('items.1.kind', 'x'), { items: [{ kind: 'x' }] })), 'NoMatch')
  assert.is(await tagOf(offer(byField('a.b.c', 1), { 'a.b.c': 1 })), 'NoMatch')
})

fields('passes what has no fields', async () => {
  for (const body of [null, 'type', 3, true, undefined, [], ''])
    assert.is(await tagOf(offer(byField('type', 'order'), body)), 'NoMatch')
  assert.is(await tagOf(offer(byField('length', 5), 'order')), 'NoMatch')
  assert.is(await tagOf(offer(byField('a.length', 5), { a: 'order' })), 'NoMatch')
})

fields('never selects by what is inherited', async () => {
  class Order {
    get type() {
      return 'order'
    }
  }
  for (const body of [Object.create({ type: 'order' }), new Order()])
    assert.is(await tagOf(offer(byField('type', 'order'), body)), 'NoMatch')
  assert.is(
    await tagOf(offer(byField('a.type', 'order'), { a: Object.create({ type: 'order' }) })),
    'NoMatch'
  )
  assert.is(await tagOf(offer(byField('constructor.name', 'Object'), {})), 'NoMatch')
  assert.is(
    await tagOf(offer(byField('__proto__.type', 'order'), Object.create({ type: 'order' }))),
    'NoMatch'
  )
})

fields('never selects by a polluted prototype', async () => {
  const polluted = Object.prototype as { type?: string; a?: unknown }
  const offers = [
    [byField('type', 'order'), {}],
    [byField('a.type', 'order'), {}],
    [byField('0.type', 'order'), [[]]],
    [t.type({ type: t.literal('order') }), {}],
    [z.object({ type: z.literal('order') }), {}]
  ] as const
  const processors = offers.map(([matching]) => accepting(matching))
  const bodies = offers.map(([, body]) => message(body))
  polluted.type = 'order'
  polluted.a = { type: 'order' }
  try {
    for (const [index, processor] of processors.entries())
      assert.is(await tagOf(processor(bodies[index] as Message)()), 'NoMatch', String(index))
  } finally {
    delete polluted.type
    delete polluted.a
  }
})

fields('takes a field called __proto__ for a field like any other', async () => {
  const body = JSON.parse('{"__proto__":{"type":"order"}}')
  assert.is(await tagOf(offer(byField('type', 'order'), body)), 'NoMatch')
  assert.is(await tagOf(offer(byField('__proto__.type', 'order'), body)), 'Acked')
})

fields('selects by the field and decodes by the codec', async () => {
  const matcher = byField('meta.type', 'order', t.type({ at: DateFromText }))
  assert.equal(
    await offer(matcher, { meta: { type: 'order' }, at: '1970-01-01' }),
    took({ at: new Date(0), meta: { type: 'order' } })
  )
  assert.is(await tagOf(offer(matcher, { meta: { type: 'refund' }, at: '1970-01-01' })), 'NoMatch')
  assert.equal(
    await offer(matcher, { meta: { type: 'order' }, at: 3 }),
    failed(malformed([{ path: '.at', message: 'expected DateFromText' }]))
  )
})

fields('selects by the field and decodes by the schema', async () => {
  const matcher = byField('type', 'order', z.object({ total: z.string().transform(Number) }))
  assert.equal(await offer(matcher, { type: 'order', total: '3' }), took({ total: 3 }))
  assert.is(await tagOf(offer(matcher, { type: 'refund', total: '3' })), 'NoMatch')
  assert.equal(
    await offer(matcher, { type: 'order', total: 3 }),
    failed(malformed([{ path: '.total', message: 'Invalid input: expected string, received number' }]))
  )
})

fields('cuts short what it tells of values from outside', async () => {
  const failure = await failureOf(offer(byField('type', 'order'), { type: 'x'.repeat(100_000) }))
  assert.ok(JSON.stringify(failure).length < 1_000)
})

fields('that cannot be read are a Defect', async () => {
  const hostile = {
    get type() {
      throw new Error('no')
    }
  }
  assert.is(await tagOf(offer(byField('type', 'order'), hostile)), 'Defect')
})

fields.run()

const headers = suite('byHeader')

headers('takes a message with this header, and hands on its body', async () => {
  const event = byHeader('x-event', 'push')
  assert.equal(await offer(event, { n: 1 }, { headers: { 'x-event': 'push' } }), took({ n: 1 }))
  assert.equal(
    await offer(event, {}, { headers: { 'x-event': 'ping' } }),
    missed('push', 'header x-event is "ping", not "push"')
  )
  assert.equal(
    await offer(event, { 'x-event': 'push' }),
    missed('push', 'header x-event is absent, not "push"')
  )
})

headers('looks a name up as it is given, then in lower case', async () => {
  const event = byHeader('X-Event', 'push')
  assert.is(await tagOf(offer(event, {}, { headers: { 'x-event': 'push' } })), 'Acked')
  assert.is(await tagOf(offer(event, {}, { headers: { 'X-Event': 'push' } })), 'Acked')
  assert.is(await tagOf(offer(event, {}, { headers: { 'X-Event': 'ping', 'x-event': 'push' } })), 'NoMatch')
  assert.is(await tagOf(offer(event, {}, { headers: { 'X-EVENT': 'push' } })), 'NoMatch')
})

headers('reads no dots into a name', async () => {
  assert.is(await tagOf(offer(byHeader('a.b', 'x'), {}, { headers: { 'a.b': 'x' } })), 'Acked')
})

headers('never selects by what is inherited', async () => {
  const inherited = Object.create({ 'x-event': 'push' }) as Record<string, string>
  assert.is(await tagOf(offer(byHeader('x-event', 'push'), {}, { headers: inherited })), 'NoMatch')
})

headers('selects by the header and decodes by the codec', async () => {
  const event = byHeader('x-event', 'push', t.type({ n: t.number }))
  const pushed = { headers: { 'x-event': 'push' } }
  assert.equal(await offer(event, { n: 1 }, pushed), took({ n: 1 }))
  assert.equal(
    await offer(event, {}, pushed),
    failed(malformed([{ path: '.n', message: 'expected number' }]))
  )
  assert.is(await tagOf(offer(event, { n: 1 })), 'NoMatch')
})

headers('of credentials are shown by nothing: no failure, no label', async () => {
  for (const name of ['x-gitlab-token', 'Authorization', 'x-auth', 'X-Functions-Key', 'sig']) {
    const secret = byHeader(name, 'wanted')
    const outcome = await offer(secret, {}, { headers: { [name]: 'found' } })
    const label = `header ${name} = [sensitive]`
    assert.equal(outcome, missed(label, `header ${name} is [sensitive], not [sensitive]`))
    assert.is(await tagOf(offer(secret, {}, { headers: { [name]: 'wanted' } })), 'Acked')
  }
  for (const name of ['x-author', 'idempotency-key', 'x-signal', 'partition-key', 'x-event'])
    assert.is(byHeader(name, 'wanted').label, 'wanted')
})

headers.run()

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

const DateFromText = new t.Type<Date, string>(
  'DateFromText',
  (value): value is Date => value instanceof Date,
  (value, context) => (typeof value === 'string' ? t.success(new Date(value)) : t.failure(value, context)),
  (date) => date.toISOString()
)
