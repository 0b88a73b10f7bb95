import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DeadLetter, Dlq } from '../../lib/core/letter.js'
import { withDlq } from '../../lib/timed.js'
import { dlqUnavailable, malformed, noMatch, rejected } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { byField } from '../../lib/core/matcher.js'
import { type Interruption, interruption, message } from '../../lib/core/message.js'
import {
  type Outcome,
  type Verdict,
  ack,
  ackWith,
  deadLettered,
  failed,
  nack,
  released
} from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import { type Processor, combinator, isSettled } from '../../lib/core/processor.js'
import { left, right } from '../../lib/core/result.js'
import { exponentialBackoff, withRetry } from '../../lib/core/retry.js'
import { otherwise, route } from '../../lib/core/route.js'
import { virtualClock } from '../support/clock.js'

const late = rejected('late')
const boom = new RangeError('boom')
const full = { reason: 'the disk is full' }

interface Kept extends Dlq {
  readonly letters: DeadLetter[]
}

/** A queue that keeps what it is given, or does instead what it is told. */
const queue = (put: () => unknown = () => async () => right(undefined), location = 'memory'): Kept => {
  const letters: DeadLetter[] = []
  return {
    letters,
    location,
    put: (letter) => {
      letters.push(letter)
      return put() as never
    }
  }
}

const brokenQueue = (): Kept => queue(() => async () => left(full))

/** Gives these outcomes one after the other, the last one for ever. */
const giving = (...outcomes: readonly Outcome[]): Processor & { readonly calls: () => number } => {
  let calls = 0
  const processor: Processor = () => async () => {
    calls += 1
    return outcomes[Math.min(calls, outcomes.length) - 1] as Outcome
  }
  return Object.assign(processor, { calls: () => calls })
}

const handling = (handler: () => Promise<Verdict>): Processor =>
  pipe(receive(json), handle(route(byField('type', 'order'), handler)))

const order = { type: 'order' }

const storing = suite('withDlq')

storing('leaves alone what did not fail', async () => {
  for (const outcome of [
    ack,
    ackWith({ note: 'a' }),
    nack({ afterMs: 5 }),
    deadLettered(late),
    released('shutdown')
  ]) {
    const dlq = queue()
    const delivered = message(order)
    assert.equal(await pipe(giving(outcome), withDlq(dlq))(delivered)(), outcome)
    assert.equal([dlq.letters, delivered.trace.storedIn], [[], undefined])
  }
})

storing('stores what failed, for whatever reason, and says where', async () => {
  const notJson = malformed([{ path: '', message: 'not JSON' }])
  const none = noMatch([{ route: 'order', reason: '.type is absent, not "order"' }])
  const cases: readonly (readonly [unknown, Outcome])[] = [
    [order, deadLettered(late)],
    ['not JSON', deadLettered(notJson)],
    [{}, deadLettered(none)]
  ]
  for (const [payload, outcome] of cases) {
    const dlq = queue(undefined, 'file orders.db')
    const delivered = message(payload)
    const processor = pipe(
      handling(async () => failed(late)),
      withDlq(dlq)
    )
    assert.equal(await processor(delivered)(), outcome)
    assert.equal([dlq.letters.length, delivered.trace.storedIn], [1, 'file orders.db'])
  }
})

storing('stores a handler that throws', async () => {
  const dlq = queue()
  const processor = pipe(
    handling(async () => Promise.reject(boom)),
    withDlq(dlq)
  )
  const outcome = await processor(message(order))()
  assert.equal(outcome._tag === 'DeadLettered' && outcome.failure._tag, 'Defect')
  assert.equal(
    dlq.letters.map(({ failure }) => failure),
    outcome._tag === 'DeadLettered' && [outcome.failure]
  )
})

storing('keeps the message as it arrived, and what is known of the delivery', async () => {
  const dlq = queue()
  const clock = virtualClock()
  const processor = pipe(
    handling(async () => failed(late)),
    withRetry(exponentialBackoff({ baseMs: 0, maxDelayMs: 0, attempts: 2, when: () => true }), clock),
    withDlq(dlq)
  )
  const bytes = new TextEncoder().encode('{"type":"order"}  ')
  const delivered = message(bytes, {
    id: '17',
    source: 'here',
    headers: { tenant: 'a' },
    deliveryCount: 3,
    receivedAt: 5
  })
  await clock.finish(processor(delivered)())
  assert.equal(dlq.letters, [
    {
      id: '17',
      source: 'here',
      bytes,
      headers: { tenant: 'a' },
      route: 'order',
      failure: late,
      attempts: [{ startedAt: clock.now(), durationMs: 0, failure: late }],
      deliveryCount: 3,
      receivedAt: 5
    }
  ])
})

