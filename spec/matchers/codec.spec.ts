import * as t from 'io-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Issue, malformed, noMatch } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { Scalar } from '../../lib/core/key.js'
import { message } from '../../lib/core/message.js'
import { type Outcome, ackWith, failed } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import { left, right } from '../../lib/core/result.js'
import { type Codec, codecDecode, codecTags, isCodec } from '../../lib/matchers/codec.js'
import { route } from '../../lib/matchers/route.js'

const tag = <V extends string>(value: V) => t.type({ type: t.literal(value) })
const Item = t.type({ price: t.number })
const Positive = t.refinement(t.number, (n) => n > 0, 'Positive')

/** Tags in short: one record for each alternative. */
const tagsOf = (codec: Codec): readonly Readonly<Record<string, Scalar>>[] | undefined =>
  codecTags(codec)?.map((keys) => Object.fromEntries(keys.map(({ path, value }) => [path, value])))

const issuesOf = (codec: Codec, value: unknown): readonly Issue[] => {
  const decoded = codecDecode(codec)(value)
  return decoded._tag === 'Left' ? decoded.left : []
}

const pathsOf = (codec: Codec, value: unknown): readonly string[] =>
  issuesOf(codec, value).map(({ path }) => path)

/** What becomes of a body when this codec is the one matcher: its handler acks with what it was given. */
const offer = (codec: Codec, body: unknown): Promise<Outcome> =>
  pipe(
    receive(json),
    handle(route(codec, async (input: unknown) => ackWith({ reply: input })))
  )(message(body))()

const guarding = suite('isCodec')

guarding('knows codecs of every kind, and nothing else', () => {
  for (const codec of [t.string, tag('a'), t.union([tag('a'), tag('b')]), Positive, t.array(Item)])
    assert.ok(isCodec(codec))
  for (const other of [undefined, null, 3, 'a', {}, () => true, { decode: () => 1 }])
    assert.not.ok(isCodec(other))
})

guarding.run()

const tags = suite('codecTags')

tags('are the literal fields of a type', () => {
  assert.equal(tagsOf(t.type({ type: t.literal('a'), version: t.literal(2), n: t.number })), [
    { type: 'a', version: 2 }
  ])
  assert.equal(tagsOf(t.type({ ok: t.literal(true) })), [{ ok: true }])
})

tags('are found through what does not change them', () => {
  const Order = t.type({ type: t.literal('a'), n: t.number })
  const codecs = {
    strict: t.strict({ type: t.literal('a'), n: t.number }),
    strictType: new t.StrictType('Order', Order.is, Order.validate, Order.encode, Order.props),
    exact: t.exact(Order),
    readonly: t.readonly(Order),
    refinement: t.refinement(Order, ({ n }) => n > 0),
    brand: t.brand(Order, (order): order is t.Branded<t.TypeOf<typeof Order>, Big> => order.n > 9, 'Big'),
    all: t.readonly(t.exact(t.refinement(Order, ({ n }) => n > 0) as unknown as typeof Order)),
    field: t.type({ type: t.readonly(t.literal('a')) }),
    refinedField: t.type({ type: t.refinement(t.literal('a'), () => true) })
  }
  for (const [name, codec] of Object.entries(codecs)) assert.equal(tagsOf(codec), [{ type: 'a' }], name)
})

tags('of an intersection are those of all its members', () => {
  const both = t.intersection([tag('a'), t.type({ version: t.literal(2) }), t.partial({ n: t.number })])
  assert.equal(tagsOf(both), [{ type: 'a', version: 2 }])
  const some = t.intersection([t.type({ n: t.number }), t.union([tag('a'), tag('b')])])
  assert.equal(tagsOf(some), [{ type: 'a' }, { type: 'b' }])
})

tags('of a union are alternatives', () => {
  assert.equal(tagsOf(t.union([tag('a'), t.union([tag('b'), t.strict({ kind: t.literal('c') })])])), [
    { type: 'a' },
    { type: 'b' },
    { kind: 'c' }
  ])
})

tags('are none where something could be taken without them', () => {
  const codecs = {
    scalar: t.string,
    literal: t.literal('a'),
    untagged: t.type({ n: t.number }),
    optional: t.partial({ type: t.literal('a') }),
    union: t.union([tag('a'), t.type({ n: t.number })]),
    record: t.record(t.string, t.literal('a')),
    dotted: t.type({ 'a.b': t.literal('a') }),
    'also dotted': t.type({ type: t.literal('a'), 'a.b': t.literal('a') }),
    array: t.array(tag('a'))
  }
  for (const [name, codec] of Object.entries(codecs)) assert.is(codecTags(codec), undefined, name)
})

tags('are looked for eight deep, and no deeper', () => {
  const wrappers: Readonly<Record<string, (codec: Codec) => Codec>> = {
    readonly: (codec) => t.readonly(codec),
    intersection: (codec) => t.intersection([codec, t.unknown]),
    union: (codec) => t.union([codec, codec])
  }
  for (const [name, wrapped] of Object.entries(wrappers)) {
    const within = (depth: number): Codec => (depth === 0 ? tag('a') : wrapped(within(depth - 1)))
    assert.ok(codecTags(within(5)) !== undefined, name)
    assert.is(codecTags(within(8)), undefined, name)
  }
})

