import { Writable } from 'node:stream'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type LogFields,
  type LogLevel,
  type Logger,
  type LoggingOptions,
  type Message,
  type Outcome,
  type Processor,
  ack,
  ackWith,
  byField,
  combinator,
  constantDelay,
  dlqUnavailable,
  explain,
  failed,
  handle,
  hook,
  interruption,
  json,
  limitAttempts,
  message,
  nack,
  otherwise,
  receive,
  rejected,
  released,
  route,
  sensitive,
  text,
  timedOut,
  withDlq,
  withLogging,
  withMaxDeliveries,
  withRetry
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { isSettled } from '../../lib/core/processor.js'
import { right } from '../../lib/core/result.js'
import { virtualClock } from '../support/clock.js'

type Line = readonly [level: string, fields: LogFields, text: string]

const levels = ['debug', 'info', 'warn', 'error'] as const

/** A logger that keeps its lines. */
const keeping = (lines: Line[]): Logger => {
  const [debug, info, warn, error] = levels.map(
    (level) => (fields: LogFields, said: string) => void lines.push([level, fields, said])
  )
  return { debug, info, warn, error } as Logger
}

const giving = (outcome: unknown): Processor =>
  pipe(receive(json), handle(route(byField('type', 'order'), async () => outcome as typeof ack)))

const order = message({ type: 'order', total: 3, customer: { id: 17 } }, { id: '17', source: 'shop' })

/** The lines of one message's way through a processor. */
const linesOf = async (
  processor: Processor,
  options: LoggingOptions = {},
  given: Message = order
): Promise<readonly Line[]> => {
  const lines: Line[] = []
  const clock = virtualClock()
  await pipe(processor, withLogging(keeping(lines), { ...options, clock }))(given)()
  return lines
}

/** What the first line says of the failure. */
const failureIn = ([line]: readonly Line[]): LogFields => (line?.[1].failure ?? {}) as LogFields

const common = {
  messageId: '17',
  source: 'shop',
  route: 'order',
  deliveryCount: 1,
  attempt: 1,
  durationMs: 0
}

const logging = suite('withLogging')

logging('logs what was acked', async () => {
  assert.equal(await linesOf(giving(ackWith({ note: 'a note', reply: 'a reply' }))), [
    ['info', { outcome: 'Acked', ...common }, 'message acked']
  ])
})

logging('logs a nack with its reason and delay', async () => {
  assert.equal(await linesOf(giving(nack({ reason: 'busy', afterMs: 500 }))), [
    ['warn', { outcome: 'Nacked', ...common, reason: 'busy', afterMs: 500 }, 'message nacked']
  ])
})

logging('logs a nack without either as just that', async () => {
  assert.equal(await linesOf(giving(nack())), [['warn', { outcome: 'Nacked', ...common }, 'message nacked']])
})

logging('logs which routes took a message, and which failure a queue could not store', async () => {
  const taken = pipe(
    receive(json),
    handle(
      route(byField('type', 'order'), async () => ack),
      route(byField('total', 3), async () => ack)
    )
  )
  assert.equal(failureIn(await linesOf(taken)).routes, ['order', '.total = 3'])
  const late = { tag: 'Rejected', text: 'rejected: late', code: 'late' }
  const { tag, reason, failure } = failureIn(
    await linesOf(giving(failed(dlqUnavailable('full', rejected('late')))))
  )
  assert.equal([tag, reason, failure], ['DlqUnavailable', 'full', late])
})

logging('logs a failure, without its details', async () => {
  const failure = { tag: 'Rejected', text: 'rejected: late', code: 'late' }
  assert.equal(await linesOf(giving(failed(rejected('late', { total: 3 })))), [
    ['error', { outcome: 'Failed', ...common, failure }, 'message failed: rejected: late']
  ])
  const hanging = { tag: 'TimedOut', text: 'the message could not be handled', afterMs: 5, abandoned: true }
  assert.equal(failureIn(await linesOf(giving(failed(timedOut(5, true))))), hanging)
})

