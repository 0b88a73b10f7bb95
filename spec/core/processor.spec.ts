import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rejected } from '../../lib/core/failure.js'
import { json, text } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { Dlq } from '../../lib/core/letter.js'
import { type Message, amend, interruption, message } from '../../lib/core/message.js'
import { type Outcome, ack, ackWith, deadLettered, failed, nack, released } from '../../lib/core/outcome.js'
import { hook, receive } from '../../lib/core/pipeline.js'
import { type Processor, combinator, described, isSettled } from '../../lib/core/processor.js'
import { left, right } from '../../lib/core/result.js'
import { byField } from '../../lib/matchers/keyed.js'
import { otherwise, route } from '../../lib/matchers/route.js'
import { withDlq } from '../../lib/timed.js'

const storing: Dlq = { location: 'nowhere', put: () => async () => right(undefined) }

const acking: Processor = pipe(receive(json), handle(route(byField('type', 'order'), async () => ack)))
const order = { type: 'order' }

const unchanged = (name: string) => combinator(name, (processor) => (message) => processor(message))

const combining = suite('combinator')

combining('does what it is made to', async () => {
  const log: string[] = []
  const logged = combinator('logged', (processor) => (message) => async () => {
    log.push('before')
    const outcome = await processor(message)()
    log.push(outcome._tag)
    return outcome._tag === 'Acked' ? ackWith({ note: 'logged' }) : outcome
  })
  assert.equal(await pipe(acking, logged)(message(order))(), ackWith({ note: 'logged' }))
  assert.equal(log, ['before', 'Acked'])
})

combining('wants a processor, and not a pipeline without its routes', () => {
  const pipeline = receive(json) as unknown as Processor
  for (const laid of [withDlq(storing), unchanged('one')])
    assert.throws(
      () => laid(pipeline),
      (thrown: unknown) =>
        thrown instanceof TypeError && thrown.message === 'end the pipeline with handle(...)'
    )
})

combining('keeps the description, and adds its name to it', () => {
  const { description } = pipe(acking, unchanged('one'), unchanged('two'))
  assert.equal(description?.combinators, ['one', 'two'])
  assert.is(description?.routes, acking.description?.routes)
  assert.equal(description?.select(message(order)), { _tag: 'Taken', route: 'order', otherwise: false })
  assert.equal(acking.description?.combinators, [])
})

combining('shows the description to what it wraps', () => {
  let seen: Processor | undefined
  const looking = combinator('looking', (processor) => {
    seen = processor
    return (message) => processor(message)
  })
  looking(acking)
  assert.is(seen?.description, acking.description)
})

combining('keeps the settled mark, and makes none', () => {
  assert.is(isSettled(pipe(acking, unchanged('one'))), false)
  assert.is(isSettled(pipe(acking, withDlq(storing), unchanged('one'), unchanged('two'))), true)
})

const boom = new RangeError('boom')

/** Each way in which code can fail at being a processor, and what that is called. */
const badProcessors: readonly (readonly [string, unknown, readonly string[]])[] = [
  [
    'the call throws',
    () => {
      throw boom
    },
    ['RangeError', 'boom']
  ],
  [
    'the Task throws',
    () => () => {
      throw boom
    },
    ['RangeError', 'boom']
  ],
  ['the Task rejects', () => async () => Promise.reject(boom), ['RangeError', 'boom']],
  ...[
    undefined,
    null,
    3,
    'Acked',
    {},
    [],
    { _tag: 'Done' },
    { _tag: 'Failed' },
    { _tag: 'DeadLettered' },
    { _tag: 'Released' }
  ].map(
    (answer) =>
      [
        `the Task gives ${JSON.stringify(answer)}`,
        () => async () => answer,
        ['TypeError', 'gave something that is no outcome']
      ] as const
  )
]

const defectOf = (outcome: Outcome): readonly string[] =>
  outcome._tag === 'Failed' && outcome.failure._tag === 'Defect'
    ? [outcome.failure.where, outcome.failure.name, outcome.failure.message]
    : [JSON.stringify(outcome)]

combining('makes a Defect that names it of what is no processor', async () => {
  for (const [way, bad, said] of badProcessors) {
    const processor = pipe(
      acking,
      combinator('odd', () => bad as never)
    )
    assert.equal(defectOf(await processor(message(order))()), ['odd', ...said], way)
  }
})

