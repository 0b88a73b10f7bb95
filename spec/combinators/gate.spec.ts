import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defect, hookFailed, rejected, timedOut } from '../../lib/core/failure.js'
import { circuitBreaker, rateLimit } from '../../lib/combinators/gate.js'
import { type Outcome, ack, deadLettered, failed, nack, released } from '../../lib/core/outcome.js'
import { turn, virtualClock } from '../support/clock.js'

const says = (pattern: RegExp) => (error: unknown) =>
  error instanceof RangeError && pattern.test(error.message)

// rateLimit

const limit = suite('rateLimit')

limit('lets a burst start at once, and then one message in each share of the time', async () => {
  const clock = virtualClock()
  const gate = rateLimit({ count: 4, perMs: 1_000, burst: 2 })(clock)
  const start = () => {
    assert.is(gate.closedMs(), 0)
    gate.onStart()
  }
  assert.is(gate.name, 'rateLimit')
  start()
  start()
  assert.is(gate.closedMs(), 250)
  await clock.advance(100)
  assert.is(gate.closedMs(), 150)
  await clock.advance(150)
  start()
  assert.is(gate.closedMs(), 250)
})

limit('saves no more than a burst while nothing starts', async () => {
  const clock = virtualClock()
  const gate = rateLimit({ count: 2, perMs: 100 })(clock)
  await clock.advance(10_000)
  assert.is(gate.closedMs(), 0)
  gate.onStart()
  assert.is(gate.closedMs(), 0)
  gate.onStart()
  assert.is(gate.closedMs(), 50)
})

limit('may start what a sum of fractions leaves a hair below a whole', async () => {
  const clock = virtualClock()
  const gate = rateLimit({ count: 3, perMs: 10, burst: 1 })(clock)
  gate.onStart()
  for (let step = 0; step < 10; step += 1) await clock.advance(1 / 3)
  assert.is(gate.closedMs(), 0)
})

limit('has a count of its own in each run, and asks nothing of outcomes', () => {
  const clock = virtualClock()
  const open = rateLimit({ count: 1, perMs: 1_000 })
  const [first, second] = [open(clock), open(clock)]
  first.onStart()
  first.onOutcome(failed(timedOut(1)))
  assert.equal([first.closedMs(), second.closedMs()], [1_000, 0])
})

limit('refuses numbers that make no sense', () => {
  for (const count of [0, -1, Infinity, Number.NaN])
    assert.throws(() => rateLimit({ count, perMs: 1 }), says(/count and perMs/))
  for (const perMs of [0, -1, Infinity, Number.NaN])
    assert.throws(() => rateLimit({ count: 1, perMs, burst: 1 }), says(/count and perMs/))
  for (const burst of [0, 0.5, Infinity, Number.NaN])
    assert.throws(() => rateLimit({ count: 1, perMs: 1, burst }), says(/burst/))
  assert.throws(() => rateLimit({ count: 0.5, perMs: 1 }), says(/burst, or count,/))
  assert.type(rateLimit({ count: 0.5, perMs: 1, burst: 1 }), 'function')
})

limit.run()

// circuitBreaker

const breaker = suite('circuitBreaker')

const down = failed(timedOut(100))

const opened = (options: Partial<Parameters<typeof circuitBreaker>[0]> = {}) => {
  const clock = virtualClock()
  const gate = circuitBreaker({ failures: 2, openMs: 1_000, ...options })(clock)
  const ran = (...outcomes: readonly Outcome[]): number => {
    for (const outcome of outcomes) {
      gate.onStart()
      gate.onOutcome(outcome)
    }
    return gate.closedMs()
  }
  return { clock, gate, ran }
}

breaker('opens once so many in a row have failed, and not before', () => {
  const { gate, ran } = opened()
  assert.is(gate.name, 'circuitBreaker')
  assert.equal([ran(down), ran(ack), ran(down)], [0, 0, 0])
  assert.is(ran(down), 1_000)
})

