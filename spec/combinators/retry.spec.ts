import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type RetryPolicy, constantDelay, exponentialBackoff } from '../../lib/combinators/retry-policy.js'
import { type RetryOptions, isTransient, withRetry as retry } from '../../lib/combinators/retry.js'
import { withTimeout } from '../../lib/combinators/timeout.js'
import type { Clock } from '../../lib/core/clock.js'
import {
  type Failure,
  defect,
  dlqUnavailable,
  hookFailed,
  malformed,
  multipleMatches,
  noMatch,
  rejected,
  timedOut,
  tooManyDeliveries
} from '../../lib/core/failure.js'
import { text } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { StoredLetter } from '../../lib/core/letter.js'
import { type MessageFields, interruption, message } from '../../lib/core/message.js'
import { type Outcome, ack, deadLettered, failed, nack, released } from '../../lib/core/outcome.js'
import { hook, receive } from '../../lib/core/pipeline.js'
import { type Processor, combinator } from '../../lib/core/processor.js'
import { none, some } from '../../lib/core/result.js'
import { renderFailure } from '../../lib/failures/render.js'
import { otherwise } from '../../lib/matchers/route.js'
import { type VirtualClock, turn, virtualClock } from '../support/clock.js'

const boom = new Error('boom')
const late = rejected('late')

const transient = suite('isTransient')

transient('says which failures another attempt may not meet', () => {
  const failures: readonly Failure[] = [
    defect('here', boom),
    hookFailed('tx', 'acquire', boom),
    timedOut(5),
    late,
    noMatch(),
    multipleMatches([]),
    malformed([]),
    tooManyDeliveries(5),
    dlqUnavailable('full', late)
  ]
  const tags = failures.filter(isTransient).map(({ _tag }) => _tag)
  assert.equal(tags, ['Defect', 'HookFailed', 'TimedOut'])
})

transient.run()

const passing = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve))

/** Gives these outcomes one after the other, and the last one for ever. */
const giving = (...outcomes: readonly Outcome[]): Processor & { readonly calls: () => number } => {
  let calls = 0
  const processor: Processor = () => async () => {
    calls += 1
    return outcomes[Math.min(calls, outcomes.length) - 1] as Outcome
  }
  return Object.assign(processor, { calls: () => calls })
}

/** Tries again after each of these delays. */
const after =
  (...delays: readonly number[]): RetryPolicy =>
  ({ iterNumber }) => {
    const delay = delays[iterNumber]
    return delay === undefined ? none : some(delay)
  }

/** Whatever failed, and however long it takes, unless a spec says something else. */
const withRetry = (policy: RetryPolicy, clock: Clock, options: RetryOptions = {}) =>
  retry(policy, clock, { when: () => true, maxWaitMs: Infinity, ...options })

const retrying = suite('withRetry')

retrying('does not try again what succeeded', async () => {
  const clock = virtualClock()
  for (const outcome of [ack, nack({ afterMs: 5 }), deadLettered(late), released('shutdown')]) {
    const processor = giving(outcome)
    assert.equal(await withRetry(after(1, 1), clock)(processor)(message(''))(), outcome)
    assert.is(processor.calls(), 1)
  }
})

retrying('tries again what failed, after the delays of the policy, until it succeeds', async () => {
  const clock = virtualClock()
  const startedAt = clock.monotonic()
  const starts: number[] = []
  const inner = giving(failed(late), failed(timedOut(5)), ack)
  const noting: Processor = (message) => () => {
    starts.push(clock.monotonic() - startedAt)
    return inner(message)()
  }
  const outcome = await clock.finish(withRetry(after(100, 250, 1_000), clock)(noting)(message(''))())
  assert.equal([outcome, starts], [ack, [0, 100, 350]])
})

