import {
  type Context,
  type ContextManager,
  DiagLogLevel,
  type Link,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  context,
  diag,
  propagation,
  trace
} from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor
} from '@opentelemetry/sdk-trace-node'
import { pipe } from 'fp-ts/lib/function.js'
import {
  type Message,
  type MessageFields,
  type Settled,
  ack,
  ackWith,
  bytes,
  constantDelay,
  deadLettered,
  explain,
  failed,
  handle,
  hook,
  json,
  limitAttempts,
  message,
  nack,
  noMatch,
  otherwise,
  receive,
  rejected,
  route,
  text,
  withDlq,
  withRetry
} from 'missive-ts'
import { memoryDlq, toMessage } from 'missive-ts/dlq'
import { type TracingOptions, withTracing } from 'missive-ts/otel'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const sender = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
const traceparent = `00-${sender.traceId}-${sender.spanId}-01`
const headers = { traceparent, tracestate: 'vendor=1' }

// an SDK

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const tracer = provider.getTracer('spec')

const install = (): void => provider.register()
const uninstall = (): void => {
  exporter.reset()
  trace.disable()
  context.disable()
  propagation.disable()
}

const linked = (links: readonly Link[]) => links.map(({ context: { spanId } }) => spanId)

const only = (): ReadableSpan => {
  const [span, ...others] = exporter.getFinishedSpans()
  if (span === undefined || others.length > 0) throw new Error(`${others.length + 1} spans`)
  return span
}

/** The only span of a message that is acked. */
const spanOf = async (fields: MessageFields, options?: TracingOptions): Promise<ReadableSpan> => {
  exporter.reset()
  const processor = pipe(receive(text), handle(otherwise(async () => ack)), withTracing(options))
  assert.equal(await processor(message('Hello', fields))(), ack)
  return only()
}

const entry = {
  _tag: 'StreamEntry',
  server: 'localhost:6379/0',
  stream: 'orders',
  group: 'billing',
  consumer: 'billing-1',
  id: '1-0',
  fields: []
}

// names and attributes

const naming = suite('a span')
naming.before.each(install)
naming.after.each(uninstall)

const common = {
  'messaging.operation.name': 'process',
  'messaging.operation.type': 'process',
  'missive.delivery_count': 1,
  'missive.attempt': 1,
  'missive.route': 'otherwise',
  'missive.outcome': 'Acked'
}

naming('says of an entry of a stream where it lies, and who reads it', async () => {
  const span = await spanOf({ id: '1-0', raw: entry, source: 'localhost:6379/0/orders/billing' })
  assert.is(span.name, 'process orders')
  assert.is(span.kind, SpanKind.CONSUMER)
  assert.is(span.status.code, SpanStatusCode.UNSET)
  assert.is(span.instrumentationScope.name, 'missive-ts')
  assert.equal(span.attributes, {
    ...common,
    'messaging.system': 'redis',
    'messaging.destination.name': 'orders',
    'messaging.consumer.group.name': 'billing',
    'messaging.client.id': 'billing-1',
    'messaging.message.id': '1-0',
    'server.address': 'localhost',
    'server.port': 6379
  })
})

naming('says of a publication its channel, and is named by the pattern where that has many', async () => {
  const raw = { _tag: 'Publication', server: 'a:1,b:2', channel: 'orders.17', pattern: undefined }
  const attributes = { ...common, 'messaging.system': 'redis', 'messaging.message.id': 'r:1' }
  const span = await spanOf({ id: 'r:1', raw })
  assert.is(span.name, 'process orders.17')
  assert.equal(span.attributes, { ...attributes, 'messaging.destination.name': 'orders.17' })

  const byPattern = await spanOf({ id: 'r:1', raw: { ...raw, pattern: 'orders.*' } })
  assert.is(byPattern.name, 'process orders.*')
  assert.equal(byPattern.attributes, {
    ...attributes,
    'messaging.destination.name': 'orders.17',
    'messaging.destination.template': 'orders.*'
  })
})

