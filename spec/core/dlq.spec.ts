import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { constantDelay, limitAttempts } from '../../lib/combinators/retry-policy.js'
import { withRetry } from '../../lib/combinators/retry.js'
import type { Clock } from '../../lib/core/clock.js'
import { dlqUnavailable, malformed, noMatch, rejected } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { DeadLetter, Dlq, LetterIdentity, LetterState, StoredLetter } from '../../lib/core/letter.js'
import { type Interruption, amend, fromOrigin, interruption, message } from '../../lib/core/message.js'
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
import { memoryDlq } from '../../lib/dlq/memory.js'
import { byField } from '../../lib/matchers/keyed.js'
import { otherwise, route } from '../../lib/matchers/route.js'
import { Resource } from '../../lib/ports/resource.js'
import { withDlq } from '../../lib/timed.js'
import { turn, virtualClock } from '../support/clock.js'
import { letter } from '../support/letters.js'

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
  const begun = clock.now()
  const slow = async () => {
    await new Promise<void>((resolve) => void clock.after(30, resolve))
    return failed(late)
  }
  const processor = pipe(
    handling(slow),
    withRetry(pipe(constantDelay(50), limitAttempts(2)), clock, { when: () => true }),
    withDlq(dlq, { clock })
  )
  const bytes = new TextEncoder().encode('{"type":"order"}  ')
  const delivered = message(bytes, {
    id: '17',
    source: 'here',
    headers: { tenant: 'a' },
    deliveryCount: 3,
    receivedAt: 5,
    fault: undefined
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
      attempts: [
        { startedAt: begun, durationMs: 30, failure: late },
        { startedAt: begun + 80, durationMs: 30, failure: late }
      ],
      deliveryCount: 3,
      receivedAt: 5,
      original: undefined,
      fault: undefined,
      lease: undefined
    }
  ])
})

storing(
  'keeps what the source found wrong with the payload, and no other fault of the delivery',
  async () => {
    const tooLong = malformed([{ path: '', message: 'longer than 1 MiB' }])
    for (const [fault, kept] of [
      [tooLong, tooLong],
      [late, undefined]
    ] as const) {
      const dlq = queue()
      const processor = pipe(
        handling(async () => ack),
        withDlq(dlq)
      )
      assert.equal(await processor(message(order, { fault }))(), deadLettered(fault))
      assert.equal(
        dlq.letters.map(({ failure, fault }) => [failure, fault]),
        [[fault, kept]]
      )
    }
  }
)

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

