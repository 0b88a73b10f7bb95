import * as fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { timedOut } from '../../lib/core/failure.js'
import { none, some } from '../../lib/core/result.js'
import {
  type RetryPolicy,
  type RetryStatus,
  bothPolicies,
  capDelay,
  constantDelay,
  exponentialBackoff,
  exponentialDelay,
  fullJitter,
  limitAttempts,
  limitTime
} from '../../lib/combinators/retry-policy.js'

const first: RetryStatus = {
  iterNumber: 0,
  cumulativeDelay: 0,
  previousDelay: none,
  elapsedMs: 0,
  failure: timedOut(5),
  random: 0.5
}

const delaysOf = (policy: RetryPolicy, times: number, fields: Partial<RetryStatus> = {}) =>
  Array.from({ length: times }, (_, iterNumber) => policy({ ...first, ...fields, iterNumber }))

const aStatus: fc.Arbitrary<RetryStatus> = fc.record({
  iterNumber: fc.nat(2_000),
  cumulativeDelay: fc.nat(100_000),
  previousDelay: fc.option(fc.nat(1_000)).map((delay) => (delay === null ? none : some(delay))),
  elapsedMs: fc.nat(100_000),
  failure: fc.constant(timedOut(5)),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
})

/** Any policy that can be made of ours. */
const { policy: aPolicy } = fc.letrec<{ readonly policy: RetryPolicy }>((tie) => ({
  policy: fc.oneof(
    { depthSize: 'small' },
    fc.nat(10_000).map(constantDelay),
    fc.nat(10_000).map(exponentialDelay),
    tie('policy').map(fullJitter),
    fc.tuple(fc.nat(10_000), tie('policy')).map(([max, policy]) => capDelay(max)(policy)),
    fc.tuple(fc.integer({ min: 1, max: 20 }), tie('policy')).map(([n, policy]) => limitAttempts(n)(policy)),
    fc.tuple(fc.nat(100_000), tie('policy')).map(([max, policy]) => limitTime(max)(policy)),
    fc.tuple(tie('policy'), tie('policy')).map(([one, other]) => bothPolicies(one, other))
  )
}))

const refuses = (make: (value: number) => unknown, bad: readonly number[]) => {
  for (const value of bad)
    assert.throws(
      () => make(value),
      (error: unknown) => error instanceof RangeError,
      String(value)
    )
}
const noDurations = [-1, NaN, Infinity]
const noCounts = [0, -1, 1.5, NaN, Infinity]

const constant = suite('constantDelay')

constant('is the same each time', () => {
  assert.equal(delaysOf(constantDelay(70), 3), [some(70), some(70), some(70)])
})

constant('refuses what is no time', () => refuses(constantDelay, noDurations))

constant.run()

const exponential = suite('exponentialDelay')

exponential('doubles', () => {
  assert.equal(delaysOf(exponentialDelay(100), 4), [some(100), some(200), some(400), some(800)])
})

exponential('is never infinite', () => {
  const [delay] = delaysOf(exponentialDelay(1), 5_000).slice(-1)
  assert.ok(delay?._tag === 'Some' && Number.isFinite(delay.value))
})

exponential('refuses what is no time', () => refuses(exponentialDelay, noDurations))

exponential.run()

const backoff = suite('exponentialBackoff')

backoff('doubles up to the longest delay, and gives up after the attempts', () => {
  const policy = exponentialBackoff({ baseMs: 100, maxDelayMs: 1_000, attempts: 7 })
  assert.equal(delaysOf(policy, 8), [
    some(50),
    some(100),
    some(200),
    some(400),
    some(500),
    some(500),
    none,
    none
  ])
})

backoff('draws each delay from nothing to its full length', () =>
  fc.assert(
    fc.property(
      fc.record({
        baseMs: fc.nat(10_000),
        more: fc.nat(100_000),
        attempts: fc.integer({ min: 1, max: 5_000 })
      }),
      aStatus,
      ({ baseMs, more, attempts }, status) => {
        const maxDelayMs = baseMs + more
        const policy = exponentialBackoff({ baseMs, maxDelayMs, attempts: attempts + 1 })
        const delay = policy({ ...status, iterNumber: attempts - 1 })
        const longest = baseMs === 0 ? 0 : Math.min(maxDelayMs, baseMs * 2 ** (attempts - 1))
        assert.equal(delay, some(longest * status.random))
      }
    ),
    { examples: [[{ baseMs: 0, more: 0, attempts: 2_000 }, first]] }
  )
)

