import * as fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
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
import { interruption, message } from '../../lib/core/message.js'
import { type Outcome, ack, deadLettered, failed, nack, released } from '../../lib/core/outcome.js'
import { hook, receive } from '../../lib/core/pipeline.js'
import { type Processor, combinator } from '../../lib/core/processor.js'
import { none, some } from '../../lib/core/result.js'
import { type RetryPolicy, exponentialBackoff, isTransient, withRetry } from '../../lib/core/retry.js'
import { otherwise } from '../../lib/core/route.js'
import { withTimeout } from '../../lib/core/timeout.js'
import { turn, virtualClock } from '../support/clock.js'

const boom = new Error('boom')
const late = rejected('late')

const backoff = suite('exponentialBackoff')

backoff('doubles up to the longest delay, and gives up after the attempts', () => {
  const policy = exponentialBackoff({ baseMs: 100, maxDelayMs: 1_000, attempts: 7 })
  const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((attempts) =>
    policy({ attempts, failure: timedOut(5), random: 0.5 })
  )
  assert.equal(delays, [some(50), some(100), some(200), some(400), some(500), some(500), none, none])
})

backoff('draws each delay from nothing to its full length', () =>
  fc.assert(
    fc.property(
      fc.record({
        baseMs: fc.nat(10_000),
        more: fc.nat(100_000),
        attempts: fc.integer({ min: 1, max: 5_000 })
      }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      ({ baseMs, more, attempts }, random) => {
        const maxDelayMs = baseMs + more
        const policy = exponentialBackoff({ baseMs, maxDelayMs, attempts: attempts + 1 })
        const delay = policy({ attempts, failure: timedOut(5), random })
        const longest = baseMs === 0 ? 0 : Math.min(maxDelayMs, baseMs * 2 ** (attempts - 1))
        assert.equal(delay, some(longest * random))
      }
    ),
    { examples: [[{ baseMs: 0, more: 0, attempts: 2_000 }, 0.5]] }
  )
)

backoff('tries again what may pass by itself, or what it is told to', () => {
  const limits = { baseMs: 1, maxDelayMs: 1, attempts: 2 }
  const tried = (policy: RetryPolicy) =>
    [late, timedOut(5)].map((failure) => policy({ attempts: 1, failure, random: 0 })._tag)
  assert.equal(tried(exponentialBackoff(limits)), ['None', 'Some'])
  assert.equal(tried(exponentialBackoff({ ...limits, when: ({ _tag }) => _tag === 'Rejected' })), [
    'Some',
    'None'
  ])
})

backoff('refuses numbers that make no sense', () => {
  const good = { baseMs: 1, maxDelayMs: 1, attempts: 1 }
  for (const bad of [
    { baseMs: -1 },
    { baseMs: NaN },
    { baseMs: 2 },
    { maxDelayMs: NaN },
    { attempts: 0 },
    { attempts: 1.5 },
    { attempts: NaN }
  ])
    assert.throws(
      () => exponentialBackoff({ ...good, ...bad }),
      (error: unknown) => error instanceof RangeError
    )
  exponentialBackoff(good)
})

backoff.run()

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
  ({ attempts }) => {
    const delay = delays[attempts - 1]
    return delay === undefined ? none : some(delay)
  }

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

retrying('asks the policy with attempts, failure and chance', async () => {
  const clock = virtualClock({ random: () => 0.25 })
  const asked: unknown[] = []
  const policy: RetryPolicy = (status) => {
    asked.push(status)
    return asked.length < 3 ? some(1) : none
  }
  const inner = giving(failed(late), failed(timedOut(5)))
  await clock.finish(withRetry(policy, clock)(inner)(message(''))())
  assert.equal(asked, [
    { attempts: 1, failure: late, random: 0.25 },
    { attempts: 2, failure: timedOut(5), random: 0.25 },
    { attempts: 3, failure: timedOut(5), random: 0.25 }
  ])
})

retrying('notes the attempts that were tried again in the delivery record', async () => {
  const clock = virtualClock()
  const begun = clock.now()
  const slow: Processor = () => async () => {
    await new Promise<void>((resolve) => void clock.after(30, resolve))
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

retrying('makes a Defect of a policy that throws or gives what is no Option', async () => {
  const policies: readonly unknown[] = [
    () => {
      throw boom
    },
    () => undefined,
    () => null,
    () => ({ _tag: 'Maybe' }),
    async () => none
  ]
  for (const [index, policy] of policies.entries()) {
    const inner = giving(failed(late), ack)
    const clock = virtualClock()
    const outcome = await clock.finish(withRetry(policy as RetryPolicy, clock)(inner)(message(''))())
    const tag = outcome._tag === 'Failed' ? outcome.failure._tag : outcome._tag
    assert.equal([tag, inner.calls()], ['Defect', 1], `policy ${index}`)
  }
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