retrying('gives the last failure when the policy gives up', async () => {
  const clock = virtualClock()
  const inner = giving(failed(late), failed(timedOut(5)), failed(rejected('last')), ack)
  const outcome = await clock.finish(withRetry(after(1, 1), clock)(inner)(message(''))())
  assert.equal([outcome, inner.calls()], [failed(rejected('last')), 3])
})

retrying('tells the policy what was, what is, and a draw', async () => {
  const clock: VirtualClock = { ...virtualClock(), random: () => 0.25 }
  const asked: unknown[] = []
  const policy: RetryPolicy = (status) => {
    asked.push(status)
    return asked.length < 3 ? some(asked.length * 100) : none
  }
  const inner = giving(failed(late), failed(timedOut(5)))
  const slow: Processor = (message) => async () => {
    await passing(clock, 7)
    return inner(message)()
  }
  await clock.finish(withRetry(policy, clock)(slow)(message(''))())
  const random = 0.25
  assert.equal(asked, [
    { iterNumber: 0, cumulativeDelay: 0, previousDelay: none, elapsedMs: 7, failure: late, random },
    {
      iterNumber: 1,
      cumulativeDelay: 100,
      previousDelay: some(100),
      elapsedMs: 114,
      failure: timedOut(5),
      random
    },
    {
      iterNumber: 2,
      cumulativeDelay: 300,
      previousDelay: some(200),
      elapsedMs: 321,
      failure: timedOut(5),
      random
    }
  ])
})

retrying('notes the attempts that were tried again in the delivery record', async () => {
  const clock = virtualClock()
  const begun = clock.now()
  const slow: Processor = () => async () => {
    await passing(clock, 30)
    return failed(late)
  }
  const delivered = message('')
  await clock.finish(withRetry(after(100, 200), clock)(slow)(delivered)())
  assert.equal(delivered.trace.attempts, [
    { startedAt: begun, durationMs: 30, failure: late },
    { startedAt: begun + 130, durationMs: 30, failure: late }
  ])
})

retrying('runs the whole pipeline again, hooks included', async () => {
  const clock = virtualClock()
  const log: string[] = []
  let calls = 0
  const processor = pipe(
    receive(text),
    hook(
      'tx',
      async () => log.push('begin'),
      async (_, outcome) => void log.push(outcome._tag)
    ),
    handle(
      otherwise(async () => {
        calls += 1
        if (calls === 1) throw boom
        return ack
      })
    ),
    withRetry(after(1), clock)
  )
  assert.equal(await clock.finish(processor(message(''))()), ack)
  assert.equal(log, ['begin', 'Failed', 'begin', 'Acked'])
})

retrying('keeps the description', () => {
  const processor = pipe(
    receive(text),
    handle(otherwise(async () => ack)),
    withRetry(after(1), virtualClock())
  )
  assert.equal(processor.description?.combinators, ['withRetry'])
})

retrying(
  'is Released when it is interrupted while waiting, at once and without another attempt',
  async () => {
    for (const reason of ['shutdown', 'leaseLost'] as const) {
      const clock = virtualClock()
      const controller = new AbortController()
      const inner = giving(failed(late), ack)
      const outcome = withRetry(after(60_000), clock)(inner)(message('', { signal: controller.signal }))()
      await clock.advance(1_000)
      controller.abort(interruption(reason))
      assert.equal([await outcome, inner.calls(), clock.monotonic()], [released(reason), 1, 1_000])
    }
  }
)

retrying('is Released when it was interrupted before it waits', async () => {
  const inner = giving(failed(late), ack)
  const signal = AbortSignal.abort(interruption('shutdown'))
  const outcome = await withRetry(after(60_000), virtualClock())(inner)(message('', { signal }))()
  assert.equal([outcome, inner.calls()], [released('shutdown'), 1])
})

retrying('tries again what timed out and has settled', async () => {
  const clock = virtualClock()
  const inner = giving(failed(timedOut(5)), ack)
  assert.equal(await clock.finish(withRetry(after(1), clock)(inner)(message(''))()), ack)
})