storing('takes nothing for a queue that is none, as a Resource of one', () => {
  const none: readonly unknown[] = [undefined, null, {}, Resource.of(queue()), { put: true }]
  for (const dlq of none)
    assert.throws(
      () => pipe(giving(ack), withDlq(dlq as Dlq)),
      (error: unknown) =>
        error instanceof TypeError && error.message.startsWith('withDlq: give an open queue;')
    )
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
      failure &&
        failure._tag === 'DlqUnavailable' && [
          typeof failure.reason === 'string' && failure.reason !== '',
          failure.failure
        ],
      [true, late],
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

falling('leaves to the first what its interpreter wants stored, and the handler is not run', async () => {
  const [first, second] = [queue(undefined, 'first'), queue(undefined, 'second')]
  const delivered = message(order)
  delivered.trace.unstored = { startedAt: 1, durationMs: 2, failure: late }
  const inner = giving(ack)
  const processor = pipe(inner, withDlq(first), withDlq(second))
  assert.equal(await processor(delivered)(), deadLettered(late))
  assert.equal([first.letters.length, second.letters.length, inner.calls()], [1, 0, 0])
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

const redelivering = suite('withDlq: a message that is brought back')

interface Asked extends Kept {
  readonly log: string[]
}

/** A queue that answers what it is asked about a letter, and notes who asked. */
const askedQueue = (
  recall: () => unknown,
  resolve: () => unknown = () => async () => right(undefined)
): Asked => {
  const log: string[] = []
  const noted =
    (name: string, answer: () => unknown) =>
    ({ source, id, bytes }: LetterIdentity) => {
      log.push(`${name} ${source} ${id} ${new TextDecoder().decode(bytes)}`)
      return answer() as never
    }
  return { ...queue(), log, recall: noted('recall', recall), resolve: noted('resolve', resolve) }
}

const says = (state: LetterState | undefined) => () => async () => right(state)

const again = { id: '17', source: 'here', deliveryCount: 2, redelivers: true }

redelivering('is acked without running where its letter was resolved or discarded', async () => {
  for (const state of ['resolved', 'discarded'] as const) {
    const dlq = askedQueue(says(state))
    const inner = giving(failed(late))
    assert.equal(
      await pipe(inner, withDlq(dlq))(message('order', again))(),
      ackWith({ note: `its dead letter is ${state}` })
    )
    assert.equal([inner.calls(), dlq.letters, dlq.log], [0, [], ['recall here 17 order']])
  }
})

redelivering('is nacked without running while its letter is replayed', async () => {
  const dlq = askedQueue(says('replaying'))
  const inner = giving(ack)
  assert.equal(
    await pipe(inner, withDlq(dlq))(message('order', again))(),
    nack({ reason: 'its dead letter is being replayed', afterMs: 5_000 })
  )
  assert.equal([inner.calls(), dlq.letters], [0, []])
})

redelivering('runs where its letter is dead, which is resolved once it is acked', async () => {
  const dlq = askedQueue(says('dead'))
  const acked = ackWith({ note: 'done' })
  assert.equal(await pipe(giving(acked), withDlq(dlq))(message('order', again))(), acked)
  assert.equal(dlq.log, ['recall here 17 order', 'resolve here 17 order'])
})

redelivering('resolves a letter only once the handler has acked', async () => {
  const dlq = askedQueue(says('dead'))
  const processor = pipe(
    handling(async () => {
      dlq.log.push('handled')
      return ack
    }),
    withDlq(dlq)
  )
  await processor(message(order, again))()
  const [recalled, ...then] = dlq.log.map((line) => line.split(' ')[0])
  assert.equal([recalled, ...then], ['recall', 'handled', 'resolve'])
})

redelivering('leaves a dead letter dead where it is not acked, and stores what failed', async () => {
  const cases: readonly (readonly [Outcome, Outcome, number])[] = [
    [failed(late), deadLettered(late), 1],
    [nack({ afterMs: 5 }), nack({ afterMs: 5 }), 0],
    [released('shutdown'), released('shutdown'), 0]
  ]
  for (const [given, outcome, stored] of cases) {
    const dlq = askedQueue(says('dead'))
    assert.equal(await pipe(giving(given), withDlq(dlq))(message('order', again))(), outcome)
    assert.equal([dlq.letters.length, dlq.log], [stored, ['recall here 17 order']])
  }
})

redelivering('runs where it has no letter, and resolves none', async () => {
  const dlq = askedQueue(says(undefined))
  assert.equal(await pipe(giving(ack), withDlq(dlq))(message('order', again))(), ack)
  assert.equal(dlq.log, ['recall here 17 order'])
})

redelivering('is acked as before where its letter cannot be resolved', async () => {
  for (const [way, resolve] of badQueues) {
    const dlq = askedQueue(says('dead'), resolve)
    assert.equal(await pipe(giving(ack), withDlq(dlq))(message('order', again))(), ack, way)
  }
})

redelivering('runs where the queue cannot say what became of its letter', async () => {
  const answers: readonly (() => unknown)[] = [
    ...badQueues.map(([, recall]) => recall),
    () => async () => undefined,
    () => async () => right('gone'),
    () => undefined
  ]
  for (const [index, recall] of answers.entries()) {
    for (const [given, outcome] of [
      [ack, ack],
      [failed(late), deadLettered(late)]
    ] as const) {
      const dlq = askedQueue(recall)
      const inner = giving(given)
      assert.equal(await pipe(inner, withDlq(dlq))(message('order', again))(), outcome, `answer ${index}`)
      assert.equal([inner.calls(), dlq.log], [1, ['recall here 17 order']])
    }
  }
})

redelivering('runs where what names its letter cannot be read', async () => {
  for (const field of ['id', 'source', 'bytes'] as const) {
    const { signal } = new AbortController()
    const { bytes } = message(order)
    const origin = { ...again, bytes, headers: {}, receivedAt: 0, raw: undefined, signal }
    const torn = fromOrigin(
      Object.defineProperty(origin, field, {
        get: () => {
          throw boom
        }
      })
    )
    const dlq = askedQueue(says('resolved'))
    assert.equal(await pipe(giving(ack), withDlq(dlq))(torn)(), ack, field)
    assert.equal(
      await pipe(giving(failed(late)), withDlq(dlq))(torn)(),
      failed(dlqUnavailable('RangeError: boom', late)),
      field
    )
    assert.equal([dlq.letters, dlq.log], [[], []])
  }
})

redelivering('runs without asking what is delivered first, is not brought back, or is replayed', async () => {
  const { source, id } = again
  const replayed: StoredLetter = {
    ...letter({ source, id }),
    key: 'a'.repeat(40),
    state: 'replaying',
    fingerprint: 'b'.repeat(12),
    firstSeenAt: 1,
    lastSeenAt: 2,
    times: 1,
    attemptCount: 1,
    original: undefined,
    events: []
  }
  for (const fields of [{ deliveryCount: 1 }, { redelivers: false }, { letter: replayed }]) {
    const dlq = askedQueue(says('resolved'))
    const inner = giving(ack)
    assert.equal(await pipe(inner, withDlq(dlq))(message('order', { ...again, ...fields }))(), ack)
    assert.equal([inner.calls(), dlq.log], [1, []])
  }
})

redelivering('runs where the queue knows nothing of what it stored', async () => {
  const { recall: _, resolve: __, ...plain } = askedQueue(says('resolved'))
  assert.equal(await pipe(giving(ack), withDlq(plain))(message('order', again))(), ack)
})

redelivering('is acked without running once a real store has resolved its letter', async () => {
  const dlq = memoryDlq()
  const inner = giving(failed(late), ack)
  const processor = pipe(inner, withDlq(dlq))
  const delivered = (deliveryCount: number) => message('order', { ...again, deliveryCount })
  assert.equal(await processor(delivered(1))(), deadLettered(late))
  assert.equal(await processor(delivered(2))(), ack)
  assert.equal(
    [await processor(delivered(3))(), inner.calls(), dlq.letters().map(({ state }) => state)],
    [ackWith({ note: 'its dead letter is resolved' }), 2, ['resolved']]
  )
})

redelivering.run()

const parallel = suite('withDlq: a message that is stored while its handler goes on')

/** A source that gives up waiting for the handler, and has its message stored before the handler gives this verdict. */
const storedMeanwhile = (dlq: Dlq, verdict: Verdict) => {
  const processor: Processor = pipe(
    handling(async () => {
      const fault = rejected('deadline-passed')
      assert.equal(await processor(amend(delivered, { fault }))(), deadLettered(fault))
      return verdict
    }),
    withDlq(dlq)
  )
  const delivered = message(order, { id: '17', source: 'here', redelivers: true })
  return processor(delivered)()
}

parallel('is resolved once that acks', async () => {
  const dlq = askedQueue(says(undefined))
  const acked = ackWith({ note: 'done' })
  assert.equal(await storedMeanwhile(dlq, acked), acked)
  assert.equal([dlq.letters.length, dlq.log], [1, ['resolve here 17 {"type":"order"}']])
})

parallel('is resolved after the queue has answered, not before', async () => {
  const log: string[] = []
  let stored: () => void = () => undefined
  const dlq = {
    ...queue(() => async () => {
      await new Promise<void>((resolve) => (stored = resolve))
      log.push('stored')
      return right(undefined)
    }),
    resolve: () => async () => {
      log.push('resolved')
      return right(undefined)
    }
  }
  let meanwhile: Promise<Outcome> | undefined
  const processor: Processor = pipe(
    handling(async () => {
      meanwhile = processor(amend(delivered, { fault: late }))()
      return ack
    }),
    withDlq(dlq)
  )
  const delivered = message(order)
  const handled = processor(delivered)()
  await turn()
  assert.equal(log, [])
  stored()
  assert.equal([await handled, await meanwhile, log], [ack, deadLettered(late), ['stored', 'resolved']])
})

parallel('stays dead where that does not ack', async () => {
  const dlq = askedQueue(says(undefined))
  assert.equal(await storedMeanwhile(dlq, nack()), nack())
  assert.equal([dlq.letters.length, dlq.log], [1, []])
})

parallel('is acked all the same where the queue cannot resolve it', async () => {
  assert.equal(await storedMeanwhile(queue(), ack), ack)
  for (const [way, resolve] of badQueues)
    assert.equal(await storedMeanwhile(askedQueue(says(undefined), resolve), ack), ack, way)
})

parallel.run()

const shared = suite('withDlq: a message that is given to several processors')

const acking = async () => ack

shared('is not resolved by one where another has stored it, beside it or within its handler', async () => {
  const delivered = () => message(order, { id: '17' })
  const billing = (dlq: Dlq) =>
    pipe(
      handling(async () => failed(late)),
      withDlq(dlq)
    )

  const beside = memoryDlq()
  const [one, other] = [billing(beside), pipe(handling(acking), withDlq(beside))]
  const given = delivered()
  assert.equal([await one(given)(), await other(given)()], [deadLettered(late), ack])
  assert.equal(
    beside.letters().map(({ state, bytes }) => [state, bytes.length > 0]),
    [['dead', true]]
  )

  const within = memoryDlq()
  const passed = delivered()
  const inner = billing(within)
  const outer = pipe(
    handling(async () => {
      await inner(passed)()
      return ack
    }),
    withDlq(within)
  )
  assert.equal(await outer(passed)(), ack)
  assert.equal(
    within.letters().map(({ state }) => state),
    ['dead']
  )
})

shared(
  'is handled by one though the queue of another is away, and stored by that when it is run again',
  async () => {
    let isAway = true
    const dlq = queue(() => async () => (isAway ? left(full) : right(undefined)))
    let handled = 0
    const billing = pipe(
      handling(async () => {
        handled += 1
        return failed(late)
      }),
      withDlq(dlq)
    )
    const audit = pipe(handling(acking), withDlq(dlq))
    const given = message(order, { id: '17' })
    assert.equal(await billing(given)(), failed(dlqUnavailable(full.reason, late)))
    assert.equal(await audit(given)(), ack)
    isAway = false
    assert.equal([await billing(given)(), handled], [deadLettered(late), 1])
  }
)

shared.run()

const timing = suite('withDlq: the last attempt')

const waiting =
  (clock: Clock, waitMs: number, outcome: Outcome): Processor =>
  () =>
  async () => {
    await new Promise<void>((resolve) => void clock.after(waitMs, resolve))
    return outcome
  }

timing('has its start and its duration from the clock', async () => {
  const clock = virtualClock()
  await clock.advance(1_000)
  const begun = clock.now()
  const dlq = queue()
  await clock.finish(pipe(waiting(clock, 70, failed(late)), withDlq(dlq, { clock }))(message('1'))())
  assert.equal(dlq.letters[0]?.attempts, [{ startedAt: begun, durationMs: 70, failure: late }])
})

timing('is the same where it is stored later', async () => {
  const clock = virtualClock()
  const begun = clock.now()
  const answers = [left(full)]
  const dlq = queue(() => async () => answers.shift() ?? right(undefined))
  const processor = pipe(waiting(clock, 70, failed(late)), withDlq(dlq, { clock }))
  const delivered = message('1')
  await clock.finish(processor(delivered)())
  await clock.advance(5_000)
  await clock.finish(processor(delivered)())
  const attempts = [{ startedAt: begun, durationMs: 70, failure: late }]
  assert.equal(
    dlq.letters.map((stored) => stored.attempts),
    [attempts, attempts]
  )
})

timing('lasts no less than nothing where the clock goes back', async () => {
  const clock = virtualClock()
  let back = 0
  const dlq = queue()
  const processor = pipe(
    handling(async () => {
      back = 5_000
      return failed(late)
    }),
    withDlq(dlq, { clock: { ...clock, now: () => clock.now() - back } })
  )
  await processor(message(order))()
  assert.is(dlq.letters[0]?.attempts[0]?.durationMs, 0)
})

timing('is put under the lease of the letter that is replayed', async () => {
  const store = memoryDlq()
  await store.put(letter())()
  const claimed = await store.claim({ owner: 'ann', leaseMs: 60_000 })()
  const [replayed] = claimed._tag === 'Right' ? claimed.right.letters : []
  const dlq = queue()
  await pipe(giving(failed(late)), withDlq(dlq))(message('1', { letter: replayed }))()
  assert.equal([replayed?.lease?.owner, dlq.letters[0]?.lease], ['ann', replayed?.lease])
})

timing.run()