storing('stores a nack of a source that cannot bring the message back', async () => {
  const cases = [
    [nack(), rejected('nacked', {})],
    [nack({ reason: 'busy', afterMs: 50 }), rejected('nacked', { reason: 'busy', afterMs: 50 })],
    [nack({ reason: 'busy' }), rejected('nacked', { reason: 'busy' })]
  ] as const
  for (const [verdict, failure] of cases) {
    const dlq = queue()
    const processor = pipe(giving(verdict), withDlq(dlq))
    assert.equal(await processor(message('1', { redelivers: false }))(), deadLettered(failure))
    assert.equal(await processor(message('1', { redelivers: true }))(), verdict)
    assert.equal(
      dlq.letters.map((letter) => letter.failure),
      [failure]
    )
  }
})

storing('marks the processor settled, keeps its description, and names itself in it', () => {
  const inner = handling(async () => ack)
  const processor = pipe(inner, withDlq(queue()))
  assert.equal([isSettled(inner), isSettled(processor)], [false, true])
  assert.equal(processor.description?.combinators, ['withDlq'])
  assert.is(processor.description?.routes, inner.description?.routes)
})

storing('stores what a processor does that throws, rejects, or gives what is no outcome', async () => {
  const bad: readonly (() => unknown)[] = [
    () => {
      throw boom
    },
    () => () => {
      throw boom
    },
    () => async () => Promise.reject(boom),
    () => async () => undefined
  ]
  for (const processor of bad) {
    const dlq = queue()
    const outcome = await pipe(processor as Processor, withDlq(dlq))(message('1'))()
    assert.equal([outcome._tag, dlq.letters.map(({ failure }) => failure._tag)], ['DeadLettered', ['Defect']])
  }
})

storing.run()

const failing = suite('withDlq: the queue fails')

/** Each way in which a queue can fail, and the reason that is told. */
const badQueues: readonly (readonly [string, () => unknown, string])[] = [
  ['gives Left', () => async () => left(full), 'the disk is full'],
  [
    'throws',
    () => {
      throw boom
    },
    'RangeError: boom'
  ],
  [
    'its Task throws',
    () => () => {
      throw boom
    },
    'RangeError: boom'
  ],
  ['its Task rejects', () => async () => Promise.reject(boom), 'RangeError: boom']
]

failing('is DlqUnavailable with the original failure, never DeadLettered', async () => {
  for (const [way, put, reason] of badQueues) {
    const delivered = message(order)
    const outcome = await pipe(giving(failed(late)), withDlq(queue(put)))(delivered)()
    assert.equal(outcome, failed(dlqUnavailable(reason, late)), way)
    assert.is(delivered.trace.storedIn, undefined)
  }
})

failing('takes for stored only what says that it is', async () => {
  const answers: readonly unknown[] = [
    undefined,
    null,
    true,
    {},
    'Right',
    { _tag: 'Some' },
    { _tag: 'Left' },
    left(7),
    left(null)
  ]
  for (const [index, answer] of answers.entries()) {
    const delivered = message(order)
    const outcome = await pipe(giving(failed(late)), withDlq(queue(() => async () => answer)))(delivered)()
    const failure = outcome._tag === 'Failed' && outcome.failure
    assert.equal(
      failure && failure._tag === 'DlqUnavailable' && [typeof failure.reason, failure.failure],
      ['string', late],
      `answer ${index}`
    )
    assert.is(delivered.trace.storedIn, undefined)
  }
})

failing('leaves no rejection unhandled where a Promise is given for a Task', async () => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  const outcome = await pipe(
    giving(failed(late)),
    withDlq(queue(async () => Promise.reject(boom)))
  )(message(order))()
  await new Promise((resolve) => void setImmediate(resolve))
  process.off('unhandledRejection', listen)
  assert.equal(outcome._tag === 'Failed' && outcome.failure._tag, 'DlqUnavailable')
  assert.is(unhandled.length, 0)
})

failing('stores the letter when the same delivery runs again, and the handler does not', async () => {
  const answers = [left(full), left(full), right(undefined)]
  const dlq = queue(() => async () => answers.shift() ?? right(undefined))
  const inner = giving(failed(late), ack)
  const processor = pipe(inner, withDlq(dlq))
  const delivered = message(order)
  assert.equal(
    [await processor(delivered)(), await processor(delivered)(), await processor(delivered)()],
    [
      failed(dlqUnavailable('the disk is full', late)),
      failed(dlqUnavailable('the disk is full', late)),
      deadLettered(late)
    ]
  )
  assert.equal([inner.calls(), dlq.letters.map(({ failure }) => failure)], [1, [late, late, late]])
})

failing('runs the handler again once the letter is stored, and for another delivery', async () => {
  const answers = [left(full)]
  const dlq = queue(() => async () => answers.shift() ?? right(undefined))
  const inner = giving(failed(late), ack)
  const processor = pipe(inner, withDlq(dlq))
  const delivered = message(order)
  await processor(delivered)()
  assert.equal(await processor(message(order))(), ack)
  assert.equal(await processor(delivered)(), deadLettered(late))
  assert.equal(await processor(delivered)(), ack)
})

