/** What holds of `withRetry` with any policy and any way to fail, on a clock that stands still. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../lib/core/clock.js'
import {
  type Failure,
  malformed,
  multipleMatches,
  noMatch,
  rejected,
  timedOut
} from '../../lib/core/failure.js'
import { withDlq } from '../../lib/core/dlq.js'
import { type Message, interruption, message } from '../../lib/core/message.js'
import { type Outcome, ack, deadLettered, failed, nack } from '../../lib/core/outcome.js'
import type { Processor } from '../../lib/core/processor.js'
import { none, some } from '../../lib/core/result.js'
import { withRetry } from '../../lib/combinators/retry.js'
import {
  type RetryPolicy,
  bothPolicies,
  capDelay,
  constantDelay,
  exponentialBackoff,
  exponentialDelay,
  fullJitter,
  limitAttempts,
  limitTime
} from '../../lib/combinators/retry-policy.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { type VirtualClock, turn, virtualClock } from '../support/clock.js'

fc.configureGlobal({ includeErrorInReport: true })

interface Deed {
  readonly takesMs: number
  readonly outcome: Outcome
}

const transient = fc.nat(5).map((ms) => timedOut(ms))
const wantedOrNot: fc.Arbitrary<Failure> = fc.oneof(
  { weight: 5, arbitrary: transient },
  { weight: 1, arbitrary: fc.constant(rejected('late')) }
)

/** Ways to fail, and then another end. */
const someDeeds: fc.Arbitrary<readonly Deed[]> = fc
  .tuple(
    fc.array(fc.record({ takesMs: fc.nat(500), outcome: wantedOrNot.map(failed) }), { maxLength: 8 }),
    fc.record({
      takesMs: fc.nat(500),
      outcome: fc.constantFrom<Outcome>(ack, nack(), failed(noMatch()), failed(timedOut(9)))
    })
  )
  .map(([deeds, last]) => [...deeds, last])

/** Delays one after the other, and then no more. */
const tableOf =
  (delays: readonly number[]): RetryPolicy =>
  ({ iterNumber }) => {
    const delay = delays[iterNumber]
    return delay === undefined ? none : some(delay)
  }
const someDelays = fc.array(fc.oneof(fc.nat(100), fc.nat(100_000)), { maxLength: 8 })

/** A policy that ends. */
const aPolicy: fc.Arbitrary<RetryPolicy> = fc
  .tuple(
    fc.oneof(
      someDelays.map(tableOf),
      fc.nat(5_000).map(constantDelay),
      fc.nat(5_000).map(exponentialDelay),
      fc.nat(5_000).map((baseMs) => fullJitter(capDelay(20_000)(exponentialDelay(baseMs))))
    ),
    fc.integer({ min: 1, max: 8 }),
    fc.option(fc.nat(100_000))
  )
  .map(([policy, attempts, maxMs]) => {
    const limited = limitAttempts(attempts)(policy)
    return maxMs === null ? limited : limitTime(maxMs)(limited)
  })

const draws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
  minLength: 1,
  maxLength: 20
})

const drawing = (values: readonly number[]): VirtualClock => {
  let drawn = 0
  return { ...virtualClock(), random: () => values[drawn++ % values.length] as number }
}

interface Seen {
  readonly startedAt: number
  endedAt: number
  readonly outcome: Outcome
}

/** Does one deed after the other, the last of them for ever, and notes when. */
const doing = (
  deeds: readonly Deed[],
  clock: Clock
): { readonly processor: Processor; readonly seen: Seen[] } => {
  const seen: Seen[] = []
  const processor: Processor = () => async () => {
    const { takesMs, outcome } = deeds[Math.min(seen.length, deeds.length - 1)] as Deed
    const noted: Seen = { startedAt: clock.monotonic(), endedAt: NaN, outcome }
    seen.push(noted)
    if (takesMs > 0) await new Promise<void>((resolve) => void clock.after(takesMs, resolve))
    noted.endedAt = clock.monotonic()
    return outcome
  }
  return { processor, seen }
}

/** The same policy, which notes what it says. */
const noting = (policy: RetryPolicy) => {
  const said: (number | undefined)[] = []
  const noted: RetryPolicy = (status) => {
    const delay = policy(status)
    said.push(delay._tag === 'Some' ? delay.value : undefined)
    return delay
  }
  return { policy: noted, said }
}

const isWanted = (outcome: Outcome) => outcome._tag === 'Failed' && outcome.failure._tag === 'TimedOut'