naming('says of a request who listens, and not its path, which may have a secret in it', async () => {
  const raw = { _tag: 'HttpRequest', method: 'POST', path: '/hooks/s3cret', query: 'a=1', headers: {} }
  const source = 'http://127.0.0.1:8080/hooks/s3cret'
  const span = await spanOf({ id: '17', raw, source, headers: { ':path': raw.path } })
  assert.is(span.name, 'process http://127.0.0.1:8080')
  const attributes = {
    ...common,
    'messaging.system': 'http',
    'messaging.destination.name': 'http://127.0.0.1:8080',
    'messaging.message.id': '17'
  }
  assert.equal(span.attributes, attributes)
  const parts = [' principal=ann', ' ce-source=%2Fsensor%2F1', ' principal=ann ce-source=%2Fsensor%2F1']
  for (const part of parts)
    assert.equal((await spanOf({ id: '17', raw, source: source + part })).attributes, attributes, part)
  const { attributes: elsewhere } = await spanOf({ id: '17', raw, source: `${source}/more` })
  assert.is(elsewhere['messaging.destination.name'], undefined)
})

naming('says of anything else its source, and of standard input that it is that', async () => {
  const stdin = await spanOf({ id: 'a:1', source: 'stdin' })
  assert.is(stdin.name, 'process stdin')
  assert.equal(
    [stdin.attributes['messaging.system'], stdin.attributes['messaging.message.id']],
    ['stdin', 'a:1']
  )
  const rows = await spanOf({ source: 'db/orders' })
  assert.is(rows.name, 'process db/orders')
  assert.is(rows.attributes['messaging.system'], '_OTHER')
})

naming('says what its user says beside that, and less if that throws', async () => {
  const attributes = ({ source }: Message) => ({
    'messaging.system': 'aws_sqs',
    'messaging.destination.name': source.slice(4)
  })
  const span = await spanOf({ source: 'sqs:orders' }, { attributes })
  assert.is(span.name, 'process orders')
  assert.is(span.attributes['messaging.system'], 'aws_sqs')
  const throwing = () => {
    throw new Error('boom')
  }
  assert.is((await spanOf({ source: 'sqs:orders' }, { attributes: throwing })).name, 'process sqs:orders')
})

naming('counts deliveries and attempts, around a retry and inside it', async () => {
  let calls = 0
  const processor = (isAround: boolean) => {
    const flaky = pipe(
      receive(text),
      handle(
        otherwise(async () => {
          if (++calls % 2 === 1) throw new Error('busy')
          return ack
        })
      )
    )
    const retry = withRetry(pipe(constantDelay(0), limitAttempts(3)))
    return isAround ? pipe(flaky, retry, withTracing()) : pipe(flaky, withTracing(), retry)
  }
  await processor(true)(message('Hello', { deliveryCount: 2 }))()
  const { attributes } = only()
  assert.equal(
    [
      attributes['missive.delivery_count'],
      attributes['missive.attempt'],
      attributes['missive.failed_attempts']
    ],
    [2, 1, 1]
  )
  exporter.reset()
  await processor(false)(message('Hello', { headers }))()
  assert.equal(
    exporter
      .getFinishedSpans()
      .map(({ attributes, links }) => [
        attributes['missive.attempt'],
        attributes['missive.outcome'],
        linked(links)
      ]),
    [
      [1, 'Failed', []],
      [2, 'Acked', [sender.spanId]]
    ]
  )
})