retrying('does not try what timed out beside itself: it is Nacked, with the delay', async () => {
  const inner = giving(failed(timedOut(500, true)), ack)
  const outcome = await withRetry(after(250), virtualClock())(inner)(message('', { redelivers: true }))()
  assert.equal([outcome, inner.calls()], [nack({ reason: 'timed out after 500 ms', afterMs: 250 }), 1])
})

retrying('leaves it Failed in a replay, which would keep the letter as nacked', async () => {
  const abandoned = failed(timedOut(500, true))
  const replayed = message('', { letter: {} as StoredLetter })
  assert.equal(await withRetry(after(250), virtualClock())(giving(abandoned))(replayed)(), abandoned)
})

retrying('counts each earlier delivery of what is given up as an attempt', async () => {
  const abandoned = failed(timedOut(500, true))
  const outcomes: Outcome[] = []
  for (const deliveryCount of [1, 2, 3, 9])
    outcomes.push(
      await withRetry(after(250, 500), virtualClock())(giving(abandoned))(message('', { deliveryCount }))()
    )
  const reason = 'timed out after 500 ms'
  assert.equal(outcomes, [
    nack({ reason, afterMs: 250 }),
    nack({ reason, afterMs: 500 }),
    abandoned,
    abandoned
  ])
})

retrying('leaves it Failed where the source cannot bring it back, or the policy says no', async () => {
  const abandoned = failed(timedOut(500, true))
  const inner = giving(abandoned, ack)
  const clock = virtualClock()
  assert.equal(await withRetry(after(250), clock)(inner)(message('', { redelivers: false }))(), abandoned)
  assert.equal(await withRetry(after(), clock)(giving(abandoned))(message(''))(), abandoned)
  assert.is(inner.calls(), 1)
})

retrying('does not start again while the handler still runs within grace', async () => {
  const clock = virtualClock()
  const log: string[] = []
  let calls = 0
  const slow = () => async () => {
    calls += 1
    log.push(`start ${calls} at ${clock.monotonic()}`)
    if (calls === 2) return ack
    await new Promise<void>((resolve) => void clock.after(400, resolve))
    log.push(`end ${calls} at ${clock.monotonic()}`)
    throw boom
  }
  const processor = pipe(
    receive(text),
    handle(otherwise(slow)),
    withTimeout(100, 1_000, clock),
    withRetry(after(0), clock)
  )
  assert.equal(await clock.finish(processor(message(''))()), ack)
  assert.equal(log, ['start 1 at 0', 'end 1 at 400', 'start 2 at 400'])
})

retrying('retries each message by itself', async () => {
  const clock = virtualClock()
  const seen: Record<string, number> = {}
  const flaky: Processor =
    ({ id }) =>
    async () => {
      seen[id] = (seen[id] ?? 0) + 1
      return id === 'good' || seen[id] === 3 ? ack : failed(late)
    }
  const processor = withRetry(after(10, 10, 10), clock)(flaky)
  const outcomes = Promise.all(['bad', 'good', 'other'].map((id) => processor(message('', { id }))()))
  assert.equal([await clock.finish(outcomes), seen], [[ack, ack, ack], { bad: 3, good: 1, other: 3 }])
})

retrying('makes a Defect of a processor that throws, and tries it again', async () => {
  const clock = virtualClock()
  let calls = 0
  const throwing: Processor = () => {
    calls += 1
    throw boom
  }
  const policy = exponentialBackoff({ baseMs: 1, maxDelayMs: 1, attempts: 3 })
  const outcome = await clock.finish(withRetry(policy, clock)(throwing)(message(''))())
  assert.equal([outcome._tag === 'Failed' && outcome.failure._tag, calls], ['Defect', 3])
})

