import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { z } from 'zod'
import { type Failure, type Issue, malformed, noMatch } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { Scalar } from '../../lib/core/key.js'
import { message } from '../../lib/core/message.js'
import { type Outcome, ackWith, failed } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import { left, right } from '../../lib/core/result.js'
import { byField } from '../../lib/matchers/keyed.js'
import { route } from '../../lib/matchers/route.js'
import { type Schema, isSchema, schemaDecode, schemaTags } from '../../lib/matchers/schema.js'

const zodOrder = z.object({ type: z.literal('order'), items: z.array(z.object({ price: z.number() })) })
const valibotOrder = v.object({ type: v.literal('order'), items: v.array(v.object({ price: v.number() })) })
const arkOrder = type({ type: "'order'", items: type({ price: 'number' }).array() })
const order = { type: 'order', items: [{ price: 3 }] }
const wrong = { type: 'order', items: [{ price: 'three' }] }

/** Tags in short: one record for each alternative. */
const tagsOf = (schema: unknown): readonly Readonly<Record<string, Scalar>>[] | undefined =>
  schemaTags(schema)?.map((keys) => Object.fromEntries(keys.map(({ path, value }) => [path, value])))

/** What becomes of a body when this schema is the one matcher: its handler acks with what it was given. */
const offer = (schema: Schema, body: unknown): Promise<Outcome> =>
  pipe(
    receive(json),
    handle(route(schema, async (input: unknown) => ackWith({ reply: input })))
  )(message(body))()

const failureOf = async (outcome: Promise<Outcome>): Promise<Failure | undefined> => {
  const settled = await outcome
  return settled._tag === 'Failed' ? settled.failure : undefined
}

const issues = {
  zod: [{ path: '.items[0].price', message: 'Invalid input: expected number, received string' }],
  valibot: [{ path: '.items[0].price', message: 'Invalid type: Expected number but received "three"' }],
  arktype: [{ path: '.items[0].price', message: 'items[0].price must be a number (was a string)' }]
} satisfies Record<string, readonly Issue[]>

const guarding = suite('isSchema')

guarding('knows the schemas of each library, and nothing else', () => {
  for (const schema of [zodOrder, valibotOrder, toStandardJsonSchema(valibotOrder), arkOrder])
    assert.ok(isSchema(schema))
  for (const other of [undefined, null, 3, {}, () => true, { '~standard': {} }, { '~standard': null }])
    assert.not.ok(isSchema(other))
})

guarding('knows a schema that is a function', () => {
  assert.is(typeof arkOrder, 'function')
  assert.ok(isSchema(arkOrder))
})

guarding.run()

const tags = suite('schemaTags')

tags('are the constant fields of a schema that offers its JSON Schema', () => {
  for (const schema of [zodOrder, toStandardJsonSchema(valibotOrder), arkOrder])
    assert.equal(tagsOf(schema), [{ type: 'order' }])
  assert.equal(tagsOf(z.object({ type: z.literal('a'), version: z.literal(2), on: z.literal(true) })), [
    { type: 'a', version: 2, on: true }
  ])
})

tags('are none where a schema offers no JSON Schema', () => assert.is(schemaTags(valibotOrder), undefined))

tags('of a union are alternatives', () => {
  const [a, b] = [z.object({ type: z.literal('a') }), z.object({ type: z.literal('b') })]
  const schemas = {
    union: z.union([a, b]),
    discriminated: z.discriminatedUnion('type', [a, b]),
    valibot: toStandardJsonSchema(
      v.variant('type', [v.object({ type: v.literal('a') }), v.object({ type: v.literal('b') })])
    ),
    arktype: type({ type: "'a'" }).or({ type: "'b'" })
  }
  for (const [name, schema] of Object.entries(schemas))
    assert.equal(tagsOf(schema), [{ type: 'a' }, { type: 'b' }], name)
})

tags('of an intersection are those of all its members', () => {
  const both = z.intersection(zodOrder, z.object({ version: z.literal(2) }))
  assert.equal(tagsOf(both), [{ type: 'order', version: 2 }])
})

tags('are those of what comes in, where a schema makes something else of it', () => {
  assert.equal(tagsOf(zodOrder.transform(({ items }) => items.length)), [{ type: 'order' }])
})

