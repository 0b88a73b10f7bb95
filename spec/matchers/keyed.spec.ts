import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { malformed } from '../../lib/core/failure.js'
import { type Message, message } from '../../lib/core/message.js'
import { failed } from '../../lib/core/outcome.js'
import { byField, byHeader } from '../../lib/matchers/keyed.js'

import { accepting, offer, took, tagOf, failureOf, missed } from '../support/matching.js'

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

const DateFromText = new t.Type<Date, string>(
  'DateFromText',
  (value): value is Date => value instanceof Date,
  (value, context) => (typeof value === 'string' ? t.success(new Date(value)) : t.failure(value, context)),
  (date) => date.toISOString()
)