naming('has no payload, no header, and no text of anybody in it', async () => {
  const secret = 'hunter2'
  const processor = pipe(
    receive(text),
    handle(
      route(
        ({ body }) => body.startsWith('nack'),
        async () => nack({ reason: secret })
      ),
      route(
        ({ body }) => body.startsWith('reject'),
        async () => failed(rejected(secret, { secret }))
      ),
      route(
        ({ body }) => body.startsWith('ack'),
        async () => ackWith({ note: secret, reply: secret })
      )
    ),
    withTracing()
  )
  for (const what of ['ack', 'nack', 'reject', 'nobody'])
    await processor(message(`${what} ${secret}`, { headers: { ...headers, authorization: secret } }))()
  const spans = exporter.getFinishedSpans()
  assert.equal(
    spans.map(({ attributes }) => attributes['missive.outcome']),
    ['Acked', 'Nacked', 'Failed', 'Failed']
  )
  for (const { name, attributes, events, status } of spans)
    assert.not.match(JSON.stringify({ name, attributes, events, status }), secret)
})

naming.run()

// parents and links

const parenthood = suite('the parent of a span')
parenthood.before.each(install)
parenthood.after.each(uninstall)

parenthood('is what sent the message', async () => {
  const span = await spanOf({ headers })
  assert.is(span.spanContext().traceId, sender.traceId)
  assert.is(span.parentSpanContext?.spanId, sender.spanId)
  assert.is(span.parentSpanContext?.traceState?.get('vendor'), '1')
  assert.equal(span.links, [])
})

parenthood('is found in headers of any case, and nobody without them or with nonsense', async () => {
  assert.is(
    (await spanOf({ headers: { TraceParent: traceparent } })).parentSpanContext?.spanId,
    sender.spanId
  )
  for (const fields of [{}, { headers: { traceparent: 'nonsense' } }, { headers: { traceparent: '' } }]) {
    const span = await spanOf(fields)
    assert.equal([span.parentSpanContext, span.links], [undefined, []])
  }
})

parenthood('is nobody for what is brought back, which links to what sent it', async () => {
  const span = await spanOf({ headers, deliveryCount: 2, raw: entry })
  assert.is(span.parentSpanContext, undefined)
  assert.is.not(span.spanContext().traceId, sender.traceId)
  assert.equal(linked(span.links), [sender.spanId])
})

parenthood('is nobody for a letter that is replayed, which is named by its key and linked', async () => {
  const queue = memoryDlq()
  await pipe(receive(text), handle(), withDlq(queue))(message('Hello', { id: '17', headers }))()
  const [letter] = queue.letters()
  if (letter === undefined) throw new Error('no letter')
  const processor = pipe(receive(text), handle(otherwise(async () => ack)), withTracing())
  await processor(toMessage(letter))()
  const span = only()
  assert.is(span.name, 'process dead letters')
  assert.equal([span.parentSpanContext, linked(span.links)], [undefined, [sender.spanId]])
  assert.equal(span.attributes, {
    ...common,
    'messaging.system': 'missive',
    'messaging.destination.name': 'dead letters',
    'messaging.message.id': '17',
    'missive.letter.key': letter.key
  })
})

parenthood(
  'is the active span for a request, and for others where that is said; what is no parent is linked',
  () =>
    tracer.startActiveSpan('server', async (server) => {
      const { spanId } = server.spanContext()
      const raw = { _tag: 'HttpRequest', method: 'POST', path: '/', query: '', headers: {} }
      const family = async (fields: MessageFields, options?: TracingOptions) => {
        const { parentSpanContext, links } = await spanOf(fields, options)
        return [parentSpanContext?.spanId, ...linked(links)]
      }
      assert.equal(await family({ raw, headers }), [spanId, sender.spanId])
      assert.equal(await family({ raw }), [spanId])
      assert.equal(await family({ raw, headers }, { parent: 'message' }), [sender.spanId, spanId])
      assert.equal(await family({ headers }), [sender.spanId, spanId])
      assert.equal(await family({}), [undefined, spanId])
      assert.equal(await family({ headers, deliveryCount: 2 }), [undefined, sender.spanId, spanId])
      assert.equal(await family({ headers, deliveryCount: 2 }, { parent: 'active' }), [spanId, sender.spanId])
      server.end()
    })
)

