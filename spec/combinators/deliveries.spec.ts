import { pipe } from 'fp-ts/lib/function.js'
import {
  type Message,
  type Outcome,
  ack,
  byField,
  deadLettered,
  defect,
  explain,
  failed,
  handle,
  json,
  message,
  nack,
  otherwise,
  receive,
  rejected,
  route,
  tooManyDeliveries,
  withDlq,
  withMaxDeliveries,
  withRetry,
  exponentialBackoff
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const delivered = (deliveryCount: number): Message => message({ type: 'order' }, { id: '17', deliveryCount })

const limits = suite('withMaxDeliveries')

limits('lets pass what was started as often as it may be, whatever its outcome', async () => {
  const said: Outcome[] = [ack, nack({ afterMs: 5 }), failed(rejected('late'))]
  for (const outcome of said) {
    const processor = pipe(
      receive(json),
      handle(otherwise(async () => outcome as typeof ack)),
      withMaxDeliveries(3)
    )
    assert.equal([await processor(delivered(1))(), await processor(delivered(3))()], [outcome, outcome])
  }
})

limits('fails what was started too often, and runs nothing of it', async () => {
  let calls = 0
  const counted = async () => {
    calls += 1
    return ack
  }
  const processor = pipe(receive(json), handle(otherwise(counted)), withMaxDeliveries(3))
  assert.equal(
    [await processor(delivered(4))(), await processor(delivered(9))(), calls],
    [failed(tooManyDeliveries(3)), failed(tooManyDeliveries(8)), 0]
  )
})

limits('has a letter made of it by withDlq, and is not tried again by withRetry', async () => {
  const queue = memoryDlq()
  const policy = exponentialBackoff({ baseMs: 1, maxDelayMs: 1, attempts: 5 })
  const processor = pipe(
    receive(json),
    handle(otherwise(async () => ack)),
    withMaxDeliveries(1),
    withRetry(policy),
    withDlq(queue)
  )
  assert.equal(await processor(delivered(2))(), deadLettered(tooManyDeliveries(1)))
  assert.equal(
    queue.letters().map(({ id, failure, attemptCount }) => [id, failure, attemptCount]),
    [['17', tooManyDeliveries(1), 1]]
  )
})

limits('stays what it is when what it wraps throws', async () => {
  const throwing = () => {
    throw new Error('broken')
  }
  const outcome = await withMaxDeliveries(3)(throwing)(delivered(3))()
  assert.is(outcome._tag === 'Failed' && outcome.failure._tag, 'Defect')
  const thrown = defect('throwing', new Error('broken'))
  assert.is(
    outcome._tag === 'Failed' && outcome.failure._tag === 'Defect' && outcome.failure.message,
    thrown.message
  )
})

limits('carries the description on', () => {
  const processor = pipe(
    receive(json),
    handle(route(byField('type', 'order'), async () => ack)),
    withMaxDeliveries(3)
  )
  assert.is(explain(processor)(delivered(9))._tag, 'Taken')
  assert.equal(processor.description?.combinators, ['withMaxDeliveries'])
})

limits('refuses a limit that is none', () => {
  for (const max of [0, -1, 1.5, Number.NaN, Infinity])
    assert.throws(() => withMaxDeliveries(max), /whole number of at least 1/)
})

limits.run()
