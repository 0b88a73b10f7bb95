import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withDedupe } from '../../lib/combinators/dedupe.js'
import { withMaxDeliveries } from '../../lib/combinators/deliveries.js'
import { bytes } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { type MessageFields, message } from '../../lib/core/message.js'
import { type Verdict, ack, ackWith, nack } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import { left, right } from '../../lib/core/result.js'
import { memoryIdempotency } from '../../lib/idempotency/memory.js'
import { consume } from '../../lib/interpreters/consume.js'
import { memory } from '../../lib/interpreters/memory.js'
import { otherwise } from '../../lib/matchers/route.js'
import type { IdempotencyState, IdempotencyStore } from '../../lib/ports/idempotency.js'
import { type VirtualClock, turn, virtualClock } from '../support/clock.js'

type Call = Readonly<Record<string, unknown>>

/** A store that gives these states to claims, the last one for good, and keeps what it was asked. */
const answering = (...states: readonly IdempotencyState[]) => {
  const calls: Call[] = []
  let begun = 0
  const asked = (what: string, claim: object) => void calls.push({ what, ...claim })
  const store: IdempotencyStore = {
    begin: (claim) => async () => {
      asked('begin', claim)
      begun += 1
      return right(states[begun - 1] ?? states[states.length - 1] ?? { _tag: 'Begun' })
    },
    renew: (claim) => async () => {
      asked('renew', claim)
      return right(true)
    },
    finish: (claim) => async () => {
      asked('finish', claim)
      return right(true)
    },
    abandon: (claim) => async () => {
      asked('abandon', claim)
      return right(undefined)
    }
  }
  return { calls, store }
}

const over = (
  store: IdempotencyStore,
  clock: VirtualClock,
  handler: () => Promise<Verdict> = async () => ack,
  options: Parameters<typeof withDedupe>[3] = {}
) =>
  pipe(
    receive(bytes),
    handle(otherwise(handler)),
    withDedupe(store, ({ id }) => id, clock, options)
  )

const sent = (id: string, fields: MessageFields = {}) => message('', { id, ...fields })

const dedupe = suite('withDedupe, to its store')

dedupe('says what it begins and how it ended by one token', async () => {
  const { calls, store } = answering()
  const verdicts: Verdict[] = [ackWith({ note: 'done', reply: 7 }), nack()]
  const processor = over(store, virtualClock(), async () => verdicts.shift() ?? ack)
  await processor(sent('1'))()
  await processor(sent('2'))()
  const [first, second] = [calls[0]?.['token'], calls[2]?.['token']]
  assert.equal(calls, [
    { what: 'begin', key: '1', fingerprint: '', token: first, leaseMs: 30_000 },
    { what: 'finish', key: '1', token: first, result: '' },
    { what: 'begin', key: '2', fingerprint: '', token: second, leaseMs: 30_000 },
    { what: 'abandon', key: '2', token: second }
  ])
})

dedupe('has another token for each message, and for each process', async () => {
  const { calls, store } = answering()
  const here = over(store, virtualClock({ random: () => 0.25 }))
  const there = over(store, virtualClock({ random: () => 0.75 }))
  const later = over(store, virtualClock({ random: () => 0.25, startAt: 1 }))
  for (const processor of [here, there, later]) {
    await processor(sent('1'))()
    await processor(sent('2'))()
  }
  const tokens = calls.filter(({ what }) => what === 'begin').map(({ token }) => token)
  assert.is(new Set(tokens).size, 6, tokens.join(' '))
})

/** A store that hangs where it is asked this. */
const hangingIn = (what: 'begin' | 'finish') => {
  const { store } = answering()
  return { ...store, [what]: () => () => new Promise<never>(() => undefined) }
}

dedupe('nacks once its lease is over what a store hangs on, and handles nothing', async () => {
  const clock = virtualClock()
  let handled = 0
  const processor = over(
    hangingIn('begin'),
    clock,
    async () => {
      handled += 1
      return ack
    },
    { leaseMs: 3_000 }
  )
  const outcome = processor(sent('1'))()
  await clock.advance(3_000)
  const reason = 'the store of what was done does not answer: no answer within 3000 ms'
  assert.equal([await outcome, handled], [nack({ reason, afterMs: 1_000 }), 0])
})

dedupe('answers for what was handled though a store hangs where it is to be marked', async () => {
  const clock = virtualClock()
  const outcome = over(hangingIn('finish'), clock, undefined, { leaseMs: 3_000 })(sent('1'))()
  await clock.advance(3_000)
  assert.equal(await outcome, ack)
})

dedupe('renews what takes long, and not what is done', async () => {
  const { calls, store } = answering()
  const clock = virtualClock()
  const slow = () => new Promise<Verdict>((resolve) => void clock.after(2_500, () => resolve(ack)))
  const outcome = over(store, clock, slow, { leaseMs: 3_000 })(sent('1'))()
  await clock.advance(1_000)
  await clock.advance(1_000)
  await clock.advance(500)
  assert.equal(await outcome, ack)
  await clock.advance(60_000)
  assert.equal(
    calls.map(({ what }) => what),
    ['begin', 'renew', 'renew', 'finish']
  )
  assert.equal(
    calls.map(({ leaseMs }) => leaseMs),
    [3_000, 3_000, 3_000, undefined]
  )
})