/** The parent's state and id, and the ids of what is linked to. */
const traced = async (payload: unknown, headers: Record<string, string>) => {
  exporter.reset()
  const processor = pipe(receive(bytes), handle(otherwise(async () => ack)), withTracing())
  assert.equal(await processor(message(payload, { headers }))(), ack)
  const { parentSpanContext: parent, links } = only()
  return [parent?.spanId, parent?.traceState?.serialize(), ...linked(links)]
}

parenthood('is what a CloudEvent names, in a header or in JSON, where no other header says it', async () => {
  const named = [sender.spanId, 'vendor=a b']
  const binary = { 'ce-traceparent': traceparent, 'ce-tracestate': 'vendor=a%20b' }
  assert.equal(await traced('', binary), named)
  assert.equal(await traced('', { 'ce-traceparent': traceparent, 'ce-tracestate': '%' }), [sender.spanId, ''])
  const event = { specversion: '1.0', traceparent, tracestate: 'vendor=a b' }
  for (const type of ['application/cloudevents+json', 'Application/CloudEvents+JSON; charset=utf-8'])
    assert.equal(await traced(event, { 'content-type': type }), named, type)
  for (const type of ['application/json', 'application/cloudevents+avro'])
    assert.equal(await traced(event, { 'content-type': type }), [undefined, undefined], type)
  for (const payload of [
    '{',
    'null',
    '[]',
    '{"traceparent":1}',
    '{"traceparent":"no"}',
    new Uint8Array([255])
  ])
    assert.equal(await traced(payload, { 'content-type': 'application/cloudevents+json' }), [
      undefined,
      undefined
    ])
})

parenthood('links to what a CloudEvent names, where another span has sent it on', async () => {
  const hop = `00-${sender.traceId}-00f067aa0ba902b7-01`
  const event = { 'ce-traceparent': traceparent }
  assert.equal(await traced('', { ...event, traceparent: hop }), [
    '00f067aa0ba902b7',
    undefined,
    sender.spanId
  ])
  assert.equal(await traced('', { ...event, traceparent }), [sender.spanId, undefined])
})

parenthood('is read by the propagator that is given', async () => {
  const propagator: TracingOptions['propagator'] = {
    extract: (around, carrier, getter) =>
      trace.setSpanContext(around, {
        traceId: sender.traceId,
        spanId: String(getter.get(carrier, 'x-span')),
        traceFlags: 1
      })
  }
  const span = await spanOf({ headers: { traceparent, 'x-span': '00f067aa0ba902b7' } }, { propagator })
  assert.is(span.parentSpanContext?.spanId, '00f067aa0ba902b7')
})

parenthood.run()

// outcomes

const telling = suite('what became of a message')
telling.before.each(install)
telling.after.each(uninstall)

telling('is in the status and in error.type, and nothing but what was thrown is recorded', async () => {
  const processor = pipe(
    receive(json),
    handle(
      route(
        ({ body }) => body === 'throw',
        async () => {
          throw new RangeError('out of bounds')
        }
      ),
      route(
        ({ body }) => body === 'reject',
        async () => failed(rejected('late'))
      ),
      route(
        ({ body }) => body === 'nack',
        async () => nack()
      )
    ),
    withTracing()
  )
  const told = async (body: unknown) => {
    exporter.reset()
    await processor(message(JSON.stringify(body)))()
    const { attributes, status, events } = only()
    return [attributes['missive.outcome'], attributes['error.type'], status.code, events.length]
  }
  assert.equal(await told('nack'), ['Nacked', undefined, SpanStatusCode.UNSET, 0])
  assert.equal(await told('reject'), ['Failed', 'Rejected', SpanStatusCode.ERROR, 0])
  assert.equal(await told('nobody'), ['Failed', 'NoMatch', SpanStatusCode.ERROR, 0])
  assert.equal(await told('throw'), ['Failed', 'Defect', SpanStatusCode.ERROR, 1])
  const [event] = only().events
  assert.equal([event?.name, event?.attributes?.['exception.type']], ['exception', 'RangeError'])
  assert.is(event?.attributes?.['exception.message'], 'out of bounds')
  assert.match(String(event?.attributes?.['exception.stacktrace']), 'tracing.spec.ts')
})