const laws = suite('withRetry, whatever the policy and the failures')

const unlimited = { maxWaitMs: Infinity }

laws('waits as long as the policy says, and gives the outcome of the last attempt', () =>
  fc.assert(
    fc.asyncProperty(aPolicy, someDeeds, draws, async (given, deeds, values) => {
      const clock = drawing(values)
      const { policy, said } = noting(given)
      const { processor, seen } = doing(deeds, clock)
      const outcome = await clock.finish(
        withRetry(policy, clock, unlimited)(processor)(message(''))(),
        2 ** 31
      )
      const waited = seen.slice(1).map(({ startedAt }, index) => startedAt - (seen[index]?.endedAt ?? NaN))
      const delays = said.flatMap((delay) => (delay === undefined ? [] : [delay]))
      assert.is(waited.length, delays.length)
      waited.forEach((ms, index) => assert.ok(Math.abs(ms - (delays[index] ?? NaN)) < 0.001))
      assert.equal(outcome, seen.at(-1)?.outcome)
      // Each but the last failed in a way that is tried again, and the policy was asked about no other.
      assert.ok(seen.slice(0, -1).every((one) => isWanted(one.outcome)))
      assert.is(said.length, seen.filter((one) => isWanted(one.outcome)).length)
      assert.ok(!isWanted(outcome) || said.at(-1) === undefined)
    })
  )
)

laws('has every attempt in the letter, with its times', () =>
  fc.assert(
    fc.asyncProperty(aPolicy, someDeeds, draws, async (policy, deeds, values) => {
      const clock = drawing(values)
      const began = clock.now()
      const queue = memoryDlq()
      const { processor, seen } = doing(deeds, clock)
      const whole = withDlq(queue, clock)(withRetry(policy, clock, unlimited)(processor))
      const outcome = await clock.finish(whole(message(''))(), 2 ** 31)
      const [letter] = queue.letters()
      assert.is(letter !== undefined, outcome._tag === 'DeadLettered')
      const attempts = letter?.attempts ?? []
      if (letter !== undefined) assert.equal(outcome, deadLettered(letter.failure))
      attempts.forEach(({ startedAt, durationMs, failure }, index) => {
        const one = seen[index]
        assert.equal(failed(failure), one?.outcome)
        // Jitter makes parts of milliseconds.
        assert.ok(Math.abs(startedAt - began - (one?.startedAt ?? NaN)) <= 1)
        assert.ok(Math.abs(durationMs - ((one?.endedAt ?? NaN) - (one?.startedAt ?? NaN))) <= 1)
      })
      assert.ok(letter === undefined || attempts.length === seen.length)
    })
  )
)

laws('starts nothing once it is interrupted, and answers at once', () =>
  fc.assert(
    fc.asyncProperty(
      aPolicy,
      someDeeds,
      fc.oneof(fc.nat(2_000), fc.nat(100_000)),
      fc.constantFrom('shutdown' as const, 'leaseLost' as const),
      async (policy, deeds, atMs, reason) => {
        const clock = virtualClock()
        const controller = new AbortController()
        const { processor, seen } = doing(deeds, clock)
        let settledAt: number | undefined
        const running = withRetry(policy, clock, unlimited)(processor)(
          message('', { signal: controller.signal })
        )()
        const settled = running.then((outcome) => {
          settledAt = clock.monotonic()
          return outcome
        })
        await clock.advance(atMs)
        const starts = seen.length
        const wasSettled = settledAt !== undefined
        const isRunning = Number.isNaN(seen.at(-1)?.endedAt)
        controller.abort(interruption(reason))
        await turn()
        if (!isRunning) assert.ok(settledAt !== undefined && settledAt <= atMs)
        const outcome = await clock.finish(settled, 2 ** 31)
        await clock.advance(1_000_000)
        assert.is(seen.length, starts)
        if (!wasSettled && outcome._tag !== 'Acked') assert.equal(outcome, { _tag: 'Released', reason })
      }
    )
  )
)

laws('starts nothing after the time of limitTime', () =>
  fc.assert(
    fc.asyncProperty(someDelays, fc.nat(100_000), someDeeds, async (delays, maxMs, deeds) => {
      const clock = virtualClock()
      const { processor, seen } = doing(deeds, clock)
      const policy = limitTime(maxMs)(bothPolicies(tableOf(delays), constantDelay(50)))
      await clock.finish(withRetry(policy, clock, unlimited)(processor)(message(''))(), 2 ** 31)
      assert.ok(seen.every(({ startedAt }) => startedAt <= maxMs))
    })
  )
)