tags('are none where something could be taken without them', () => {
  const schemas = {
    scalar: z.string(),
    untagged: z.object({ n: z.number() }),
    optional: z.object({ type: z.literal('a').optional() }),
    defaulted: z.object({ type: z.literal('a').default('a') }),
    union: z.union([zodOrder, z.object({ n: z.number() })]),
    dotted: z.object({ 'a.b': z.literal('a') })
  }
  for (const [name, schema] of Object.entries(schemas)) assert.is(schemaTags(schema), undefined, name)
})

tags('are none where the JSON Schema cannot be made', () => {
  const standard = {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) => ({ value }),
    jsonSchema: {
      input: () => {
        throw new Error('no')
      }
    }
  }
  assert.is(schemaTags({ '~standard': standard }), undefined)
})

/** A schema of which nothing but its JSON Schema is read. */
const offering = (jsonSchema: unknown) => ({
  '~standard': { version: 1, vendor: 'test', jsonSchema: { input: () => jsonSchema } }
})

const tagged = (type: unknown) => ({ properties: { type: { const: type } }, required: ['type'] })

tags('are read of whatever else a JSON Schema holds', () => {
  assert.equal(tagsOf(offering(tagged(null))), [{ type: null }])
  assert.equal(tagsOf(offering({ ...tagged('a'), required: ['total', 'type'] })), [{ type: 'a' }])
  assert.equal(tagsOf(offering({ ...tagged('a'), allOf: [true, null, { required: ['n'] }] })), [
    { type: 'a' }
  ])
  assert.equal(tagsOf(offering({ ...tagged('a'), anyOf: [tagged(1), { properties: {} }] })), [{ type: 'a' }])
  assert.equal(tagsOf(offering({ allOf: [tagged('a'), { oneOf: [tagged('b')] }] })), [{ type: 'b' }])
  for (const odd of [true, null, undefined, {}, { required: ['type'] }, tagged({ a: 1 }), tagged(undefined)])
    assert.is(tagsOf(offering(odd)), undefined, JSON.stringify(odd))
})

tags('are looked for eight deep, and no deeper', () => {
  for (const name of ['allOf', 'anyOf', 'oneOf']) {
    const within = (depth: number): unknown => (depth === 0 ? tagged('a') : { [name]: [within(depth - 1)] })
    assert.equal(
      [tagsOf(offering(within(5))), tagsOf(offering(within(8)))],
      [[{ type: 'a' }], undefined],
      name
    )
  }
})

tags.run()

const decoding = suite('schemaDecode')

decoding('gives what the schema makes of it', () => {
  assert.equal(
    schemaDecode(z.object({ total: z.string().transform(Number) }))({ total: '3' }),
    right({ total: 3 })
  )
  assert.equal(
    schemaDecode(v.object({ total: v.pipe(v.string(), v.transform(Number)) }))({ total: '3' }),
    right({ total: 3 })
  )
  assert.equal(schemaDecode(type({ total: 'string.numeric.parse' }))({ total: '3' }), right({ total: 3 }))
})

decoding('says where it is wrong, in the words of the schema', () => {
  assert.equal(schemaDecode(zodOrder)(wrong), left(issues.zod))
  assert.equal(schemaDecode(valibotOrder)(wrong), left(issues.valibot))
  assert.equal(schemaDecode(toStandardJsonSchema(valibotOrder))(wrong), left(issues.valibot))
  assert.equal(schemaDecode(arkOrder)(wrong), left(issues.arktype))
})

decoding('gives the whole no path, and quotes odd names', () => {
  const pathOf = (schema: Schema, value: unknown) => {
    const decoded = schemaDecode(schema)(value)
    return decoded._tag === 'Left' ? decoded.left.map(({ path }) => path) : []
  }
  assert.equal(pathOf(z.string(), 3), [''])
  assert.equal(pathOf(z.object({ 'a b': z.string() }), {}), ['["a b"]'])
  assert.equal(pathOf(v.object({ 'a b': v.string() }), {}), ['["a b"]'])
  assert.equal(pathOf(type({ 'a b': 'string' }), {}), ['["a b"]'])
})

decoding('is bounded', () => {
  const decoded = schemaDecode(z.array(z.number()))(Array.from({ length: 1_000 }, () => 'x'))
  assert.is(decoded._tag === 'Left' && decoded.left.length, 20)
})