retrying(
  'makes a Defect of a policy that throws or gives nonsense, and keeps the failure in it',
  async () => {
    const policies: readonly unknown[] = [
      () => {
        throw boom
      },
      () => undefined,
      () => null,
      () => 100,
      () => ({ _tag: 'Maybe' }),
      () => ({ _tag: 'Some' }),
      () => some('100'),
      () => some(-1),
      () => some(NaN),
      () => some(Infinity),
      async () => none,
      () => Promise.reject(boom)
    ]
    for (const [index, policy] of policies.entries()) {
      const inner = giving(failed(late), ack)
      const clock = virtualClock()
      const outcome = await clock.finish(withRetry(policy as RetryPolicy, clock)(inner)(message(''))())
      const failure =
        outcome._tag === 'Failed' && outcome.failure._tag === 'Defect' ? outcome.failure : undefined
      assert.equal(
        [failure?.where, failure?.causes, inner.calls()],
        ['the retry policy', [{ name: 'Rejected', message: renderFailure(late) }], 1],
        `policy ${index}`
      )
    }
  }
)

retrying('makes a Defect of a when that throws or gives no boolean, and asks no policy', async () => {
  const whens: readonly unknown[] = [
    () => {
      throw boom
    },
    () => undefined,
    () => 'yes',
    async () => true,
    () => Promise.reject(boom)
  ]
  for (const [index, when] of whens.entries()) {
    const inner = giving(failed(late), ack)
    const policy = () => assert.unreachable() as never
    const options = { when: when as () => boolean }
    const outcome = await withRetry(policy, virtualClock(), options)(inner)(message(''))()
    const failure =
      outcome._tag === 'Failed' && outcome.failure._tag === 'Defect' ? outcome.failure : undefined
    assert.equal([failure?.where, inner.calls()], ['when of withRetry', 1], `when ${index}`)
  }
})

retrying('tries again what when says: by default what may pass by itself', async () => {
  const failures = [defect('here', boom), hookFailed('tx', 'acquire', boom), timedOut(5), late, noMatch()]
  const calls = async (options: RetryOptions) => {
    const counted: number[] = []
    for (const failure of failures) {
      const clock = virtualClock()
      const inner = giving(failed(failure))
      await clock.finish(retry(after(1), clock, options)(inner)(message(''))())
      counted.push(inner.calls())
    }
    return counted
  }
  assert.equal(await calls({}), [2, 2, 2, 1, 1])
  assert.equal(await calls({ when: ({ _tag }) => _tag === 'NoMatch' }), [1, 1, 1, 1, 2])
})

retrying('asks when again after each attempt', async () => {
  const clock = virtualClock()
  const inner = giving(failed(timedOut(5)), failed(late), ack)
  const outcome = await clock.finish(retry(after(1, 1), clock)(inner)(message(''))())
  assert.equal([outcome, inner.calls()], [failed(late), 2])
})

retrying('ends with the failure when the signal aborts for something else than an interruption', async () => {
  const clock = virtualClock()
  const controller = new AbortController()
  const inner = giving(failed(late), ack)
  const delivered = message('', { signal: controller.signal })
  const outcome = withRetry(after(1_000), clock)(inner)(delivered)()
  await clock.advance(10)
  controller.abort(new Error('another reason'))
  assert.equal(
    [await outcome, inner.calls(), delivered.trace.attempts, clock.monotonic()],
    [failed(late), 1, [], 10]
  )
})

retrying('starts nothing that a time limit around it would end', async () => {
  const clock = virtualClock()
  const inner = giving(failed(late), failed(late), ack)
  const processor = pipe(inner as Processor, withRetry(after(100, 1_000), clock), withTimeout(500, 50, clock))
  assert.equal(await clock.finish(processor(message(''))()), failed(timedOut(500)))
  await clock.advance(5_000)
  assert.is(inner.calls(), 2)
})