backoff('refuses numbers that make no sense', () => {
  const good = { baseMs: 1, maxDelayMs: 1, attempts: 1 }
  refuses((baseMs) => exponentialBackoff({ ...good, baseMs }), [...noDurations, 2])
  refuses((maxDelayMs) => exponentialBackoff({ ...good, maxDelayMs }), [NaN, Infinity, 0])
  refuses((attempts) => exponentialBackoff({ ...good, attempts }), noCounts)
  exponentialBackoff(good)
})

backoff.run()

const jitter = suite('fullJitter')

jitter('draws a delay from 0 to what it would have been, without that', () =>
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), aStatus, (delayMs, status) => {
      const delay = fullJitter(constantDelay(delayMs))(status)
      assert.ok(delay._tag === 'Some' && delay.value >= 0 && delay.value < delayMs)
      assert.equal(delay, some(delayMs * status.random))
    })
  )
)

jitter('ends nothing, and goes on with nothing', () =>
  fc.assert(
    fc.property(aPolicy, aStatus, (policy, status) =>
      assert.is(fullJitter(policy)(status)._tag, policy(status)._tag)
    )
  )
)

jitter.run()

const capping = suite('capDelay')

capping('changes only what is longer, and ends nothing', () =>
  fc.assert(
    fc.property(aPolicy, fc.nat(20_000), aStatus, (policy, maxMs, status) => {
      const delay = policy(status)
      assert.equal(
        capDelay(maxMs)(policy)(status),
        delay._tag === 'None' ? none : some(Math.min(delay.value, maxMs))
      )
    })
  )
)

capping('refuses what is no time', () => refuses(capDelay, noDurations))

capping.run()

const limiting = suite('limitAttempts')

limiting('lets the policy speak until the attempts are made', () =>
  fc.assert(
    fc.property(aPolicy, fc.integer({ min: 1, max: 50 }), aStatus, (policy, attempts, status) =>
      assert.equal(
        limitAttempts(attempts)(policy)(status),
        status.iterNumber + 1 < attempts ? policy(status) : none
      )
    )
  )
)

limiting('refuses what is no count', () => refuses(limitAttempts, noCounts))

limiting.run()

const timing = suite('limitTime')

timing('lets no attempt begin after the time', () =>
  fc.assert(
    fc.property(aPolicy, fc.nat(200_000), aStatus, (policy, maxMs, status) => {
      const delay = policy(status)
      const isInTime = delay._tag === 'Some' && status.elapsedMs + delay.value <= maxMs
      assert.equal(limitTime(maxMs)(policy)(status), isInTime ? delay : none)
    })
  )
)

timing('refuses what is no time', () => refuses(limitTime, noDurations))

timing.run()

const agreeing = suite('bothPolicies')

const isSame = (one: RetryPolicy, other: RetryPolicy, status: RetryStatus) =>
  assert.equal(one(status), other(status))

agreeing('is associative', () =>
  fc.assert(
    fc.property(aPolicy, aPolicy, aPolicy, aStatus, (a, b, c, status) =>
      isSame(bothPolicies(a, bothPolicies(b, c)), bothPolicies(bothPolicies(a, b), c), status)
    )
  )
)

agreeing('is commutative', () =>
  fc.assert(
    fc.property(aPolicy, aPolicy, aStatus, (a, b, status) =>
      isSame(bothPolicies(a, b), bothPolicies(b, a), status)
    )
  )
)

agreeing('is idempotent, and not changed by a delay of 0', () =>
  fc.assert(
    fc.property(aPolicy, aStatus, (policy, status) => {
      isSame(bothPolicies(policy, policy), policy, status)
      isSame(bothPolicies(policy, constantDelay(0)), policy, status)
      isSame(bothPolicies(constantDelay(0), policy), policy, status)
    })
  )
)

agreeing('takes the later delay; either may end it', () =>
  fc.assert(
    fc.property(aPolicy, aPolicy, aStatus, (one, other, status) => {
      const [a, b] = [one(status), other(status)]
      assert.equal(
        bothPolicies(one, other)(status),
        a._tag === 'Some' && b._tag === 'Some' ? some(Math.max(a.value, b.value)) : none
      )
    })
  )
)

agreeing('lets a limit be shared', () => {
  const policy = bothPolicies(pipe(constantDelay(50), limitAttempts(3)), exponentialDelay(20))
  assert.equal(delaysOf(policy, 4), [some(50), some(50), none, none])
})

agreeing.run()