combining('makes a Defect of what gives no Task', async () => {
  for (const given of [undefined, null, 3, ack, {}]) {
    const processor = pipe(
      acking,
      combinator('odd', () => () => given as never)
    )
    const [where, name] = defectOf(await processor(message(order))())
    assert.equal([where, name], ['odd', 'TypeError'], JSON.stringify(given))
  }
})

combining('leaves no rejection unhandled where a Promise is given for a Task', async () => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  const processor = pipe(
    acking,
    combinator('odd', () => (async () => Promise.reject(boom)) as never)
  )
  const outcome = await processor(message(order))()
  await new Promise((resolve) => void setImmediate(resolve))
  process.off('unhandledRejection', listen)
  assert.equal([outcome._tag, unhandled.length], ['Failed', 0])
})

combining('guards what it wraps: a processor that never rejects', async () => {
  for (const [way, bad, said] of badProcessors) {
    let seen: readonly string[] = []
    const looking = combinator('looking', (processor) => (message) => async () => {
      seen = defectOf(await processor(message)())
      return ack
    })
    await looking(bad as Processor)(message(order))()
    assert.equal(seen.slice(1), said, way)
  }
})

combining('passes on every outcome that there is', async () => {
  const outcomes: readonly Outcome[] = [
    ack,
    ackWith({ note: 'a', reply: 1 }),
    nack({ afterMs: 5 }),
    failed(rejected('late')),
    deadLettered(rejected('late')),
    released('shutdown')
  ]
  for (const outcome of outcomes) {
    const processor = pipe(
      acking,
      combinator('given', () => () => async () => outcome)
    )
    assert.equal(await processor(message(order))(), outcome)
  }
})

combining('is Released where it fails for being interrupted', async () => {
  const ways: readonly (() => Promise<unknown>)[] = [
    async () => Promise.reject(boom),
    async () => undefined,
    async () => failed(rejected('late')),
    async () => nack()
  ]
  for (const [index, way] of ways.entries()) {
    const controller = new AbortController()
    const processor = pipe(
      acking,
      combinator('interrupted', () => () => () => {
        controller.abort(interruption('leaseLost'))
        return way() as Promise<Outcome>
      })
    )
    const outcome = await processor(message(order, { signal: controller.signal }))()
    assert.equal(outcome, released('leaseLost'), String(index))
  }
})

combining('calls nothing before its Task runs', async () => {
  let calls = 0
  const counted = combinator('counted', (processor) => (message) => {
    calls += 1
    return processor(message)
  })
  const task = pipe(acking, counted)(message(order))
  assert.is(calls, 0)
  await task()
  assert.is(calls, 1)
})

combining('hands on a message that it changed', async () => {
  const tagged = combinator('tagged', (processor) => (message) => processor(amend(message, { id: '17' })))
  const processor = pipe(receive(json), handle(otherwise(async ({ id }) => ackWith({ note: id }))), tagged)
  assert.equal(await processor(message(order))(), ackWith({ note: '17' }))
})

combining.run()

const wrapping = suite("a user's own wrapper")

wrapping('that copied all properties of a processor is run as what it is', async () => {
  const wrapped = Object.assign(
    (message: Message) => async (): Promise<Outcome> => {
      const outcome = await acking(message)()
      return outcome._tag === 'Acked' ? nack({ reason: 'wrapped' }) : outcome
    },
    acking
  )
  const expected = nack({ reason: 'wrapped' })
  const processors: readonly Processor[] = [
    wrapped,
    pipe(wrapped, unchanged('one')),
    pipe(wrapped, withDlq(storing))
  ]
  for (const processor of processors) assert.equal(await processor(message(order))(), expected)
})

wrapping('that is a bare closure has no description, and so has what is made of it', () => {
  const bare: Processor = (message) => acking(message)
  assert.equal(
    [bare, pipe(bare, unchanged('one')), pipe(bare, withDlq(storing))].map(({ description }) => description),
    [undefined, undefined, undefined]
  )
  assert.is(described(bare, 'one'), undefined)
})

