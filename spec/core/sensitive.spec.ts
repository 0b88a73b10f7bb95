import { join } from 'node:path'
import { type } from 'arktype'
import * as fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { z } from 'zod'
import { codecDecode, codecTags } from '../../lib/core/codec.js'
import { explain, renderExplanation } from '../../lib/core/explain.js'
import { failureToJson } from '../../lib/core/failure-to-json.js'
import { malformed, noMatch } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { and, byField, named, not, or, toMatcher } from '../../lib/core/matcher.js'
import { message } from '../../lib/core/message.js'
import { type Outcome, ack, ackWith, failed, nack } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import type { Processor } from '../../lib/core/processor.js'
import { publicMessage, renderFailure } from '../../lib/core/render.js'
import { left, right } from '../../lib/core/result.js'
import { type Route, route } from '../../lib/core/route.js'
import { type Schema, schemaDecode, schemaTags } from '../../lib/core/schema.js'
import { redacted, sensitive, sensitiveFieldsOf } from '../../lib/core/sensitive.js'
import { masking } from '../../lib/cli/masking.js'
import { letterJson } from '../../lib/cli/json.js'
import { issueLines, payloadLines } from '../../lib/cli/payload.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { byEventType, cloudEvent } from '../../lib/http/cloud-event.js'
import { withDlq, withLogging } from '../../lib/timed.js'
import { type Put, at, bytes, called, madeQueue, using } from '../support/cli-command.js'
import { inEmptyFolder, repository } from '../support/program.js'

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
  const names = sensitive(t.record(t.string, t.number))
  assert.equal(issuesIn(t.type({ names }), { names: { [secret]: 'x' } }), [`.names expected ${names.name}`])
  assert.equal(issuesIn(names, { [secret]: 'x' }), [` expected ${names.name}`])
  const keyed = t.record(Secret, t.number)
  assert.equal(issuesIn(t.type({ keyed }), { keyed: { [secret]: 'x' } }), [`.keyed expected ${keyed.name}`])
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