decoding('takes issues without a place', () => {
  const validate = () => ({ issues: [{ message: 'odd' }] })
  const schema: Schema = { '~standard': { version: 1, vendor: 'test', validate } }
  assert.equal(schemaDecode(schema)(3), left([{ path: '', message: 'odd' }]))
})

decoding('throws where the schema validates asynchronously', () => {
  const eventually = z.string().refine(async () => true)
  assert.throws(() => schemaDecode(eventually)('x'), 'the schema validates asynchronously')
})

decoding.run()

const matching = suite('schemas as matchers')

matching('hand the handler what they make of the body', async () => {
  for (const schema of [zodOrder, valibotOrder, toStandardJsonSchema(valibotOrder), arkOrder])
    assert.equal(await offer(schema, order), ackWith({ reply: order }))
  assert.equal(
    await offer(
      zodOrder.transform(({ items }) => items.length),
      order
    ),
    ackWith({ reply: 1 })
  )
})

matching('with tags do not take other tags', async () => {
  const passed = failed(noMatch([{ route: 'order', reason: '.type is "refund", not "order"' }]))
  for (const schema of [zodOrder, toStandardJsonSchema(valibotOrder), arkOrder])
    assert.equal(await offer(schema, { type: 'refund', items: [] }), passed)
})

matching('with tags are Malformed where the rest is wrong', async () => {
  assert.equal(await offer(zodOrder, wrong), failed(malformed(issues.zod)))
  assert.equal(await offer(toStandardJsonSchema(valibotOrder), wrong), failed(malformed(issues.valibot)))
  assert.equal(await offer(arkOrder, wrong), failed(malformed(issues.arktype)))
})

matching('without readable tags take what they validate, and nothing else', async () => {
  assert.equal(
    await offer(valibotOrder, wrong),
    failed(
      noMatch([
        { route: 'schema', reason: '.items[0].price Invalid type: Expected number but received "three"' }
      ])
    )
  )
  const untagged = z.object({ total: z.number() })
  assert.equal(await offer(untagged, { total: 3 }), ackWith({ reply: { total: 3 } }))
  assert.equal(
    await offer(untagged, {}),
    failed(
      noMatch([{ route: 'schema', reason: '.total Invalid input: expected number, received undefined' }])
    )
  )
})

matching('are told their tag by byField where they offer none', async () => {
  assert.equal(
    await offer(byField('type', 'order', valibotOrder) as never, wrong),
    failed(malformed(issues.valibot))
  )
})

matching('take a message whose answer is a function that is truthy', async () => {
  assert.equal(
    await offer(arkOrder, { type: 'refund' }),
    failed(noMatch([{ route: 'order', reason: '.type is "refund", not "order"' }]))
  )
  const untagged = type({ total: 'number' })
  assert.equal((await failureOf(offer(untagged, {})))?._tag, 'NoMatch')
})

/** A schema without a library. */
const standard = (validate: (value: unknown) => unknown): Schema => ({
  '~standard': { version: 1, vendor: 'test', validate } as never
})

const defectOf = async (schema: Schema): Promise<readonly string[]> => {
  const failure = await failureOf(offer(schema, order))
  return failure?._tag === 'Defect' ? [failure.where, failure.name, failure.message] : [String(failure?._tag)]
}

matching('that validate asynchronously are a Defect', async () => {
  const asynchronous = 'the schema validates asynchronously; a matcher must answer at once'
  const refined = z.object({ type: z.literal('order') }).refine(async () => true)
  assert.equal(await defectOf(refined), ['the matcher of order', 'TypeError', asynchronous])
  const eventually = v.objectAsync({ type: v.literal('order') })
  assert.equal(await defectOf(eventually), ['the matcher of schema', 'TypeError', asynchronous])
})

matching('that validate asynchronously and reject leave no rejection unhandled', async () => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  assert.is((await defectOf(standard(() => Promise.reject(new Error('late')))))[1], 'TypeError')
  await new Promise((resolve) => void setImmediate(resolve))
  process.off('unhandledRejection', listen)
  assert.is(unhandled.length, 0)
})

matching('that throw are a Defect', async () => {
  const throwing = standard(() => {
    throw new RangeError('odd')
  })
  assert.equal(await defectOf(throwing), ['the matcher of schema', 'RangeError', 'odd'])
})

matching('that give what is no result are a Defect', async () => {
  for (const result of [undefined, null, 3])
    assert.is((await defectOf(standard(() => result)))[1], 'TypeError')
})

matching.run()