retrying('refuses what is no policy when it is built', () => {
  for (const policy of [undefined, 3, { attempts: 3 }])
    assert.throws(
      () => retry(policy as never, virtualClock(), {}),
      (error: unknown) =>
        error instanceof TypeError &&
        error.message ===
          'withRetry: give a policy, as exponentialBackoff({ baseMs: 50, maxDelayMs: 2_000, attempts: 5 })'
    )
})

retrying('refuses a maxWaitMs that makes no sense', () => {
  for (const maxWaitMs of [-1, NaN])
    assert.throws(
      () => retry(after(1), virtualClock(), { maxWaitMs }),
      (error: unknown) => error instanceof RangeError
    )
})

retrying('keeps the newest thousand attempts in the delivery record', async () => {
  const clock = virtualClock()
  let calls = 0
  const failing: Processor = () => async () => (++calls > 1_500 ? ack : failed(rejected(`${calls}`)))
  const delivered = message('')
  await clock.finish(withRetry(constantDelay(1), clock)(failing)(delivered)())
  const { attempts } = delivered.trace
  assert.equal([attempts.length, attempts.at(-1)?.failure], [1_000, rejected('1500')])
})

retrying('waits no longer than timers can', async () => {
  const clock = virtualClock()
  const inner = giving(failed(late), ack)
  const outcome = withRetry(after(2 ** 40), clock)(inner)(message(''))()
  assert.equal([await clock.finish(outcome, 2 ** 40), clock.monotonic()], [ack, 2 ** 31 - 1])
})

retrying('leaves no timer and no listener behind', async () => {
  const clock = virtualClock()
  let waiting = 0
  const counting: Clock = {
    ...clock,
    after: (delayMs, call) => {
      waiting += 1
      const cancel = clock.after(delayMs, () => {
        waiting -= 1
        call()
      })
      return () => {
        waiting -= 1
        cancel()
      }
    }
  }
  const controller = new AbortController()
  const outcome = withRetry(after(60_000), counting)(giving(failed(late)))(
    message('', { signal: controller.signal })
  )()
  await turn()
  assert.is(waiting, 1)
  controller.abort(interruption('shutdown'))
  assert.equal([await outcome, waiting], [released('shutdown'), 0])
})

retrying('is wrapped like any processor', async () => {
  const clock = virtualClock()
  const noted = combinator('noted', (processor) => (message) => processor(message))
  const processor = pipe(giving(failed(late), ack) as Processor, noted, withRetry(after(1), clock), noted)
  assert.equal(await clock.finish(processor(message(''))()), ack)
})

retrying.run()

const giveBack = suite('a delay longer than maxWaitMs')

const reason = 'to be tried again after Rejected'
const delivered = (deliveryCount: number, fields: MessageFields = {}) =>
  message('', { deliveryCount, ...fields })

giveBack('gives the message back, with the delay and the attempt in its record', async () => {
  const clock = virtualClock()
  const inner = giving(failed(late), ack)
  const given = delivered(1)
  const outcome = await withRetry(after(1_001), clock, { maxWaitMs: 1_000 })(inner)(given)()
  assert.equal([outcome, inner.calls()], [nack({ reason, afterMs: 1_001 }), 1])
  assert.equal(given.trace.attempts, [{ startedAt: clock.now(), durationMs: 0, failure: late }])
})

giveBack('is one of more than 30 s, unless it is said', async () => {
  const clock = virtualClock()
  const options = { when: () => true }
  const waits = retry(after(30_000), clock, options)(giving(failed(late), ack))
  assert.equal(await clock.finish(waits(delivered(1))()), ack)
  const gives = retry(after(30_001), clock, options)(giving(failed(late), ack))
  assert.equal(await gives(delivered(1))(), nack({ reason, afterMs: 30_001 }))
})

giveBack('is waited for in place where the source cannot bring it back, and in a replay', async () => {
  for (const fields of [{ redelivers: false }, { letter: {} as StoredLetter }]) {
    const clock = virtualClock()
    const processor = withRetry(after(60_000), clock, { maxWaitMs: 0 })(giving(failed(late), ack))
    assert.equal([await clock.finish(processor(delivered(1, fields))()), clock.monotonic()], [ack, 60_000])
  }
})

