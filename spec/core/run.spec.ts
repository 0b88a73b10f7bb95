import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defect, rejected } from '../../lib/core/failure.js'
import { interruption, message } from '../../lib/core/message.js'
import { type Outcome, ack, ackWith, failed, nack, released } from '../../lib/core/outcome.js'
import { Call, type Step, concluded, isCall, stepped } from '../../lib/core/run.js'

const order = message('', { id: '17' })
const called = (given: unknown, from = order) => new Call(Promise.resolve(given), from, 'route 1')

/** A step that keeps what it saw, and gives the next outcome. */
const seeing = (seen: unknown[], next: (outcome: Outcome) => Outcome | Promise<Outcome>): Step => {
  return (from, outcome) => {
    seen.push([from.id, outcome])
    return next(outcome)
  }
}

const calls = suite('Call')

calls('is concluded by its verdict', async () => {
  const call = called(ackWith({ note: 'done' }))
  assert.ok(isCall(call))
  assert.equal(await concluded(call), ackWith({ note: 'done' }))
})

calls('fails with what its handler throws, or gives for a verdict', async () => {
  const thrown = new Error('late')
  const rejecting = new Call(Promise.reject(thrown), order, 'route 1')
  assert.equal(await concluded(rejecting), failed(defect('the handler of route 1', thrown)))
  const unread = {
    get _tag() {
      throw thrown
    }
  }
  assert.equal(await concluded(called(unread)), failed(defect('the handler of route 1', thrown)))
  for (const given of [
    undefined,
    null,
    true,
    'Acked',
    nack,
    { _tag: 'DeadLettered', failure: rejected('no') }
  ]) {
    const outcome = await concluded(called(given))
    assert.ok(outcome._tag === 'Failed' && outcome.failure._tag === 'Defect', JSON.stringify(given))
    assert.equal(
      [outcome.failure.where, outcome.failure.name, outcome.failure.message],
      [
        'the handler of route 1',
        'TypeError',
        given === undefined
          ? 'gave nothing; give ack, nack() or failed(...)'
          : `gave a value of type ${typeof given} that is no verdict; give ack, nack() or failed(...)`
      ]
    )
  }
})

calls('takes its steps in turn, each with what the one before it gave', async () => {
  const seen: unknown[] = []
  const call = called(ack)
  const begun = stepped(
    stepped(
      stepped(
        call,
        order,
        seeing(seen, async () => nack())
      ),
      order,
      seeing(seen, () => failed(rejected('no')))
    ),
    order,
    seeing(seen, () => ack)
  )
  assert.is(begun, call)
  assert.equal(seen, [])
  assert.equal(await concluded(begun), ack)
  assert.equal(seen, [
    ['17', ack],
    ['17', nack()],
    ['17', failed(rejected('no'))]
  ])
})

calls('was given back where its message was interrupted, before its steps', async () => {
  const interrupted = message('', { id: '17', signal: AbortSignal.abort(interruption('shutdown')) })
  const seen: unknown[] = []
  const step = seeing(seen, (outcome) => outcome)
  const late = failed(rejected('no'))
  assert.equal(await concluded(called(late, interrupted).followedBy(step)), released('shutdown'))
  assert.equal(await concluded(called(ack, interrupted)), ack)
  assert.equal(seen, [['17', released('shutdown')]])
})

calls.run()

const steps = suite('stepped')

steps('goes on at once with an outcome that is there, and later with one that comes', async () => {
  const seen: unknown[] = []
  const step = seeing(seen, () => nack())
  assert.equal([stepped(ack, order, step), seen.length], [nack(), 1])
  const later = stepped(Promise.resolve(ack), order, step)
  assert.is(seen.length, 1)
  assert.equal(
    [await later, seen],
    [
      nack(),
      [
        ['17', ack],
        ['17', ack]
      ]
    ]
  )
  assert.not(isCall(ack))
  assert.is(concluded(ack), ack)
})

steps.run()