wrapping('that is a bare closure is guarded by what is around it', async () => {
  for (const [way, bad, said] of badProcessors) {
    const processor = pipe(bad as Processor, unchanged('one'))
    assert.equal(defectOf(await processor(message(order))()).slice(1), said, way)
  }
})

wrapping('is named in its Defect, where it has a name', async () => {
  const oddly: Processor = () => async () => Promise.reject(boom)
  assert.equal(defectOf(await pipe(oddly, unchanged('one'))(message(order))()), [
    'oddly',
    'RangeError',
    'boom'
  ])
})

wrapping.run()

const spreading = suite('a message that was spread')

/** What code without types does to a message. */
const spread = (message: Message, fields: object): Message => ({ ...(message as object), ...fields }) as never

const seenBy = (wrap: (processor: Processor) => Processor): Processor =>
  wrap(
    pipe(
      receive(text),
      hook('hooked', async ({ message }) => message.id),
      handle(
        otherwise(async ({ id, bytes, headers, signal, body, source, deliveryCount }, { hooked }) =>
          ackWith({ reply: { id, bytes: [...bytes], headers, signal, body, source, deliveryCount, hooked } })
        )
      )
    )
  )

spreading('still has its id, bytes and signal', async () => {
  const controller = new AbortController()
  const delivered = message('Hi', { id: '17', source: 'here', deliveryCount: 3, signal: controller.signal })
  const expected = ackWith({
    reply: {
      id: '17',
      bytes: [72, 105],
      headers: { tenant: 'a' },
      signal: controller.signal,
      body: 'Hi',
      source: 'here',
      deliveryCount: 3,
      hooked: '17'
    }
  })
  const wraps: readonly ((processor: Processor) => Processor)[] = [
    combinator(
      'spread',
      (processor) => (message) => processor(spread(message, { headers: { tenant: 'a' } }))
    ),
    (processor) => (message) => processor(spread(message, { headers: { tenant: 'a' } })),
    (processor) => (message) =>
      processor(spread(spread(message, { headers: {} }), { headers: { tenant: 'a' } }))
  ]
  for (const wrap of wraps) {
    const outcome = await seenBy(wrap)(delivered)()
    assert.equal(outcome, expected)
    assert.is(
      outcome._tag === 'Acked' && (outcome.reply as { signal: AbortSignal }).signal,
      controller.signal
    )
  }
})

spreading('is interrupted like the message itself', async () => {
  const controller = new AbortController()
  controller.abort(interruption('shutdown'))
  const processor: Processor = (message) =>
    pipe(
      receive(text),
      handle(otherwise(async () => failed(rejected('late'))))
    )(spread(message, { headers: {} }))
  assert.equal(await processor(message('Hi', { signal: controller.signal }))(), released('shutdown'))
})

spreading('is stored with its id and bytes', async () => {
  const letters: unknown[] = []
  const dlq: Dlq = {
    location: 'memory',
    put:
      ({ id, bytes, headers }) =>
      async () => {
        letters.push([id, [...bytes], headers])
        return right(undefined)
      }
  }
  const processor = pipe(
    receive(() => left(rejected('odd'))),
    handle(),
    withDlq(dlq)
  )
  const delivered = message('Hi', { id: '17' })
  assert.equal(
    await processor(spread(delivered, { headers: { tenant: 'a' } }))(),
    deadLettered(rejected('odd'))
  )
  assert.equal(letters, [['17', [72, 105], { tenant: 'a' }]])
})

spreading('shares the delivery record', async () => {
  const delivered = message(order)
  await acking(spread(delivered, { headers: {} }))()
  assert.is(delivered.trace.route, 'order')
})

spreading('and what is no message at all is refused, with what to give instead', async () => {
  let handled = 0
  const processor = pipe(
    receive(text),
    handle(
      otherwise(async () => {
        handled += 1
        return ack
      })
    )
  )
  for (const given of [undefined, null, 'Hello', { type: 'order.placed' }, [message('Hello')]]) {
    const thrown: unknown = await processor(given as never)().then(
      () => undefined,
      (error: unknown) => error
    )
    assert.is(String(thrown), 'TypeError: a processor takes a message(...)')
  }
  assert.is(handled, 0)
})

spreading.run()