logging('logs what was thrown, with its stack and its causes', async () => {
  const processor = pipe(
    receive(json),
    handle(
      route(byField('type', 'order'), async () => {
        throw new RangeError('boom', { cause: new TypeError('deep') })
      })
    )
  )
  const lines = await linesOf(processor)
  const [[level, , said] = []] = lines
  const { tag, where, error } = failureIn(lines)
  const { name, message, stack, causes } = error as LogFields
  assert.equal(
    [level, tag, where, name, message],
    ['error', 'Defect', 'the handler of order', 'RangeError', 'boom']
  )
  assert.match(String(stack), /logging\.spec/)
  assert.is((causes as readonly LogFields[])[0]?.name, 'TypeError')
  assert.is(said, 'message failed: the message could not be handled')
})

logging('logs a failed hook, and a message that was started too often', async () => {
  const hooked = pipe(
    receive(json),
    hook('tx', async () => Promise.reject<number>(new Error('full'))),
    handle(otherwise(async () => ack))
  )
  const { tag, hook: name, phase, error } = failureIn(await linesOf(hooked))
  assert.equal([tag, name, phase, (error as LogFields).message], ['HookFailed', 'tx', 'acquire', 'full'])
  const started = await linesOf(
    pipe(giving(ack), withMaxDeliveries(3)),
    {},
    message({ type: 'order' }, { deliveryCount: 4 })
  )
  assert.equal([started[0]?.[1].deliveryCount, failureIn(started).count], [4, 3])
})

logging('names no route where none takes the message, and says nothing of what was there', async () => {
  const failure = { tag: 'NoMatch', text: 'nothing here takes this message' }
  const { route: _, ...others } = common
  assert.equal(await linesOf(giving(ack), {}, message({ type: 'secret' }, { id: '17', source: 'shop' })), [
    ['error', { outcome: 'Failed', ...others, failure }, 'message failed: nothing here takes this message']
  ])
})

logging('logs a message that was given back as what it is', async () => {
  const aborted = new AbortController()
  aborted.abort(interruption('shutdown'))
  const given = message({ type: 'order' }, { id: '17', source: 'shop', signal: aborted.signal })
  assert.equal(await linesOf(giving(nack()), {}, given), [
    ['debug', { outcome: 'Released', ...common, reason: 'shutdown' }, 'message released']
  ])
})

logging('changes no outcome', async () => {
  const outcomes: Outcome[] = [ack, ackWith({ note: 'a' }), nack({ afterMs: 5 }), failed(rejected('late'))]
  for (const outcome of outcomes)
    assert.equal(await pipe(giving(outcome), withLogging(keeping([])))(order)(), outcome)
  const given = { _tag: 'Released', reason: 'shutdown' }
  const releasing = combinator('releasing', () => () => async () => released('shutdown'))
  assert.equal(await pipe(giving(ack), releasing, withLogging(keeping([])))(order)(), given)
})

logging('changes no outcome when the logger, or what it was told to ask, fails', async () => {
  const boom = (): never => {
    throw new Error('boom')
  }
  const throwing: Logger = { debug: boom, info: boom, warn: boom, error: boom }
  const reject = async (): Promise<never> => Promise.reject(new Error('boom'))
  const rejecting: Logger = { debug: reject, info: reject, warn: reject, error: reject }
  const broken = {} as Logger
  for (const logger of [throwing, rejecting, broken]) {
    for (const outcome of [ack, nack(), failed(rejected('late'))])
      assert.equal(await pipe(giving(outcome), withLogging(logger))(order)(), outcome)
  }
  assert.equal(await linesOf(giving(ack), { level: boom, extra: boom }), [
    ['info', { outcome: 'Acked', ...common }, 'message acked']
  ])
  const late: any = { level: reject, extra: reject }
  const odd: any = { level: () => 'warning' }
  for (const options of [late, odd])
    assert.equal(await linesOf(giving(ack), options), [
      ['info', { outcome: 'Acked', ...common }, 'message acked']
    ])
  const unreadable = {
    _tag: 'Failed',
    get failure() {
      return boom()
    }
  }
  assert.is((await pipe(giving(unreadable), withLogging(keeping([])))(order)())._tag, 'Failed')
})

