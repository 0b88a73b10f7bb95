/** What policies of retry-ts are to ours, and where retries may stand: the type checker is the test. */
import { pipe } from 'fp-ts/lib/function.js'
import { none } from 'fp-ts/lib/Option.js'
import {
  type Failure,
  type Processor,
  type RetryPolicy,
  type RetryStatus,
  bothPolicies,
  capDelay,
  constantDelay,
  exponentialBackoff,
  failed,
  fullJitter,
  handle,
  limitTime,
  message,
  otherwise,
  receive,
  text,
  timedOut,
  withDlq,
  withRetry,
  withTimeout
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import * as theirs from 'retry-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { virtualClock } from '../support/clock.js'

const policies: Readonly<Record<string, RetryPolicy>> = {
  constantDelay: theirs.constantDelay(30),
  exponentialBackoff: theirs.exponentialBackoff(10),
  limitRetries: theirs.limitRetries(2),
  limitRetriesByDelay: theirs.limitRetriesByDelay(100, theirs.exponentialBackoff(30)),
  capDelay: theirs.capDelay(20, theirs.constantDelay(30)),
  concat: theirs.Monoid.concat(theirs.exponentialBackoff(10), theirs.limitRetries(3)),
  empty: theirs.Monoid.empty,
  combined: bothPolicies(
    pipe(theirs.exponentialBackoff(10), fullJitter, capDelay(500), limitTime(1_000)),
    theirs.limitRetries(4)
  )
}

/** What a policy of ours gets is what a policy of theirs asks for. */
const status = (given: RetryStatus): theirs.RetryStatus => given

const shipping: Processor = pipe(receive(text), handle(otherwise(async () => failed(timedOut(5)))))

/** These must not compile. */
const mistakes = {
  afterQueue: () =>
    pipe(
      shipping,
      // @ts-expect-error nothing is left to try again
      withDlq(memoryDlq()),
      withRetry(constantDelay(1))
    ),
  afterQueueWithOptions: () =>
    pipe(
      shipping,
      // @ts-expect-error nothing is left to try again
      withDlq(memoryDlq()),
      withRetry(constantDelay(1), { when: () => true, maxWaitMs: 1_000 })
    ),
  clockAsOptions: () =>
    withRetry(
      constantDelay(1),
      // @ts-expect-error a clock is an option
      virtualClock()
    ),
  whenOfThePolicy: () =>
    exponentialBackoff({
      baseMs: 1,
      maxDelayMs: 1,
      attempts: 2,
      // @ts-expect-error which failures are tried again is an option of withRetry
      when: () => true
    }),
  delayWithoutOption: () =>
    withRetry(
      // @ts-expect-error a delay is an Option
      () => 100
    ),
  whenThatWaits: () =>
    withRetry(constantDelay(1), {
      // @ts-expect-error it is decided at once
      when: async () => true
    })
}

const types = suite('retry policies of retry-ts')

types('are policies of ours', () => {
  assert.equal(
    Object.values(policies).map((policy) => typeof policy),
    Object.keys(policies).map(() => 'function')
  )
  assert.is(typeof status, 'function')
})

types('are asked as retry-ts asks them', async () => {
  const expected: number[] = []
  const policy = theirs.Monoid.concat(theirs.exponentialBackoff(10), theirs.limitRetries(4))
  let last = theirs.applyPolicy(policy, theirs.defaultRetryStatus)
  while (last.previousDelay._tag === 'Some') {
    expected.push(last.cumulativeDelay)
    last = theirs.applyPolicy(policy, last)
  }
  const clock = virtualClock()
  const starts: number[] = []
  const failing: Processor = () => async () => {
    starts.push(clock.monotonic())
    return failed(timedOut(5))
  }
  const outcome = await clock.finish(withRetry(policy, { clock })(failing)(message(''))())
  assert.equal([outcome, starts], [failed(timedOut(5)), [0, ...expected]])
})

types('give what their own do, under ours', () => {
  const first: RetryStatus = {
    ...theirs.defaultRetryStatus,
    elapsedMs: 0,
    failure: timedOut(5),
    random: 0.5
  }
  const delays = [0, 1, 2, 3, 4].map((iterNumber) => policies.combined?.({ ...first, iterNumber }))
  assert.equal(delays, [...[5, 10, 20, 40].map((value) => ({ _tag: 'Some', value })), none])
})

types.run()

const order = suite('the order of withRetry')

order('is checked by the compiler, and options are inferred', () => {
  assert.is(Object.keys(mistakes).length, 6)
  const processor = pipe(
    shipping,
    withTimeout(500),
    withRetry(constantDelay(1), {
      when: (failure) => failure._tag === 'Rejected' && failure.code === 'busy'
    }),
    withRetry(constantDelay(1), { when: ({ _tag }: Failure) => _tag !== 'NoMatch' }),
    withDlq(memoryDlq())
  )
  assert.is(processor.settled, true)
})

order.run()
