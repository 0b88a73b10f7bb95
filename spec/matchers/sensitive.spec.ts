import { type } from 'arktype'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { z } from 'zod'
import { noMatch } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { message } from '../../lib/core/message.js'
import { ack, ackWith, failed } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import { left, right } from '../../lib/core/result.js'
import { byEventType } from '../../lib/http/cloud-event.js'
import { codecDecode, codecTags } from '../../lib/matchers/codec.js'
import { and, named, not, or } from '../../lib/matchers/composed.js'
import { byField } from '../../lib/matchers/keyed.js'
import { toMatcher } from '../../lib/matchers/matching.js'
import { route } from '../../lib/matchers/route.js'
import { type Schema, schemaDecode, schemaTags } from '../../lib/matchers/schema.js'
import { sensitive, sensitiveFieldsOf } from '../../lib/matchers/sensitive.js'

const secret = '4111-1111'
const Secret = sensitive(t.string)

const fieldsOf = (codec: unknown): string =>
  sensitiveFieldsOf(codec)
    .map((path) => path.join('.') || '(all)')
    .join(' ')

// codecs

const codecs = suite('sensitive, of a codec')

codecs('decodes, encodes and guards as before', () => {
  const Order = t.type({ total: t.number, card: sensitive(t.string) })
  assert.equal(Order.decode({ total: 3, card: secret }), right({ total: 3, card: secret }))
  assert.equal(Order.encode({ total: 3, card: secret }), { total: 3, card: secret })
  assert.is(Order.is({ total: 3 }), false)
  assert.equal([Secret.name, Secret._tag, t.string.decode(3)._tag], ['string', 'StringType', 'Left'])
})

codecs('gives the handler the plain value', async () => {
  const Order = t.type({ card: Secret })
  const processor = pipe(receive(json), handle(route(Order, async ({ card }) => ackWith({ note: card }))))
  assert.equal(await processor(message({ card: secret }))(), ackWith({ note: secret }))
})

codecs('is found wherever it stands', () => {
  interface Tree {
    readonly note: string
    readonly trees: readonly Tree[]
  }
  const Tree: t.Type<Tree> = t.recursion('Tree', () => t.type({ note: Secret, trees: t.readonlyArray(Tree) }))
  const Plain: t.Type<any> = t.recursion('Plain', () => t.type({ plains: t.array(Plain) }))
  const cases: readonly (readonly [t.Mixed, string])[] = [
    [t.string, ''],
    [Secret, '(all)'],
    [t.type({ a: t.string, card: Secret }), 'card'],
    [t.strict({ card: Secret }), 'card'],
    [new t.StrictType('Old', Plain.is, Plain.validate, t.identity, { card: Secret }), 'card'],
    [t.partial({ card: Secret }), 'card'],
    [t.array(t.type({ card: Secret })), '*.card'],
    [t.readonlyArray(Secret), '*'],
    [t.tuple([t.string, Secret]), '1'],
    [t.record(t.string, Secret), '*'],
    [t.record(Secret, t.number), '(all)'],
    [t.intersection([t.type({ a: t.string }), t.partial({ card: Secret })]), 'card'],
    [t.union([t.type({ a: Secret }), t.type({ b: t.type({ c: Secret }) })]), 'a b.c'],
    [t.readonly(t.exact(t.type({ card: Secret }))), 'card'],
    [t.refinement(Secret, (text) => text !== ''), '(all)'],
    [sensitive(t.type({ card: Secret })), '(all)'],
    [Tree, 'note trees.*'],
    [Plain, ''],
    [Secret.pipe(new t.Type('Id', t.string.is, t.string.validate, t.identity)), '(all)']
  ]
  for (const [codec, expected] of cases) assert.is(fieldsOf(codec), expected, codec.name)
})