logging('says what became of a message whose payload is nested too deep to be read', async () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000)
  const lines: Line[] = []
  const processor = pipe(
    receive(json),
    handle(route(t.type({ type: t.literal('order'), card: sensitive(t.string) }), async () => ack)),
    withLogging(keeping(lines), { fields: ['type', 'card'] })
  )
  assert.equal(await processor(message(`{"type":"order","card":"4111","lines":${deep}}`))(), ack)
  assert.equal(
    lines.map(([level, { outcome, body }, said]) => [level, outcome, body, said]),
    [['info', 'Acked', undefined, 'message acked']]
  )
})

logging('refuses to be built without a logger', () => {
  for (const logger of [undefined, null])
    assert.throws(() => withLogging(logger as never), 'withLogging: give a logger')
})

logging('takes the level from a function, which may leave it to the default or silence it', async () => {
  const level = (outcome: Outcome): LogLevel | undefined =>
    outcome._tag === 'Acked' ? 'debug' : outcome._tag === 'Nacked' ? 'silent' : undefined
  const lines: Line[] = []
  const silent = (fields: LogFields, said: string) => void lines.push(['silent', fields, said])
  await pipe(giving(nack()), withLogging({ ...keeping(lines), silent } as Logger, { level }))(order)()
  assert.equal(lines, [])
  const levelOf = async (outcome: Outcome): Promise<string | undefined> =>
    (await linesOf(giving(outcome), { level }))[0]?.[0]
  assert.equal(
    [await levelOf(ack), await levelOf(nack()), await levelOf(failed(rejected('late')))],
    ['debug', undefined, 'error']
  )
})

logging('logs the headers and fields that are named, where they are there', async () => {
  const given = message(
    { type: 'order', total: 3, customer: { id: 17, name: 'Ada' }, note: null },
    { headers: { 'x-request-id': 'r1', authorization: 'Bearer abc' } }
  )
  const [[, fields] = []] = await linesOf(
    giving(ack),
    { headers: ['X-Request-Id', 'x-missing'], fields: ['total', 'customer.id', 'note', 'missing'] },
    given
  )
  assert.equal(
    [fields?.headers, fields?.body],
    [{ 'X-Request-Id': 'r1' }, { total: 3, 'customer.id': 17, note: null }]
  )
  const [[, none] = []] = await linesOf(
    pipe(receive(text), handle(otherwise(async () => ack))),
    { fields: ['total'] },
    message('no JSON')
  )
  assert.equal(none?.body, {})
})

logging('reads the fields of the body that a route has, whatever its format is', async () => {
  const lines: Line[] = []
  const counted = (given: Message) => right({ letters: given.bytes.length })
  const logged = withLogging(keeping(lines), { fields: ['letters', 'total'] })
  const processor = pipe(receive(counted), handle(route(byField('letters', 11), async () => ack, logged)))
  assert.equal(await processor(message('{"total":3}'))(), ack)
  assert.equal(
    lines.map(([, { body }]) => body),
    [{ letters: 11 }]
  )
})

logging('masks what is sensitive among them', async () => {
  const Order = t.type({
    type: t.literal('order'),
    card: t.type({ number: sensitive(t.string), name: t.string })
  })
  const handler = async () => ack
  const fields = ['card', 'card.number', 'card.name', 'type']
  const card = { number: '4111', name: 'Ada' }
  const given = message({ type: 'order', card })
  const body = {
    card: { number: '[sensitive]', name: 'Ada' },
    'card.number': '[sensitive]',
    'card.name': 'Ada',
    type: 'order'
  }
  const around: Line[] = []
  const logged = withLogging(keeping(around), { fields })
  const processor = pipe(receive(json), handle(route(Order, handler, logged), otherwise(handler)))
  const [outer, unknown] = [
    await linesOf(processor, { fields }, given),
    await linesOf(processor, { fields }, message({ type: 'refund', card }))
  ]
  assert.equal([outer[0]?.[1].body, around[0]?.[1].body], [body, body])
  assert.equal(unknown[0]?.[1].body, { ...body, type: 'refund' })

  const opaque: Processor = (message) => processor(message)
  const [[, hidden] = []] = await linesOf(opaque, { fields: ['card.name', 'missing'] }, given)
  assert.equal(hidden?.body, { 'card.name': '[sensitive]' })
})