schemas('may be marked twice, and not with what is no path', () => {
  assert.is(fieldsOf(sensitive(sensitive(zodOrder, 'card'), 'items.*.name')), 'card items.*.name')
  assert.throws(() => sensitive(zodOrder, 'card..name'), /dotted paths/)
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

// copies

const copies = suite('redacted')

copies('masks what is marked, and leaves the rest and what it was given', () => {
  const Order = t.type({
    total: t.number,
    card: Secret,
    lines: t.array(t.type({ note: sensitive(t.union([t.string, t.null])), count: t.number }))
  })
  const order = { total: 3, card: secret, lines: [{ note: null, count: 1, more: [1] }], more: { card: 'c' } }
  const before = structuredClone(order)
  assert.equal(redacted(Order)(order), {
    total: 3,
    card: '[sensitive]',
    lines: [{ note: '[sensitive]', count: 1, more: [1] }],
    more: { card: 'c' }
  })
  assert.equal(order, before)
})

copies('masks whole what is not made as the codec says', () => {
  const redact = redacted(t.type({ customer: t.type({ card: Secret }), cards: t.array(Secret) }))
  assert.equal(redact({ customer: secret, cards: secret }), {
    customer: '[sensitive]',
    cards: '[sensitive]'
  })
  assert.equal(redact({ customer: [secret], cards: { a: secret } }), {
    customer: '[sensitive]',
    cards: { a: '[sensitive]' }
  })
  assert.equal(redact({ customer: null }), { customer: null })
  assert.equal([redact(secret), redact(new Map([['card', secret]]))], ['[sensitive]', '[sensitive]'])
})

copies('gives what is not marked at all as it is', () => {
  const value = { a: new Date(0) }
  assert.is(redacted(t.type({ a: t.unknown }))(value), value)
})

copies.run()

// properties

interface Case {
  readonly codec: t.Mixed
  readonly value: unknown
}

const marker = 'S3CR3T'
const aSecret = fc.string({ unit: 'grapheme' }).map((text) => `${marker}${text}`)
const aName = fc.constantFrom('card', 'name', 'a', 'odd name', '7')

/** Codecs with values that have a secret wherever they are marked; also values that are not made as they should be. */
const { aCase } = fc.letrec<{ readonly aCase: Case }>((tie) => {
  const inner = tie('aCase')
  const wrapping = (wrap: (codec: any) => t.Mixed, of: (value: unknown) => unknown = (value) => value) =>
    inner.map(({ codec, value }): Case => ({ codec: wrap(codec), value: of(value) }))
  const object = (make: (props: Record<string, t.Mixed>) => t.Mixed) =>
    fc.dictionary(aName, inner, { maxKeys: 3, noNullPrototype: true }).map((cases): Case => ({
      codec: make(Object.fromEntries(Object.entries(cases).map(([name, { codec }]) => [name, codec]))),
      value: Object.fromEntries(Object.entries(cases).map(([name, { value }]) => [name, value]))
    }))
  return {
    aCase: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<Case>({ codec: t.number, value: 3 }, { codec: t.number, value: 'three' }),
      aSecret.map((value): Case => ({ codec: Secret, value })),
      aSecret.map((value): Case => ({ codec: sensitive(t.number), value })),
      aSecret.map((value): Case => ({ codec: sensitive(t.type({ a: t.string })), value: { a: value } })),
      aSecret.map((value): Case => ({ codec: sensitive(t.array(t.number)), value: [value] })),
      aSecret.map((value): Case => ({ codec: t.record(Secret, t.number), value: { [value]: 'x' } })),
      aSecret.map((value): Case => ({ codec: t.type({ card: Secret }), value })),
      aSecret.map((value): Case => ({ codec: t.type({ card: Secret }), value: [value] })),
      aSecret.map((value): Case => ({ codec: t.array(t.partial({ card: Secret })), value: [value] })),
      object(t.type),
      object(t.partial),
      object((props) => t.exact(t.type(props))),
      wrapping(t.array, (value) => [value, value]),
      wrapping(
        (codec) => t.record(t.string, codec),
        (value) => ({ any: value })
      ),
      wrapping(
        (codec) => t.tuple([t.number, codec]),
        (value) => [1, value]
      ),
      wrapping((codec) => t.union([t.type({ other: t.number }), codec])),
      wrapping((codec) => t.intersection([codec, t.unknown])),
      wrapping(t.readonly),
      wrapping((codec) => t.refinement(codec, () => true))
    )
  }
})

/** All that is shown of a message and its outcome, in a log, a dead letter, a listing. */
const renderings = async (
  routed: Route<any, any>,
  payload: unknown,
  fields: readonly string[]
): Promise<string> => {
  const said: unknown[] = []
  const log = (line: unknown, text: string) => void said.push(line, text)
  const logger = { debug: log, info: log, warn: log, error: log }
  const queue = memoryDlq()
  const processor: Processor = pipe(
    receive(json),
    handle(routed),
    withLogging(logger, { fields }),
    withDlq(queue),
    withLogging(logger, { fields })
  )
  const delivered = message(payload)
  const outcome = await processor(delivered)()
  said.push(renderExplanation(explain(processor)(delivered)))
  if ('failure' in outcome) {
    const { failure } = outcome
    said.push(renderFailure(failure), publicMessage(failure), failureToJson(failure))
  }
  for (const letter of queue.letters().map(masking(processor))) {
    said.push(letterJson(letter), payloadLines(letter.bytes, true))
    if (letter.failure._tag === 'Malformed') said.push(issueLines(letter.failure.issues, letter.bytes))
  }
  return JSON.stringify(said)
}

const aVerdict = fc.constantFrom<() => Promise<any>>(
  async () => ack,
  async () => nack({ reason: 'later' }),
  async () => {
    throw new Error('boom')
  }
)

const properties = suite('no rendering')

properties('shows what a codec marks, whatever is wrong with the payload', () =>
  fc.assert(
    fc.asyncProperty(
      aCase,
      fc.boolean(),
      fc.constantFrom('order', 'refund', marker),
      aVerdict,
      async ({ codec, value }, isTagged, kind, verdict) => {
        const kinds: t.Props = isTagged ? { kind: sensitive(t.literal('order')) } : {}
        const routed = route(t.type({ ...kinds, inner: codec }), verdict)
        const fields = ['kind', 'inner', 'inner.card', 'inner.0.card', 'inner.a.name', 'inner.card.a']
        const payload = isTagged ? { kind, inner: value } : { inner: value }
        assert.not.match(await renderings(routed, payload, fields), marker)
      }
    ),
    { numRuns: 500 }
  )
)

properties('is about something: the same codecs without marks show it', async () => {
  const plain = await renderings(
    route(t.type({ inner: t.number }), async () => ack),
    { inner: marker },
    ['inner']
  )
  assert.match(plain, marker)
})

properties('shows what a schema marks, also where its library quotes it', () =>
  fc.assert(
    fc.asyncProperty(aSecret, fc.constantFrom(...orderSchemas), aVerdict, async (text, schema, verdict) => {
      const routed = route(sensitive(schema, 'card'), verdict)
      for (const payload of [
        { type: 'order', card: text, name: 'Ada' },
        { type: 'order', card: { a: text } }
      ])
        assert.not.match(await renderings(routed, payload, ['card', 'card.a']), marker)
    })
  )
)

properties('shows what is marked in the data of an event', async () => {
  const Order = t.type({ card: Secret })
  const event = { specversion: '1.0', id: '1', source: '/a', type: 'order', data: { card: marker, a: 1 } }
  const queue = memoryDlq()
  const processor = pipe(
    receive(cloudEvent),
    handle(route(byEventType('order', Order), async (): Promise<any> => failed(malformed([])))),
    withDlq(queue)
  )
  const headers = { 'ce-specversion': '1.0', 'ce-id': '2', 'ce-source': '/a', 'ce-type': 'order' }
  const outcomes: readonly Outcome[] = [
    await processor(message(event))(),
    await processor(message(event.data, { id: '2', headers }))(),
    await processor(message({ ...event, type: 'refund' }, { id: '3' }))()
  ]
  assert.is(outcomes.length, 3)
  const shown = queue.letters().map((letter) => letterJson(masking(processor)(letter)))
  assert.is(shown.length, 3)
  for (const text of shown) assert.not.match(text, marker)
})

properties.run()

// the command

const app = join(repository, 'spec/support/sensitive-app.ts')

const letters: readonly Put[] = [
  {
    id: 'o-1',
    bytes: bytes(
      '{"type":"order","total":12345678901234567890,"customer":{"id":"S3CR3T","a":1},"total":"x"}'
    ),
    route: 'order',
    failure: malformed([
      { path: '.total', message: 'expected number' },
      { path: '.customer.id', message: 'expected number' }
    ])
  },
  { id: 'o-2', bytes: bytes('S3CR3T'), failure: malformed([{ path: '', message: 'not JSON' }]) }
]

const command = suite('missive dlq show --through')

command('masks what the codec marks, also in the payload as it arrived', () =>
  inEmptyFolder(async (cwd) => {
    const stored = await madeQueue(join(cwd, 'shop.db'), letters)
    const { key, id, bytes: from } = at(stored, 0)
    const to = bytes({ type: 'order', customer: { id: marker } })
    const shown = await called(cwd, 'show', 'shop.db', key, '--through', app)
    assert.equal([shown.code, shown.stderr], [0, ''])
    assert.not.match(shown.stdout, marker)
    assert.match(shown.stdout, /^ {2}\.customer\.id {2}"\[sensitive\]" {2}expected number$/m)
    assert.match(
      shown.stdout,
      /^Payload, 90 B\n {2}\{\n {4}"type": "order",\n {4}"total": 12345678901234567890,\n {4}"customer": \{\n {6}"id": "\[sensitive\]",\n {6}"a": 1\n {4}\},\n {4}"total": "x"\n {2}\}$/m
    )
    const asJson = await called(cwd, 'show', 'shop.db', key, '--through', app, '--json')
    assert.not.match(asJson.stdout, marker)
    const text = await called(cwd, 'show', 'shop.db', at(stored, 1).key, '--through', app)
    assert.match(text.stdout, /^Payload, 6 B\n {2}\[sensitive\]$/m)
    const listed = await called(cwd, 'ls', 'shop.db', '--json', '--through', app)
    assert.equal([listed.code, listed.stdout.split('\n').length], [0, 3])
    assert.not.match(listed.stdout, marker)
    await using(join(cwd, 'shop.db'), async (store) => store.edit({ key, id, from, to, by: 'ada' })())
    const edited = await called(cwd, 'show', 'shop.db', key, '--through', app)
    assert.match(edited.stdout, /as it was edited[^]*as it arrived/)
    assert.not.match(edited.stdout, marker)
  })
)

command('shows everything with --reveal, and without it no exact bytes', () =>
  inEmptyFolder(async (cwd) => {
    const stored = await madeQueue(join(cwd, 'shop.db'), letters)
    const { key } = at(stored, 0)
    const revealed = await called(cwd, 'show', 'shop.db', key, '--through', app, '--reveal')
    assert.match(revealed.stdout, marker)
    const refused = await called(cwd, 'show', 'shop.db', key, '--through', app, '--payload')
    assert.equal([refused.code, refused.stdout], [2, ''])
    const exact = await called(cwd, 'show', 'shop.db', key, '--through', app, '--payload', '--reveal')
    assert.is(exact.stdout, Buffer.from(at(stored, 0).bytes).toString())
  })
)

command('shows nothing by a processor that does not tell its routes', () =>
  inEmptyFolder(async (cwd) => {
    await madeQueue(join(cwd, 'shop.db'), letters)
    assert.throws(() => masking(() => async () => ack), /does not tell its routes.*--reveal/)
  })
)

command.run()