tags('do not multiply without end', () => {
  const five = (name: string): Codec =>
    t.union([1, 2, 3, 4, 5].map((n) => t.type({ [name]: t.literal(n) })) as never) as never
  const many = t.intersection(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k'].map(five) as never)
  assert.is(codecTags(many), undefined)
})

tags.run()

const decoding = suite('codecDecode')

decoding('gives what the codec decodes', () => {
  const trimmed = t.strict({ n: t.number })
  assert.equal(codecDecode(trimmed)({ n: 1, more: 2 }), right({ n: 1 }))
})

decoding('says where it is wrong, and what was expected', () => {
  const Order = t.type({ items: t.array(Item), total: t.number })
  assert.equal(
    codecDecode(Order)({ items: [{ price: '3' }, { price: 3 }, {}] }),
    left([
      { path: '.items[0].price', message: 'expected number' },
      { path: '.items[2].price', message: 'expected number' },
      { path: '.total', message: 'expected number' }
    ])
  )
  assert.equal(issuesOf(Order, 'x'), [{ path: '', message: `expected ${Order.name}` }])
})

decoding('numbers items and quotes odd names', () => {
  assert.equal(pathsOf(t.type({ pair: t.tuple([t.string, t.number]) }), { pair: ['a', 'b'] }), ['.pair[1]'])
  assert.equal(pathsOf(t.readonlyArray(t.number), [1, 'a']), ['[1]'])
  assert.equal(pathsOf(t.record(t.string, t.number), { 'a b': '', 'x.y': '', 'grün-1': '' }), [
    '["a b"]',
    '["x.y"]',
    '.grün-1'
  ])
  assert.equal(pathsOf(t.type({ '0': t.number }), {}), ['["0"]'])
})

decoding('leaves the members of unions out of paths', () => {
  const Id = t.union([t.string, t.number])
  assert.equal(issuesOf(t.type({ id: Id }), { id: true }), [
    { path: '.id', message: 'expected string' },
    { path: '.id', message: 'expected number' }
  ])
  const Shape = t.union([tag('a'), t.type({ type: t.literal('b'), items: t.array(Item) })])
  assert.equal(pathsOf(t.type({ shape: Shape }), { shape: { type: 'b', items: [{}] } }), [
    '.shape.items[0].price'
  ])
})

decoding('leaves the members of intersections out of paths', () => {
  const Order = t.intersection([
    tag('a'),
    t.intersection([t.type({ items: t.array(Item) }), t.partial({ n: t.number })])
  ])
  assert.equal(pathsOf(Order, { type: 'a', items: [{}], n: 'x' }), ['.items[0].price', '.n'])
  assert.equal(pathsOf(t.array(Order), [{ type: 'a', items: [], n: 'x' }]), ['[0].n'])
})

decoding('leaves members out of paths through what wraps them', () => {
  const Either = t.union([t.type({ a: t.number }), t.type({ b: t.number })])
  const wrapped = {
    readonly: t.readonly(Either),
    exact: t.exact(t.intersection([t.type({ a: t.number }), t.type({ b: t.number })])),
    refinement: t.refinement(Either, () => true)
  }
  for (const [name, codec] of Object.entries(wrapped)) assert.equal(pathsOf(codec, {}), ['.a', '.b'], name)
  assert.equal(pathsOf(t.type({ items: t.readonly(t.array(t.readonly(Either))) }), { items: [{}] }), [
    '.items[0].a',
    '.items[0].b'
  ])
})

decoding('leaves members out of the paths of recursive codecs', () => {
  interface Tree {
    readonly value: number
    readonly children: readonly Tree[]
  }
  const Tree: t.Type<Tree> = t.recursion('Tree', () =>
    t.intersection([t.type({ value: t.number }), t.type({ children: t.readonlyArray(Tree) })])
  )
  const body = { value: 1, children: [{ value: 'x', children: [] }] }
  assert.equal(pathsOf(Tree, body), ['.children[0].value'])
  assert.equal(pathsOf(t.type({ tree: Tree }), { tree: body }), ['.tree.children[0].value'])
})

decoding('numbers the items of an array that is decoded further', () => {
  const Items = t.array(Item)
  const Total = new t.Type<number, t.TypeOf<typeof Items>, t.TypeOf<typeof Items>>(
    'Total',
    t.number.is,
    (items) => t.success(items.length),
    () => []
  )
  assert.equal(pathsOf(t.type({ items: Items.pipe(Total) }), { items: [{ price: 1 }, {}] }), [
    '.items[1].price'
  ])
})

decoding('leaves the members of unions out of paths, however many there are', () => {
  const Digit: Codec = t.union(Array.from({ length: 12 }, (_, n) => t.literal(n)) as never) as never
  assert.equal([...new Set(pathsOf(t.type({ digit: Digit }), { digit: 'x' }))], ['.digit'])
})

decoding('says the same of the same place once', () => {
  const Sized = t.union([t.type({ size: t.number }), t.type({ size: t.number, unit: t.string })])
  assert.equal(issuesOf(Sized, { size: 'x', unit: 'cm' }), [{ path: '.size', message: 'expected number' }])
})

decoding('takes errors of which a codec does not say where they are', () => {
  const Placeless = new t.Type<number>(
    'Placeless',
    t.number.is,
    (value) => t.failures([{ value, context: [] }]),
    t.identity
  )
  const [issue] = issuesOf(Placeless, 3)
  assert.is(issue?.path, '')
  assert.match(issue?.message ?? '', /^expected \w/)
})

decoding('prefers the words of the codec', () => {
  const Even = new t.Type<number>(
    'Even',
    (value): value is number => typeof value === 'number',
    (value, context) => t.failure(value, context, 'must be even'),
    (value) => value
  )
  assert.equal(issuesOf(t.type({ n: Even }), { n: 3 }), [{ path: '.n', message: 'must be even' }])
})

decoding('is bounded', () => {
  assert.is(
    issuesOf(
      t.array(t.number),
      Array.from({ length: 10_000 }, () => 'x')
    ).length,
    20
  )
  const Named = t.type({ n: t.refinement(t.number, () => false, 'x'.repeat(10_000)) })
  assert.ok(JSON.stringify(issuesOf(Named, { n: 1 })).length < 1_000)
})

decoding('cuts long names short, odd or not', () => {
  for (const name of ['x'.repeat(10_000), ' '.repeat(10_000)]) {
    const [path = ''] = pathsOf(t.record(t.string, t.number), { [name]: '' })
    assert.ok(path.length < 200, String(path.length))
  }
})

decoding.run()

const matching = suite('codecs as matchers')

const Order = t.type({ type: t.literal('order'), items: t.array(Item) })

matching('hand the handler what they decode', async () => {
  const order = { type: 'order', items: [{ price: 3 }] }
  assert.equal(await offer(Order, order), ackWith({ reply: order }))
  assert.equal(
    await offer(t.strict({ type: t.literal('a') }), { type: 'a', more: 1 }),
    ackWith({ reply: { type: 'a' } })
  )
})

matching('with tags do not take other tags', async () => {
  assert.equal(
    await offer(Order, { type: 'refund', items: [] }),
    failed(noMatch([{ route: 'order', reason: '.type is "refund", not "order"' }]))
  )
})

matching('with tags are Malformed where the rest is wrong', async () => {
  const wrong = { type: 'order', items: [{ price: 'three' }] }
  const failure = failed(malformed([{ path: '.items[0].price', message: 'expected number' }]))
  const codecs = {
    type: Order,
    strict: t.strict({ type: t.literal('order'), items: t.array(Item) }),
    exact: t.exact(Order),
    readonly: t.readonly(Order),
    refinement: t.refinement(Order, () => true),
    intersection: t.intersection([tag('order'), t.type({ items: t.array(Item) })]),
    union: t.union([tag('refund'), Order])
  }
  for (const [name, codec] of Object.entries(codecs)) assert.equal(await offer(codec, wrong), failure, name)
})

matching('with tags are Malformed where a refinement says no', async () => {
  const Paid = t.type({ type: t.literal('order'), total: Positive })
  assert.equal(
    await offer(Paid, { type: 'order', total: 0 }),
    failed(malformed([{ path: '.total', message: 'expected Positive' }]))
  )
})

matching('take a message if all of their tags are right', async () => {
  const Second = t.type({ type: t.literal('order'), version: t.literal(2), n: t.number })
  const failureOf = async (body: unknown) => {
    const outcome = await offer(Second, body)
    return outcome._tag === 'Failed' ? outcome.failure._tag : outcome._tag
  }
  assert.equal(
    [
      await failureOf({ type: 'order', version: 2, n: 1 }),
      await failureOf({ type: 'order', version: 2 }),
      await failureOf({ type: 'order', version: 1 }),
      await failureOf({ version: 2 })
    ],
    ['Acked', 'Malformed', 'NoMatch', 'NoMatch']
  )
})

matching('without tags take what they validate, and nothing else', async () => {
  const Untagged = t.type({ total: t.number }, 'Untagged')
  assert.equal(await offer(Untagged, { total: 3 }), ackWith({ reply: { total: 3 } }))
  assert.equal(
    await offer(Untagged, { total: 'x' }),
    failed(noMatch([{ route: 'Untagged', reason: '.total expected number' }]))
  )
})

matching('that throw are a Defect', async () => {
  const Throwing = t.type({
    type: t.literal('a'),
    n: t.refinement(t.number, () => {
      throw new Error('odd')
    })
  })
  const outcome = await offer(Throwing, { type: 'a', n: 1 })
  const failure = outcome._tag === 'Failed' && outcome.failure
  assert.equal(failure && failure._tag === 'Defect' && [failure.where, failure.message], [
    'the matcher of a',
    'odd'
  ])
})

matching.run()

interface Big {
  readonly Big: unique symbol
}