codecs('keeps two that are each within the other from hiding what is sensitive', () => {
  const A: t.Type<any> = t.recursion('A', () => t.partial({ b: B, card: Secret }))
  const B: t.Type<any> = t.recursion('B', () => t.partial({ a: A, plain: t.string }))
  assert.equal([fieldsOf(A), fieldsOf(B)], ['b.a card', 'a.b a.card'])
})

codecs('selects a route by its tags as before, and does not tell what was there instead', async () => {
  const Order = sensitive(t.type({ type: t.literal('order') }))
  assert.equal(codecTags(Order), [[{ on: 'body', path: 'type', value: 'order' }]])
  const processor = pipe(receive(json), handle(route(Order, async () => ack)))
  assert.equal(await processor(message({ type: 'order' }))(), ack)
  assert.equal(
    await processor(message({ type: secret }))(),
    failed(noMatch([{ route: 'order', reason: '.type is [sensitive], not "order"' }]))
  )
})

codecs('says of a wrong value what was expected, not what somebody says of it, nor names within it', () => {
  const quoting = new t.Type<string>(
    'Quoting',
    t.string.is,
    (value, context) => t.failure(value, context, `not ${JSON.stringify(value)}`),
    t.identity
  )
  const issuesIn = (codec: t.Mixed, value: unknown) => {
    const decoded = codecDecode(codec)(value)
    return decoded._tag === 'Left' ? decoded.left.map(({ path, message }) => `${path} ${message}`) : []
  }
  assert.equal(issuesIn(t.type({ a: quoting }), { a: 'b' }), ['.a not "b"'])
  assert.equal(issuesIn(t.type({ card: sensitive(quoting) }), { card: secret }), ['.card expected Quoting'])
  assert.equal(issuesIn(t.type({ a: quoting, card: Secret }), { a: secret, card: 'b' }), [
    '.a expected Quoting'
  ])
  // What is made by hand is not looked into; what it was made of still says that it is marked.
  const Inner = t.type({ card: sensitive(quoting), a: quoting })
  const byHand = new t.Type(
    'ByHand',
    Inner.is,
    (value, context) => Inner.validate(value, context),
    t.identity
  )
  assert.equal(issuesIn(byHand, { card: secret, a: 'b' }), ['.card expected Quoting', '.a not "b"'])
  const names = sensitive(t.record(t.string, t.number))
  assert.equal(issuesIn(t.type({ names }), { names: { [secret]: 'x' } }), [`.names expected ${names.name}`])
  assert.equal(issuesIn(names, { [secret]: 'x' }), [` expected ${names.name}`])
  const keyed = t.record(Secret, t.number)
  assert.equal(issuesIn(t.type({ keyed }), { keyed: { [secret]: 'x' } }), [`.keyed expected ${keyed.name}`])
})

codecs('names nothing within what is marked, whatever is around it', () => {
  const names = sensitive(t.record(t.string, t.number))
  const others = t.record(t.string, t.number)
  const wrappers: Readonly<Record<string, t.Mixed>> = {
    readonly: t.readonly(names),
    exact: t.exact(sensitive(t.type({ [secret]: t.number }))),
    refinement: t.refinement(names, () => true),
    recursion: t.recursion('Names', () => names),
    union: t.union([names, others]),
    intersection: t.intersection([names, others]),
    unmarked: others
  }
  for (const [name, codec] of Object.entries(wrappers)) {
    const decoded = codecDecode(t.type({ names: codec }))({ names: { [secret]: 'x' } })
    const paths = decoded._tag === 'Left' ? decoded.left.map(({ path }) => path) : []
    assert.equal([...new Set(paths)], [name === 'unmarked' ? `.names["${secret}"]` : '.names'], name)
  }
})

codecs.run()

// schemas

const zodOrder = z.object({ type: z.literal('order'), card: z.number(), name: z.string() })
const valibotOrder = v.object({ type: v.literal('order'), card: v.number(), name: v.string() })
const arkOrder = type({ type: "'order'", card: 'number', name: 'string' })
const orderSchemas: readonly Schema[] = [zodOrder, valibotOrder, arkOrder]