giveBack('goes on where the policy was when the message comes back', async () => {
  const policy = after(1, 2_000, 3, 4, 5_000, 6)
  const asked = async (deliveryCount: number) => {
    const clock = virtualClock()
    const inner = giving(failed(late))
    const outcome = withRetry(policy, clock, { maxWaitMs: 1_000 })(inner)(delivered(deliveryCount))()
    return [await clock.finish(outcome), clock.monotonic(), inner.calls()]
  }
  assert.equal(await asked(1), [nack({ reason, afterMs: 2_000 }), 1, 2])
  assert.equal(await asked(2), [nack({ reason, afterMs: 5_000 }), 7, 3])
  assert.equal(await asked(3), [failed(late), 6, 2])
  assert.equal(await asked(17), [failed(late), 6, 2])
})

giveBack('tells the policy the delays of earlier deliveries', async () => {
  const clock = virtualClock()
  const asked: unknown[] = []
  const policy: RetryPolicy = ({ iterNumber, cumulativeDelay, previousDelay, elapsedMs, random }) => {
    asked.push([iterNumber, cumulativeDelay, previousDelay, elapsedMs, random < 0.9])
    return some(iterNumber === 0 ? 10 : 2_000)
  }
  await withRetry(policy, clock, { maxWaitMs: 1_000 })(giving(failed(late)))(delivered(2))()
  assert.equal(asked, [
    [0, 0, none, 0, false],
    [1, 10, some(10), 10, false],
    [2, 2_010, some(2_000), 2_010, true]
  ])
})

giveBack('does not count deliveries that no delay of the policy can have ended', async () => {
  const clock = virtualClock()
  const inner = giving(failed(late))
  const outcome = withRetry(after(1, 2), clock, { maxWaitMs: 1_000 })(inner)(delivered(40))()
  assert.equal([await clock.finish(outcome), inner.calls()], [failed(late), 3])
})

giveBack('ends though a policy never does', async () => {
  const outcomes: Outcome[] = []
  for (const deliveryCount of [1_001, 1_002])
    outcomes.push(
      await withRetry(constantDelay(60_000), virtualClock(), { maxWaitMs: 1_000 })(giving(failed(late)))(
        delivered(deliveryCount)
      )()
    )
  assert.equal(outcomes, [nack({ reason, afterMs: 60_000 }), failed(late)])
})

giveBack('ends though the longest draws do not make the longest delays', async () => {
  const odd: RetryPolicy = ({ random }) => some(random > 0.9 ? 1 : 60_000)
  const outcomes: Outcome[] = []
  for (const deliveryCount of [1, 2])
    outcomes.push(
      await withRetry(odd, virtualClock(), { maxWaitMs: 1_000 })(giving(failed(late)))(
        delivered(deliveryCount)
      )()
    )
  assert.equal(outcomes, [nack({ reason, afterMs: 60_000 }), failed(late)])
})

giveBack('is Released when the delivery was interrupted meanwhile', async () => {
  const controller = new AbortController()
  const clock = virtualClock()
  const policy: RetryPolicy = () => {
    controller.abort(interruption('leaseLost'))
    return some(60_000)
  }
  const processor = withRetry(policy, clock, { maxWaitMs: 0 })(giving(failed(late)))
  assert.equal(await processor(delivered(1, { signal: controller.signal }))(), released('leaseLost'))
})

giveBack('is a Defect where the policy fails while it is asked about earlier deliveries', async () => {
  const policy: RetryPolicy = () => {
    throw boom
  }
  const outcome = await withRetry(policy, virtualClock())(giving(failed(late)))(delivered(3))()
  assert.is(outcome._tag === 'Failed' && outcome.failure._tag, 'Defect')
})

giveBack.run()