telling(
  'is the letter for one that is stored, with what a hook has thrown; unless nothing is to be recorded',
  async () => {
    const processor = (options?: TracingOptions): Settled =>
      pipe(
        receive(text),
        hook('db', async () => {
          throw new Error('no db')
        }),
        handle(otherwise(async () => ack)),
        withDlq(memoryDlq()),
        withTracing(options)
      )
    const { _tag } = await processor()(message('Hello'))()
    const { attributes, status, events } = only()
    assert.equal(
      [_tag, attributes['error.type'], status.code],
      ['DeadLettered', 'HookFailed', SpanStatusCode.ERROR]
    )
    assert.is(events[0]?.attributes?.['exception.message'], 'no db')
    exporter.reset()
    await processor({ recordExceptions: false })(message('Hello'))()
    assert.equal(only().events, [])
  }
)

telling.run()

// inside

const nesting = suite('the handler')
nesting.before.each(install)
nesting.after.each(uninstall)

nesting('runs inside the span, also after it has waited, and with the baggage of the sender', async () => {
  let tenant: string | undefined
  const processor = pipe(
    receive(text),
    hook('tx', async () => tracer.startSpan('begin').end()),
    handle(
      otherwise(async () => {
        await new Promise(setImmediate)
        tracer.startSpan('charge').end()
        tenant = propagation.getActiveBaggage()?.getEntry('tenant')?.value
        return ack
      })
    ),
    withTracing()
  )
  const before = trace.getActiveSpan()
  await processor(message('Hello', { headers: { ...headers, baggage: 'tenant=a' } }))()
  const [begin, charge, process] = exporter.getFinishedSpans()
  const id = process?.spanContext().spanId
  assert.equal([begin?.name, charge?.name, process?.name], ['begin', 'charge', 'process test'])
  assert.equal([begin?.parentSpanContext?.spanId, charge?.parentSpanContext?.spanId], [id, id])
  assert.equal([tenant, before, trace.getActiveSpan()], ['a', undefined, undefined])
})

nesting('has a span of its own beside others that run at the same time', async () => {
  const processor = pipe(
    receive(text),
    handle(
      otherwise(async ({ id }) => {
        await new Promise(setImmediate)
        tracer.startSpan(id).end()
        return ack
      })
    ),
    withTracing()
  )
  const ids = ['1', '2', '3']
  await Promise.all(ids.map((id) => processor(message('Hello', { id }))()))
  const spans = exporter.getFinishedSpans()
  for (const id of ids) {
    const own = spans.find(({ attributes }) => attributes['messaging.message.id'] === id)
    const inner = spans.find(({ name }) => name === id)
    assert.is(inner?.parentSpanContext?.spanId, own?.spanContext().spanId)
  }
})

nesting.run()

// what fails

const failing = suite('withTracing')
failing.after.each(uninstall)

const throwing = (): never => {
  throw new Error('the tracer is broken')
}

/** What becomes of three messages, and how often the handler was called. */
const outcomes = async (options?: TracingOptions) => {
  let calls = 0
  const processor = pipe(
    receive(text),
    handle(
      route(
        ({ body }) => body !== 'nobody',
        async ({ body }) => {
          calls += 1
          if (body === 'throw') throw new Error('boom')
          return ackWith({ note: body })
        }
      )
    ),
    withTracing(options)
  )
  const done = await processor(message('Hello', { headers }))()
  const thrown = await processor(message('throw'))()
  const missed = await processor(message('nobody'))()
  return [done, thrown._tag === 'Failed' && thrown.failure._tag, missed, calls]
}