const elsewhere = 'it is being handled elsewhere'

dedupe(
  'gives back what is handled elsewhere, for as long as that is held, and a second at most',
  async () => {
    const asked = async (state: IdempotencyState) => over(answering(state).store, virtualClock())(sent('1'))()
    assert.equal(await asked({ _tag: 'InFlight', leftMs: 400 }), nack({ reason: elsewhere, afterMs: 400 }))
    assert.equal(
      await asked({ _tag: 'InFlight', leftMs: 9_000 }),
      nack({ reason: elsewhere, afterMs: 1_000 })
    )
  }
)

dedupe(
  'gives back what was delivered before until its lease elsewhere ends, at most as long as its own',
  async () => {
    const asked = async (leftMs: number, fields: MessageFields) =>
      over(answering({ _tag: 'InFlight', leftMs }).store, virtualClock())(sent('1', fields))()
    const again = { deliveryCount: 2 }
    assert.equal(await asked(9_000, again), nack({ reason: elsewhere, afterMs: 9_000 }))
    assert.equal(await asked(90_000, again), nack({ reason: elsewhere, afterMs: 30_000 }))
  }
)

dedupe(
  'asks later and later for what the store does not answer, so that waiting uses up few deliveries',
  async () => {
    const silent: IdempotencyStore = {
      ...answering().store,
      begin: () => async () => left({ reason: 'gone' })
    }
    const reason = 'the store of what was done does not answer: gone'
    for (const [deliveryCount, afterMs] of [
      [1, 1_000],
      [2, 2_000],
      [5, 16_000],
      [7, 60_000],
      [5_000, 60_000]
    ] as const)
      assert.equal(
        await over(silent, virtualClock())(sent('1', { deliveryCount }))(),
        nack({ reason, afterMs })
      )
  }
)

dedupe('lets a message be handled that was in flight elsewhere when its process died', async () => {
  const clock = virtualClock()
  const store = memoryIdempotency({ clock })
  await store.begin({ key: '1', fingerprint: '', token: 'dead', leaseMs: 30_000 })()
  const limited = pipe(receive(bytes), handle(otherwise(async () => ack)), withMaxDeliveries(5))
  const processor = withDedupe(store, ({ id }) => id, clock, {})(limited)
  const run = consume(memory([sent('1', { deliveryCount: 2 })], { clock }), { onFailed: 'stop', clock })
  const report = await clock.finish(run(processor)(new AbortController().signal)())
  assert.equal([report.acked, report.nacked, report.ended], [1, 1, { _tag: 'Drained' }])
})

dedupe('fails where its key stands for other work, as that does not change by itself', async () => {
  const words = 'its key stands for other work in this store: give withDedupe a store, or keys, of its own'
  for (const redelivers of [true, false]) {
    const outcome = await over(
      answering({ _tag: 'Mismatch' }).store,
      virtualClock()
    )(sent('1', { redelivers }))()
    assert.is(outcome._tag, 'Failed')
    assert.match(JSON.stringify(outcome), words)
  }
})

dedupe('waits a second for what is held for no time that there is', async () => {
  for (const leftMs of [undefined, Number.NaN]) {
    const { store } = answering({ _tag: 'InFlight', leftMs: leftMs as number })
    assert.equal(await over(store, virtualClock())(sent('1'))(), nack({ reason: elsewhere, afterMs: 1_000 }))
  }
})

dedupe('waits as long where the source could not bring it back', async () => {
  const { calls, store } = answering(
    { _tag: 'InFlight', leftMs: 400 },
    { _tag: 'InFlight', leftMs: 9_000 },
    { _tag: 'Begun' }
  )
  const clock = virtualClock()
  const outcome = over(store, clock)(sent('1', { redelivers: false }))()
  await turn()
  assert.equal(clock.waiting(), [400])
  await clock.advance(400)
  assert.equal(clock.waiting(), [1_000])
  await clock.advance(1_000)
  assert.equal(await outcome, ack)
  const tokens = calls.map(({ what, token }) => `${String(what)} ${token === calls[0]?.['token']}`)
  assert.equal(tokens, ['begin true', 'begin true', 'begin true', 'finish true'])
})

dedupe('stands by what was done where that cannot be marked', async () => {
  const { store } = answering()
  const forgetful: IdempotencyStore = { ...store, finish: () => async () => left({ reason: 'gone' }) }
  assert.equal(await over(forgetful, virtualClock())(sent('1'))(), ack)
})

dedupe('keeps a key here no longer than its message', async () => {
  const clock = virtualClock()
  let calls = 0
  const processor = over(memoryIdempotency({ clock }), clock, async () => {
    calls += 1
    return calls === 1 ? nack() : ack
  })
  assert.equal([await processor(sent('1'))(), await processor(sent('1'))(), calls], [nack(), ack, 2])
})

dedupe('refuses a lease that makes no sense', () => {
  const { store } = answering()
  for (const leaseMs of [0, -1, 2 ** 31, Infinity, Number.NaN])
    assert.throws(
      () => over(store, virtualClock(), undefined, { leaseMs }),
      (error: unknown) => error instanceof RangeError && /leaseMs/.test(error.message),
      String(leaseMs)
    )
})

dedupe.run()
