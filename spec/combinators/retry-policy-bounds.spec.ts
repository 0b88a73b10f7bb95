import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { timedOut } from '../../lib/core/failure.js'
import { none, some } from '../../lib/core/result.js'
import {
  type RetryStatus,
  capDelay,
  constantDelay,
  exponentialBackoff,
  exponentialDelay,
  limitAttempts,
  limitTime
} from '../../lib/combinators/retry-policy.js'

const status = (fields: Partial<RetryStatus> = {}): RetryStatus => ({
  iterNumber: 0,
  cumulativeDelay: 0,
  previousDelay: none,
  elapsedMs: 0,
  failure: timedOut(1),
  random: 0.5,
  ...fields
})

const said = (make: () => unknown): string => {
  try {
    make()
    return 'nothing'
  } catch (error) {
    return error instanceof RangeError ? error.message : 'another error'
  }
}

const bounds = suite('bounds of policies')

bounds('are named with the policy that they are of', () => {
  const milliseconds = 'give milliseconds of at least 0'
  for (const ms of [-1, Infinity, Number.NaN]) {
    assert.is(
      said(() => constantDelay(ms)),
      `constantDelay: ${milliseconds}`
    )
    assert.is(
      said(() => exponentialDelay(ms)),
      `exponentialDelay: ${milliseconds}`
    )
    assert.is(
      said(() => capDelay(ms)),
      `capDelay: ${milliseconds}`
    )
    assert.is(
      said(() => limitTime(ms)),
      `limitTime: ${milliseconds}`
    )
  }
  for (const attempts of [0, -1, 1.5, Infinity, Number.NaN])
    assert.is(
      said(() => limitAttempts(attempts)),
      'limitAttempts: give a whole number of at least 1'
    )
})

bounds('of a backoff are kept together', () => {
  const backoff = (baseMs: number, maxDelayMs: number, attempts: number) =>
    said(() => exponentialBackoff({ baseMs, maxDelayMs, attempts }))
  const refused = 'exponentialBackoff: give 0 <= baseMs <= maxDelayMs, and whole attempts of at least 1'
  for (const [baseMs, maxDelayMs, attempts] of [
    [-1, 1, 1],
    [2, 1, 1],
    [1, Infinity, 1],
    [Number.NaN, 1, 1],
    [1, Number.NaN, 1],
    [1, 1, 0],
    [1, 1, 1.5]
  ] as const)
    assert.is(backoff(baseMs, maxDelayMs, attempts), refused)
  for (const [baseMs, maxDelayMs, attempts] of [
    [0, 0, 1],
    [1, 1, 1],
    [0, 5, 2]
  ] as const)
    assert.is(backoff(baseMs, maxDelayMs, attempts), 'nothing')
})

bounds('are within what they allow', () => {
  assert.equal(constantDelay(0)(status()), some(0))
  assert.equal(limitTime(100)(constantDelay(40))(status({ elapsedMs: 60 })), some(40))
  assert.equal(limitTime(100)(constantDelay(40))(status({ elapsedMs: 60.1 })), none)
  assert.equal(limitAttempts(2)(constantDelay(1))(status({ iterNumber: 0 })), some(1))
  assert.equal(limitAttempts(2)(constantDelay(1))(status({ iterNumber: 1 })), none)
})

bounds.run()