const expected = [
  ackWith({ note: 'Hello' }),
  'Defect',
  failed(noMatch([{ route: 'route 1', reason: 'says no' }])),
  2
]

failing('passes outcomes through where no SDK is installed', async () => {
  assert.equal(await outcomes(), expected)
})

failing('passes outcomes through with an SDK', async () => {
  install()
  assert.equal(await outcomes(), expected)
})

const broken: readonly (readonly [string, TracingOptions])[] = [
  ['a tracer', { tracer: { startSpan: throwing, startActiveSpan: throwing } }],
  ['a propagator', { propagator: { extract: throwing } }],
  ['attributes', { attributes: throwing }],
  ['attributes that reject', { attributes: (async () => throwing()) as never }]
]
for (const [what, options] of broken)
  failing(`passes outcomes through, and runs the handler once, in spite of ${what}`, async () => {
    install()
    assert.equal(await outcomes(options), expected)
  })

failing('passes outcomes through in spite of each part of a span', async () => {
  install()
  for (const part of ['isRecording', 'setAttributes', 'setStatus', 'recordException', 'end', 'spanContext']) {
    const breaking: Tracer = {
      startSpan: (...parts) => Object.assign(tracer.startSpan(...parts), { [part]: throwing }),
      startActiveSpan: throwing
    }
    assert.equal(await outcomes({ tracer: breaking }), expected, part)
  }
})

failing('tells the API what it has caught, whatever that does with it', async () => {
  const logged: unknown[] = []
  const log = (...parts: readonly unknown[]) => void logged.push(...parts)
  const propagator = { extract: throwing }
  diag.setLogger(
    { error: log, warn: log, info: log, debug: log, verbose: log },
    { logLevel: DiagLogLevel.ERROR }
  )
  assert.equal(await outcomes({ propagator }), expected)
  diag.setLogger(
    { error: throwing, warn: throwing, info: log, debug: log, verbose: log },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true }
  )
  assert.equal(await outcomes({ propagator }), expected)
  diag.disable()
  assert.equal(logged, Array(3).fill('withTracing: Error: the tracer is broken'))
})

failing('ends its span though its attributes cannot be set', async () => {
  install()
  const breaking: Tracer = {
    startSpan: (...parts) => Object.assign(tracer.startSpan(...parts), { setAttributes: throwing }),
    startActiveSpan: throwing
  }
  await outcomes({ tracer: breaking })
  assert.is(exporter.getFinishedSpans().length, 3)
})

failing('passes outcomes through in spite of an exporter', async () => {
  const shutdown = async () => undefined
  const bad = new NodeTracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ export: throwing, shutdown })]
  })
  assert.equal(await outcomes({ tracer: bad.getTracer('bad') }), expected)
})

failing('passes outcomes through in spite of a context manager, whatever it does with a call', async () => {
  const runs: readonly ((call: () => unknown) => unknown)[] = [
    throwing,
    (call) => [call(), throwing()],
    (call) => [call(), call()],
    (call) => setImmediate(call)
  ]
  for (const run of runs) {
    const manager: ContextManager = {
      active: () => ROOT_CONTEXT,
      with: ((_: Context, call: () => unknown) => run(call)) as ContextManager['with'],
      bind: (_, target) => target,
      enable: () => manager,
      disable: () => manager
    }
    context.disable()
    context.setGlobalContextManager(manager)
    assert.equal(await outcomes({ tracer }), expected)
  }
})

failing('keeps the settled mark, the type, and what explains the processor', async () => {
  const settled: Settled = pipe(
    receive(text),
    handle(otherwise(async () => failed(rejected('late')))),
    withDlq(memoryDlq()),
    withTracing()
  )
  assert.equal(await settled(message('Hello'))(), deadLettered(rejected('late')))
  assert.is(settled.settled, true)
  assert.equal(settled.description?.combinators, ['withDlq', 'withTracing'])
  assert.is(explain(settled)(message('Hello'))._tag, 'Taken')
})

failing.run()