logging('masks what is sensitive in the envelope that a format takes off', async () => {
  const Order = t.type({ card: sensitive(t.string) })
  const unwrapped = (given: Message) => {
    const body = json(given)
    return body._tag === 'Left' ? body : right((body.right as { readonly data: unknown }).data)
  }
  const processor = pipe(receive(unwrapped), handle(route(Order, async () => ack)))
  const order = { card: '4111', total: 3 }
  const [[, one] = []] = await linesOf(
    processor,
    { fields: ['data.card', 'data.total', 'text'] },
    message({ data: order, text: JSON.stringify(order) })
  )
  assert.equal(one?.body, { 'data.card': '[sensitive]', 'data.total': 3, text: '[sensitive]' })
})

logging('logs more where it is told so, which changes nothing that it says by itself', async () => {
  const extra = ({ headers }: Message, { _tag }: Outcome) => ({
    tenant: headers.tenant,
    tag: _tag,
    outcome: 'x'
  })
  const given = message({ type: 'order' }, { headers: { tenant: 'a' } })
  const [[, fields] = []] = await linesOf(giving(ack), { extra }, given)
  assert.equal([fields?.tenant, fields?.tag, fields?.outcome], ['a', 'Acked', 'Acked'])
})

logging('measures on the clock that it is given', async () => {
  const clock = virtualClock()
  const lines: Line[] = []
  const slow = pipe(
    receive(json),
    handle(
      otherwise(() => new Promise<typeof ack>((resolve) => void clock.after(1_500, () => resolve(ack))))
    ),
    withLogging(keeping(lines), { clock })
  )
  await clock.advance(700)
  const outcome = slow(order)()
  await clock.advance(1_500)
  assert.equal([await outcome, lines[0]?.[1].durationMs], [ack, 1_500])
})

logging('sees Failed before withDlq and DeadLettered after it, and stays settled', async () => {
  const lines: Line[] = []
  const logged = withLogging(keeping(lines))
  const processor = pipe(giving(failed(rejected('late'))), logged, withDlq(memoryDlq()), logged)
  await processor(order)()
  assert.equal(
    lines.map(([level, { outcome, failure }, said]) => [level, outcome, (failure as LogFields).code, said]),
    [
      ['error', 'Failed', 'late', 'message failed: rejected: late'],
      ['error', 'DeadLettered', 'late', 'message dead-lettered: rejected: late']
    ]
  )
  assert.ok(isSettled(processor) && processor.settled)
  assert.equal(processor.description?.combinators, ['withLogging', 'withDlq', 'withLogging'])
  assert.is(explain(processor)(order)._tag, 'Taken')
})

logging('sees each attempt before withRetry, and the last one after it', async () => {
  const lines: Line[] = []
  const logged = withLogging(keeping(lines))
  let calls = 0
  const flaky = pipe(
    receive(json),
    handle(
      otherwise(async () => {
        calls += 1
        if (calls < 3) throw new Error('busy')
        return ack
      })
    )
  )
  const policy = pipe(constantDelay(0), limitAttempts(5))
  await pipe(flaky, logged, withRetry(policy), logged)(order)()
  assert.equal(
    lines.map(([, { outcome, attempt }]) => [outcome, attempt]),
    [
      ['Failed', 1],
      ['Failed', 2],
      ['Acked', 3],
      ['Acked', 3]
    ]
  )
})

logging('writes through pino as pino does, and through console', async () => {
  let written = ''
  const stream = new Writable({
    write: (chunk, _, done) => {
      written += String(chunk)
      done()
    }
  })
  await pipe(giving(nack({ reason: 'busy' })), withLogging(pino({ name: 'shop' }, stream)))(order)()
  const { level, msg, name, outcome, reason, messageId } = JSON.parse(written) as LogFields
  assert.equal(
    { level, msg, name, outcome, reason, messageId },
    { level: 40, msg: 'message nacked', name: 'shop', outcome: 'Nacked', reason: 'busy', messageId: '17' }
  )
  const reserved = ['level', 'time', 'msg', 'name', 'pid', 'hostname', 'v', 'err']
  const [[, fields] = []] = await linesOf(giving(failed(rejected('late'))), { headers: ['a'], fields: ['a'] })
  assert.equal(
    reserved.filter((key) => fields !== undefined && key in fields),
    []
  )
  const logger: Logger = console
  assert.type(withLogging(logger), 'function')
})

logging.run()