const schemas = suite('sensitive, of a schema')

schemas('validates as before, and says only where a payload is wrong', () => {
  for (const schema of orderSchemas) {
    const decode = schemaDecode(sensitive(schema, 'card'))
    const order = { type: 'order', card: 3, name: 'Ada' }
    assert.equal(decode(order), right(order))
    assert.equal(decode({ ...order, card: secret }), left([{ path: '.card', message: 'not as expected' }]))
  }
})

schemas('is told by its tags as before', () => {
  for (const schema of [zodOrder, arkOrder])
    assert.equal(schemaTags(sensitive(schema)), [[{ on: 'body', path: 'type', value: 'order' }]])
})

schemas('names nothing within what is sensitive', () => {
  const Names = z.object({ names: z.record(z.string(), z.number()), total: z.number() })
  const payload = { names: { [secret]: 'x' }, total: 'x' }
  assert.equal(
    schemaDecode(sensitive(Names, 'names'))(payload),
    left([
      { path: '.names', message: 'not as expected' },
      { path: '.total', message: 'not as expected' }
    ])
  )
  assert.equal(
    schemaDecode(sensitive(Names, 'names.*'))(payload),
    left([
      { path: `.names["${secret}"]`, message: 'not as expected' },
      { path: '.total', message: 'not as expected' }
    ])
  )
  const whole = schemaDecode(sensitive(Names))(payload)
  assert.ok(whole._tag === 'Left' && whole.left.every(({ path }) => path === ''))
})

schemas('names nothing within what is sensitive in one of many places, and all of the others', () => {
  const entry = { names: v.record(v.string(), v.number()), price: v.number() }
  const Lines = v.object({ lines: v.array(v.object(entry)), others: v.array(v.object(entry)) })
  const line = { names: { [secret]: 'x' }, price: 'x' }
  const decoded = schemaDecode(sensitive(Lines, 'lines.*.names'))({ lines: [line], others: [line] })
  assert.equal(decoded._tag === 'Left' && decoded.left.map(({ path }) => path), [
    '.lines[0].names',
    '.lines[0].price',
    `.others[0].names["${secret}"]`,
    '.others[0].price'
  ])
})

schemas('says no more where a schema says no place, or answers later', async () => {
  const quoting = (value: unknown) => ({ issues: [{ message: `not ${String(value)}` }] })
  const made = (validate: (value: unknown) => any): Schema => ({
    '~standard': { version: 1, vendor: 'spec', validate }
  })
  const issues = [{ message: 'not as expected', path: [] }]
  for (const marked of [sensitive(made(quoting)), sensitive(made(quoting), 'card')])
    assert.equal(marked['~standard'].validate(secret), { issues })
  const later = sensitive(made(async (value) => (value === 3 ? { value } : quoting(value))))['~standard']
  assert.equal([await later.validate(secret), await later.validate(3)], [{ issues }, { value: 3 }])
})

schemas('may be marked twice, and not with what is no path', () => {
  assert.is(fieldsOf(sensitive(sensitive(zodOrder, 'card'), 'items.*.name')), 'card items.*.name')
  for (const fields of [['card..name'], ['card', '']])
    assert.throws(() => sensitive(zodOrder, ...fields), /dotted paths/)
})

schemas('tells its matcher what is sensitive, through all that is made of it', () => {
  const Order = sensitive(zodOrder, 'card')
  const matchers = [
    toMatcher(Order),
    byField('type', 'order', Order),
    and(byField('type', 'order'), Order),
    or(byField('type', 'refund'), Order),
    named('an order', Order),
    not(Order)
  ]
  for (const { label, sensitive } of matchers) assert.equal(sensitive?.(), [['card']], label)
  assert.equal(byEventType('order', Order).sensitive?.(), [
    ['card'],
    ['data', 'card'],
    ['data_base64', 'card']
  ])
})

schemas.run()