laws('makes one attempt of what no route takes, several take, or cannot be read', () =>
  fc.assert(
    fc.asyncProperty(
      aPolicy,
      fc.constantFrom<Failure>(noMatch(), multipleMatches(['a', 'b']), malformed([]), rejected('late')),
      async (policy, failure) => {
        const clock = virtualClock()
        const { processor, seen } = doing([{ takesMs: 1, outcome: failed(failure) }], clock)
        const outcome = await clock.finish(withRetry(policy, clock)(processor)(message(''))())
        assert.equal([outcome, seen.length], [failed(failure), 1])
      }
    )
  )
)

laws.run()

const redelivered = suite('withRetry across deliveries')

/** Brings it back as a source would, and gives the delays between attempts, in place or not. */
const deliver = async (
  processor: (clock: Clock) => Processor,
  clock: VirtualClock,
  most: number
): Promise<{ readonly outcome: Outcome; readonly deliveries: number; readonly waits: readonly number[] }> => {
  const waits: number[] = []
  for (let deliveryCount = 1; ; deliveryCount += 1) {
    assert.ok(deliveryCount <= most, `${deliveryCount} deliveries`)
    let last: number | undefined
    const waiting: Clock = {
      ...clock,
      after: (ms, call) => {
        last = ms
        waits.push(ms)
        return clock.after(ms, call)
      }
    }
    const given: Message = message('', { deliveryCount })
    const outcome = await clock.finish(processor(waiting)(given)(), 2 ** 31)
    assert.ok(last === undefined || last <= 1_000)
    if (outcome._tag !== 'Nacked') return { outcome, deliveries: deliveryCount, waits }
    waits.push(outcome.afterMs ?? NaN)
  }
}

const failing: Processor = () => async () => failed(timedOut(5))
const options = { maxWaitMs: 1_000 }

redelivered('has the delays of the policy, each once and in their order', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.nat(2_000), { maxLength: 12 }), async (delays) => {
      const clock = virtualClock()
      const { outcome, deliveries, waits } = await deliver(
        (waiting) => withRetry(tableOf(delays), waiting, options)(failing),
        clock,
        delays.length + 1
      )
      assert.equal([outcome, waits], [failed(timedOut(5)), delays])
      assert.is(deliveries, 1 + delays.filter((delay) => delay > 1_000).length)
    })
  )
)

redelivered('ends, with as many deliveries as attempts at most, also where chance draws the delays', () =>
  fc.assert(
    fc.asyncProperty(
      fc.nat(5_000),
      fc.nat(20_000),
      fc.integer({ min: 1, max: 12 }),
      draws,
      async (baseMs, more, attempts, values) => {
        const policy = exponentialBackoff({ baseMs, maxDelayMs: baseMs + more, attempts })
        const { outcome } = await deliver(
          (waiting) => withRetry(policy, waiting, options)(failing),
          drawing(values),
          attempts
        )
        assert.equal(outcome, failed(timedOut(5)))
      }
    )
  )
)

redelivered('ends after the time of limitTime, without any limit of attempts', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 500, max: 5_000 }),
      fc.nat(30_000),
      fc.boolean(),
      draws,
      async (delayMs, maxMs, isDrawn, values) => {
        const delays = constantDelay(delayMs)
        const policy = limitTime(maxMs)(isDrawn ? fullJitter(delays) : delays)
        const { outcome, waits } = await deliver(
          (waiting) => withRetry(policy, waiting, options)(failing),
          drawing(values.map((value) => 0.5 + value / 2)),
          Math.floor(maxMs / 500) + 1
        )
        assert.equal(outcome, failed(timedOut(5)))
        assert.ok(isDrawn || waits.reduce((sum, ms) => sum + ms, 0) <= maxMs)
      }
    )
  )
)

redelivered('ends what is given up as hanging', () =>
  fc.assert(
    fc.asyncProperty(someDelays, async (delays) => {
      const hanging: Processor = () => async () => failed(timedOut(5, true))
      const { outcome, waits } = await deliver(
        (waiting) => withRetry(tableOf(delays), waiting, options)(hanging),
        virtualClock(),
        delays.length + 1
      )
      assert.equal([outcome, waits], [failed(timedOut(5, true)), delays])
    })
  )
)

redelivered.run()
