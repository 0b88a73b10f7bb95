import { type } from 'arktype'
import * as fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { z } from 'zod'
import { letterJson } from '../../lib/cli/json.js'
import { masking } from '../../lib/cli/masking.js'
import { issueLines, payloadLines } from '../../lib/cli/payload.js'
import { explain, renderExplanation } from '../../lib/combinators/explain.js'
import { malformed } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { Json } from '../../lib/core/json.js'
import { type Message, message } from '../../lib/core/message.js'
import { type Outcome, ack, failed, nack } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import type { Processor } from '../../lib/core/processor.js'
import { right } from '../../lib/core/result.js'
import type { Route } from '../../lib/core/route.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { publicMessage, renderFailure } from '../../lib/failures/render.js'
import { failureToJson } from '../../lib/failures/to-json.js'
import { byEventType, cloudEvent } from '../../lib/http/cloud-event.js'
import { route } from '../../lib/matchers/route.js'
import type { Schema } from '../../lib/matchers/schema.js'
import { sensitive } from '../../lib/matchers/sensitive.js'
import { withDlq, withLogging } from '../../lib/timed.js'

const Secret = sensitive(t.string)

const zodOrder = z.object({ type: z.literal('order'), card: z.number(), name: z.string() })
const valibotOrder = v.object({ type: v.literal('order'), card: v.number(), name: v.string() })
const arkOrder = type({ type: "'order'", card: 'number', name: 'string' })
const orderSchemas: readonly Schema[] = [zodOrder, valibotOrder, arkOrder]

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

properties('shows what is marked in the envelope that a format takes off', async () => {
  const Payment = t.type({ type: t.literal('payment'), card: Secret, notes: t.string })
  const payment = { type: 'payment', card: marker, notes: '[urgent] call' }
  const unwrapped = (given: Message) => {
    const envelope = json(given)
    if (envelope._tag === 'Left') return envelope
    const { Message } = envelope.right as { readonly Message: unknown }
    return right((typeof Message === 'string' ? JSON.parse(Message) : Message) as Json)
  }
  const queue = memoryDlq()
  const processor = pipe(
    receive(unwrapped),
    handle(route(Payment, async (): Promise<any> => failed(malformed([])))),
    withDlq(queue)
  )
  for (const [id, Message] of [payment, JSON.stringify(payment), [[payment]]].entries())
    await processor(message({ Message, at: 17 }, { id: String(id) }))()
  const [inside, asText, deep] = queue
    .letters()
    .map((letter) => new TextDecoder().decode(masking(processor)(letter).bytes))
  const shown = { type: 'payment', card: '[sensitive]', notes: '[urgent] call' }
  assert.equal(JSON.parse(inside ?? ''), { Message: shown, at: 17 })
  assert.equal(JSON.parse(asText ?? ''), { Message: '[sensitive]', at: 17 })
  assert.equal(JSON.parse(deep ?? ''), { Message: [[shown]], at: 17 })
})

properties.run()