failing('keeps a nack to store, too', async () => {
  const answers = [left(full)]
  const dlq = queue(() => async () => answers.shift() ?? right(undefined))
  const inner = giving(nack({ reason: 'busy' }), ack)
  const processor = pipe(inner, withDlq(dlq))
  const delivered = message(order, { redelivers: false })
  const nacked = rejected('nacked', { reason: 'busy' })
  assert.equal(
    [await processor(delivered)(), await processor(delivered)(), inner.calls()],
    [failed(dlqUnavailable('the disk is full', nacked)), deadLettered(nacked), 1]
  )
})

failing('finds the letter to store through combinators, and through a message made anew', async () => {
  const answers = [left(full)]
  const dlq = queue(() => async () => answers.shift() ?? right(undefined))
  const inner = giving(failed(late), ack)
  const spreading = combinator(
    'spreading',
    (processor) => (message) => processor({ ...(message as object), headers: { tenant: 'a' } } as never)
  )
  const processor = pipe(inner, withDlq(dlq), spreading)
  const delivered = message(order)
  await processor(delivered)()
  assert.equal([await processor(delivered)(), inner.calls()], [deadLettered(late), 1])
})

failing.run()

const falling = suite('withDlq: a fallback')

falling('stores in the first queue, and the second has nothing to do', async () => {
  const [first, second] = [queue(undefined, 'first'), queue(undefined, 'second')]
  const delivered = message(order)
  const processor = pipe(giving(failed(late)), withDlq(first), withDlq(second))
  assert.equal(await processor(delivered)(), deadLettered(late))
  assert.equal([first.letters.length, second.letters.length, delivered.trace.storedIn], [1, 0, 'first'])
})

falling('stores in the second queue what the first cannot, with the original failure', async () => {
  const second = queue(undefined, 'second')
  const delivered = message(order)
  const inner = giving(failed(late), ack)
  const processor = pipe(inner, withDlq(brokenQueue()), withDlq(second))
  const unavailable = dlqUnavailable('the disk is full', late)
  assert.equal(await processor(delivered)(), deadLettered(unavailable))
  assert.equal(
    [second.letters.map(({ failure }) => failure), delivered.trace.storedIn, delivered.trace.unstored],
    [[unavailable], 'second', undefined]
  )
})

falling(
  'is DlqUnavailable where neither can store, and both are asked again without the handler',
  async () => {
    const answers = [left(full), left(full)]
    const [first, second] = [brokenQueue(), queue(() => async () => answers.shift() ?? right(undefined))]
    const inner = giving(failed(late), ack)
    const processor = pipe(inner, withDlq(first), withDlq(second))
    const delivered = message(order)
    const once = dlqUnavailable('the disk is full', late)
    const twice = failed(dlqUnavailable('the disk is full', once))
    assert.equal(
      [await processor(delivered)(), await processor(delivered)(), await processor(delivered)()],
      [twice, twice, deadLettered(once)]
    )
    assert.equal([inner.calls(), first.letters.length, second.letters.length], [1, 3, 3])
    assert.equal(
      first.letters.map(({ failure }) => failure),
      [late, late, late]
    )
  }
)

falling.run()

const interrupting = suite('withDlq: interrupted')

const interruptible = (fields = {}) => {
  const controller = new AbortController()
  return {
    delivered: message(order, { ...fields, signal: controller.signal }),
    interrupt: (reason: Interruption) => controller.abort(interruption(reason))
  }
}

interrupting('is Released before it stores', async () => {
  for (const reason of ['shutdown', 'leaseLost'] as const)
    for (const outcome of [failed(late), nack()]) {
      const { delivered, interrupt } = interruptible({ redelivers: false })
      const dlq = queue()
      const processor = pipe(
        (() => async () => {
          interrupt(reason)
          return outcome
        }) as Processor,
        withDlq(dlq)
      )
      assert.equal([await processor(delivered)(), dlq.letters.length], [released(reason), 0])
    }
})

interrupting('is Released before it stores what could not be stored before', async () => {
  const { delivered, interrupt } = interruptible()
  const dlq = brokenQueue()
  const processor = pipe(giving(failed(late)), withDlq(dlq))
  await processor(delivered)()
  interrupt('shutdown')
  assert.equal([await processor(delivered)(), dlq.letters.length], [released('shutdown'), 1])
})

interrupting('leaves a letter committed that was under way', async () => {
  const { delivered, interrupt } = interruptible()
  const dlq = queue(() => async () => {
    interrupt('shutdown')
    return right(undefined)
  })
  assert.equal(await pipe(giving(failed(late)), withDlq(dlq))(delivered)(), deadLettered(late))
})

interrupting('is Released where a letter that was under way is not committed', async () => {
  const { delivered, interrupt } = interruptible()
  const dlq = queue(() => async () => {
    interrupt('shutdown')
    return left(full)
  })
  assert.equal(await pipe(giving(failed(late)), withDlq(dlq))(delivered)(), released('shutdown'))
})

interrupting('leaves an ack alone', async () => {
  const { delivered, interrupt } = interruptible()
  interrupt('shutdown')
  const processor = pipe(receive(json), handle(otherwise(async () => ack)), withDlq(queue()))
  assert.equal(await processor(delivered)(), ack)
})

interrupting.run()