breaker('tries one after its time, and waits for what becomes of it', async () => {
  const { clock, gate, ran } = opened()
  ran(down, down)
  await clock.advance(400)
  assert.is(gate.closedMs(), 600)
  await clock.advance(600)
  assert.is(gate.closedMs(), 0)
  gate.onStart()
  assert.is(gate.closedMs(), Infinity)
  gate.onOutcome(ack)
  assert.is(gate.closedMs(), 0)
  assert.is(ran(down), 0)
  assert.is(ran(down), 1_000)
})

breaker('stays open for as long again if the trial fails', async () => {
  const { clock, ran } = opened()
  ran(down, down)
  await clock.advance(1_000)
  assert.is(ran(down), 1_000)
})

breaker('tries another where the trial says nothing of the service', async () => {
  const { clock, ran } = opened()
  ran(down, down)
  await clock.advance(1_000)
  assert.is(ran(failed(rejected('unknown-customer'))), 0)
  assert.is(ran(released('shutdown')), 0)
  assert.is(ran(ack), 0)
})

breaker('waits for the trial alone, whatever becomes of what was started before it opened', async () => {
  for (const outcome of [failed(rejected('no')), released('shutdown'), down, ack]) {
    const { clock, gate } = opened()
    const [first, second, third, fourth, trial] = [{}, {}, {}, {}, {}]
    for (const start of [first, second, third, fourth]) gate.onStart(start)
    gate.onOutcome(down, first)
    gate.onOutcome(down, second)
    await clock.advance(400)
    gate.onOutcome(outcome, third)
    assert.is(gate.closedMs(), 600, outcome._tag)
    await clock.advance(600)
    gate.onStart(trial)
    gate.onOutcome(outcome, fourth)
    assert.is(gate.closedMs(), Infinity, outcome._tag)
    gate.onOutcome(ack, trial)
    assert.is(gate.closedMs(), 0)
  }
})

breaker('counts what may be the fault of a service, stored or not, and nothing else', () => {
  const faults: readonly Outcome[] = [
    nack(),
    failed(defect('handler', 'gone')),
    failed(timedOut(1)),
    failed(hookFailed('db', 'acquire', 'gone')),
    deadLettered(defect('handler', 'gone')),
    deadLettered(timedOut(1))
  ]
  for (const outcome of faults) assert.is(opened().ran(outcome, outcome), 1_000, outcome._tag)
  const others: readonly Outcome[] = [
    failed(rejected('no')),
    deadLettered(rejected('no')),
    released('leaseLost')
  ]
  for (const outcome of others) {
    assert.is(opened().ran(outcome, outcome), 0, outcome._tag)
    // It does not break a row either.
    assert.is(opened().ran(down, outcome, down), 1_000, outcome._tag)
  }
})

breaker('counts what it is told to count', () => {
  const isFailure = (outcome: Outcome) => outcome._tag === 'Failed' && outcome.failure._tag === 'Rejected'
  const { ran } = opened({ isFailure, failures: 1 })
  assert.is(ran(down), 0)
  assert.is(ran(failed(rejected('busy'))), 1_000)
})

breaker('counts as it would unless told where what it is told throws, or gives no boolean', async () => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  const wrong: readonly (() => any)[] = [
    () => {
      throw new TypeError('nonsense')
    },
    async () => Promise.reject(new Error('late')),
    () => undefined
  ]
  for (const isFailure of wrong)
    for (const [outcome, closedMs] of [
      [down, 1_000],
      [failed(rejected('no')), 0]
    ] as const) {
      const { gate } = opened({ isFailure, failures: 1 })
      gate.onStart()
      assert.throws(
        () => gate.onOutcome(outcome),
        (error: unknown) => error instanceof TypeError
      )
      assert.is(gate.closedMs(), closedMs)
    }
  await turn()
  process.off('unhandledRejection', listen)
  assert.is(unhandled.length, 0)
})

breaker('refuses numbers that make no sense', () => {
  for (const failures of [0, -1, 1.5, Infinity, Number.NaN])
    assert.throws(() => opened({ failures }), says(/failures/))
  for (const openMs of [0, -1, Infinity, Number.NaN]) assert.throws(() => opened({ openMs }), says(/openMs/))
  assert.type(opened({ failures: 1 }).gate, 'object')
})

breaker.run()
