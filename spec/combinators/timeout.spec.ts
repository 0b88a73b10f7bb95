import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withTimeout } from '../../lib/combinators/timeout.js'
import type { Clock } from '../../lib/core/clock.js'
import { malformed, rejected, timedOut } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { type Message, interruption, message } from '../../lib/core/message.js'
import { type Outcome, type Verdict, ack, ackWith, failed, nack, released } from '../../lib/core/outcome.js'
import { hook, receive } from '../../lib/core/pipeline.js'
import type { Processor } from '../../lib/core/processor.js'
import { left } from '../../lib/core/result.js'
import { otherwise } from '../../lib/matchers/route.js'
import { type VirtualClock, turn, virtualClock } from '../support/clock.js'

const afterMs = 100
const graceMs = 50
const late = rejected('late')

/** Resolves after so many milliseconds. */
const waiting = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => void clock.after(delayMs, resolve))

/** A pipeline with two hooks that note what becomes of them. */
const noted = (
  log: unknown[],
  clock: VirtualClock,
  handler: (message: Message) => Promise<Verdict>,
  acquireMs = 0
): Processor => {
  const noting = <N extends string>(name: N, delayMs: number) =>
    hook(
      name,
      async () => {
        if (delayMs > 0) await waiting(clock, delayMs)
        log.push(`acquired ${name} at ${clock.monotonic()}`)
        return name
      },
      async (_, { _tag }, { abandoned }) =>
        void log.push(`released ${name} at ${clock.monotonic()}: ${_tag}${abandoned ? ', abandoned' : ''}`)
    )
  return pipe(
    receive(json),
    noting('a', 0),
    noting('b', acquireMs),
    handle(
      otherwise(async (message: Message) => {
        log.push(`handler at ${clock.monotonic()}`)
        return handler(message)
      })
    ),
    withTimeout(afterMs, graceMs, clock)
  )
}

/** A clock that counts the timers that are set and neither due nor cancelled. */
const counting = (clock: VirtualClock): { readonly clock: Clock; readonly timers: () => number } => {
  const timers = new Set<object>()
  return {
    timers: () => timers.size,
    clock: {
      ...clock,
      after: (delayMs, call) => {
        const timer = {}
        timers.add(timer)
        const cancel = clock.after(delayMs, () => {
          timers.delete(timer)
          call()
        })
        return () => {
          timers.delete(timer)
          cancel()
        }
      }
    }
  }
}

/** When it settled, and with what. */
const settled = async (
  clock: VirtualClock,
  outcome: Promise<Outcome>
): Promise<readonly [number, Outcome]> => {
  const at = outcome.then((given) => [clock.monotonic(), given] as const)
  return clock.finish(at)
}

const limiting = suite('withTimeout')

limiting('refuses numbers that make no sense', () => {
  for (const [after, grace] of [
    [0, 1],
    [-1, 1],
    [Number.NaN, 1],
    [Infinity, 1],
    [2 ** 31, 1],
    [1, -1],
    [1, Number.NaN],
    [1, 2 ** 31]
  ] as const)
    assert.throws(
      () => withTimeout(after, grace, virtualClock()),
      (error: unknown) => error instanceof RangeError && error.message.startsWith('withTimeout: afterMs is'),
      `${after}, ${grace}`
    )
  assert.type(withTimeout(2 ** 31 - 1, 0, virtualClock()), 'function')
})

limiting('changes nothing for what is in time', async () => {
  for (const verdict of [ackWith({ note: 'a' }), nack({ afterMs: 5 }), failed(late)]) {
    const clock = virtualClock()
    const log: unknown[] = []
    const processor = noted(log, clock, async () => {
      await waiting(clock, 99)
      return verdict
    })
    assert.equal(await settled(clock, processor(message('1'))()), [99, verdict])
    assert.equal(log.slice(-2), [`released b at 99: ${verdict._tag}`, `released a at 99: ${verdict._tag}`])
  }
})

limiting('sets no timer for what is decided at once, and leaves none behind', async () => {
  const { clock, timers } = counting(virtualClock())
  const processor = pipe(
    receive(json),
    handle(otherwise(async () => ack)),
    withTimeout(afterMs, graceMs, clock)
  )
  assert.equal(
    [await processor(message('not JSON'))(), timers()],
    [failed(malformed([{ path: '', message: 'not JSON' }])), 0]
  )
  assert.equal([await processor(message('1'))(), timers()], [ack, 0])
})

limiting('aborts the signal with a reason that tells', async () => {
  const clock = virtualClock()
  let reason: unknown
  const processor = noted([], clock, async ({ signal }) => {
    await waiting(clock, 99)
    assert.is(signal.aborted, false)
    await waiting(clock, 2)
    const { _tag, afterMs, message } = signal.reason
    reason = [signal.aborted, _tag, afterMs, message]
    throw signal.reason
  })
  await settled(clock, processor(message('1'))())
  assert.equal(reason, [true, 'TimedOut', 100, 'timed out after 100 ms'])
})

limiting('is TimedOut where the handler gives up within grace, and hooks are released as ever', async () => {
  const ways: readonly (() => Promise<Verdict>)[] = [
    async () => Promise.reject(new Error('aborted')),
    async () => failed(late),
    async () => undefined as never
  ]
  for (const way of ways) {
    const clock = virtualClock()
    const log: unknown[] = []
    const processor = noted(log, clock, async () => {
      await waiting(clock, 140)
      return way()
    })
    assert.equal(await settled(clock, processor(message('1'))()), [140, failed(timedOut(100))])
    assert.equal(log, [
      'acquired a at 0',
      'acquired b at 0',
      'handler at 0',
      'released b at 140: Failed',
      'released a at 140: Failed'
    ])
  }
})

limiting('lets an ack within grace stand, and a nack', async () => {
  for (const verdict of [ackWith({ note: 'late' }), nack({ afterMs: 5 })]) {
    const clock = virtualClock()
    const log: unknown[] = []
    const processor = noted(log, clock, async () => {
      await waiting(clock, 149)
      return verdict
    })
    assert.equal(await settled(clock, processor(message('1'))()), [149, verdict])
    assert.equal(log.at(-1), `released a at 149: ${verdict._tag}`)
  }
})

limiting('gives a handler up that does not settle: hooks are told, in reverse, and not before', async () => {
  const clock = virtualClock()
  const log: unknown[] = []
  const processor = noted(log, clock, () => new Promise(() => undefined))
  const outcome = processor(message('1'))()
  await clock.advance(149)
  assert.equal(log, ['acquired a at 0', 'acquired b at 0', 'handler at 0'])
  assert.equal(await settled(clock, outcome), [150, failed(timedOut(100, true))])
  assert.equal(log.slice(3), ['released b at 150: Failed, abandoned', 'released a at 150: Failed, abandoned'])
})

limiting('gives up without hooks, too', async () => {
  const clock = virtualClock()
  const processor = pipe(
    receive(json),
    handle(otherwise(() => new Promise<Verdict>(() => undefined))),
    withTimeout(afterMs, graceMs, clock)
  )
  assert.equal(await settled(clock, processor(message('1'))()), [150, failed(timedOut(100, true))])
})

limiting(
  'leaves in the record what settles once a handler does that was given up, and only then',
  async () => {
    for (const [acquireMs, isStarted] of [
      [0, true],
      [170, false]
    ] as const) {
      const clock = virtualClock()
      const processor = noted([], clock, () => waiting(clock, 1_000).then(() => ack), acquireMs)
      const delivered = message('1')
      await clock.finish(processor(delivered)())
      const { abandoned } = delivered.trace
      assert.is(abandoned !== undefined, isStarted)
      let endedAt: number | undefined
      void abandoned?.then(() => (endedAt = clock.monotonic()))
      await clock.advance(2_000)
      assert.is(endedAt, isStarted ? 1_000 : undefined)
    }
    const clock = virtualClock()
    const delivered = message('1')
    await clock.finish(noted([], clock, async () => ack)(delivered)())
    assert.is(delivered.trace.abandoned, undefined)
  }
)

limiting('does not hear what a handler says after it was given up', async () => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  for (const end of [async () => ack, async () => Promise.reject(new Error('late'))]) {
    const clock = virtualClock()
    const log: unknown[] = []
    const processor = noted(log, clock, async () => {
      await waiting(clock, 1_000)
      return end()
    })
    assert.equal(await settled(clock, processor(message('1'))()), [150, failed(timedOut(100, true))])
    await clock.advance(2_000)
    assert.is(log.length, 5)
  }
  await turn()
  process.off('unhandledRejection', listen)
  assert.is(unhandled.length, 0)
})

limiting('waits for a release no longer than another grace', async () => {
  const clock = virtualClock()
  const processor = pipe(
    receive(json),
    hook(
      'stuck',
      async () => 1,
      () => new Promise<void>(() => undefined)
    ),
    handle(otherwise(() => new Promise<Verdict>(() => undefined))),
    withTimeout(afterMs, graceMs, clock)
  )
  assert.equal(await settled(clock, processor(message('1'))()), [200, failed(timedOut(100, true))])
})

limiting('keeps TimedOut though a release fails', async () => {
  const clock = virtualClock()
  const processor = pipe(
    receive(json),
    hook(
      'tx',
      async () => 1,
      () => async () => left(late)
    ),
    handle(otherwise(() => new Promise<Verdict>(() => undefined))),
    withTimeout(afterMs, graceMs, clock)
  )
  assert.equal(await settled(clock, processor(message('1'))()), [150, failed(timedOut(100, true))])
})

limiting('never starts a handler after it was given up', async () => {
  const clock = virtualClock()
  const log: unknown[] = []
  const processor = noted(log, clock, async () => ack, 170)
  assert.equal(await settled(clock, processor(message('1'))()), [170, failed(timedOut(100, true))])
  await clock.advance(1_000)
  assert.equal(log, [
    'acquired a at 0',
    'acquired b at 170',
    'released b at 170: Failed, abandoned',
    'released a at 170: Failed, abandoned'
  ])
})

limiting('releases what is acquired after all, though nobody waits for it any more', async () => {
  const clock = virtualClock()
  const log: unknown[] = []
  const processor = noted(log, clock, async () => ack, 500)
  assert.equal(await settled(clock, processor(message('1'))()), [200, failed(timedOut(100, true))])
  await clock.advance(1_000)
  assert.equal(log, [
    'acquired a at 0',
    'acquired b at 500',
    'released b at 500: Failed, abandoned',
    'released a at 500: Failed, abandoned'
  ])
})

limiting('starts a handler within grace, where a hook took too long', async () => {
  const clock = virtualClock()
  const log: unknown[] = []
  const aborted: boolean[] = []
  const processor = noted(
    log,
    clock,
    async ({ signal }) => {
      aborted.push(signal.aborted)
      return ack
    },
    120
  )
  assert.equal(await settled(clock, processor(message('1'))()), [120, ack])
  assert.equal(aborted, [true])
})

limiting('ends a processor that never does, whatever it is', async () => {
  const clock = virtualClock()
  const bare: Processor = () => () => new Promise(() => undefined)
  const [, outcome] = await settled(clock, withTimeout(afterMs, graceMs, clock)(bare)(message('1'))())
  assert.equal(outcome, failed(timedOut(100, true)))
})

limiting('within another tells of the one that was first', async () => {
  const clock = virtualClock()
  const never = pipe(receive(json), handle(otherwise(() => new Promise<Verdict>(() => undefined))))
  const twice = (inner: number, outer: number) =>
    pipe(never, withTimeout(inner, graceMs, clock), withTimeout(outer, graceMs, clock))
  assert.equal(await clock.finish(twice(100, 1_000)(message('1'))()), failed(timedOut(100, true)))
  assert.equal(await clock.finish(twice(1_000, 100)(message('1'))()), failed(timedOut(100, true)))
})

limiting('within another lets that one give the handler up, too, and hooks are told', async () => {
  const clock = virtualClock()
  const log: unknown[] = []
  const inner = noted(log, clock, () => waiting(clock, 400).then(() => ack))
  const delivered = message('1')
  const outcome = withTimeout(60, 20, clock)(inner)(delivered)()
  assert.equal(await settled(clock, outcome), [80, failed(timedOut(60, true))])
  assert.equal(log.slice(3), ['released b at 80: Failed, abandoned', 'released a at 80: Failed, abandoned'])
  const { abandoned } = delivered.trace
  delivered.trace.abandoned = undefined
  let endedAt: number | undefined
  void abandoned?.then(() => (endedAt = clock.monotonic()))
  await clock.advance(1_000)
  assert.is(endedAt, 400)
  assert.is(delivered.trace.abandoned, undefined)
})

limiting('within another leaves one record of a hook that hangs', async () => {
  const clock = virtualClock()
  const inner = noted([], clock, async () => ack, 900)
  const delivered = message('1')
  const outcome = withTimeout(60, 20, clock)(inner)(delivered)()
  assert.equal(await settled(clock, outcome), [100, failed(timedOut(60, true))])
  assert.ok(delivered.trace.abandoned !== undefined)
  delivered.trace.abandoned = undefined
  await clock.advance(2_000)
  assert.is(delivered.trace.abandoned, undefined)
})

limiting('leaves in the record what settles once a hook does that nobody waits for', async () => {
  const stuckFor = (ms: number, part: 'acquire' | 'release', clock: VirtualClock) =>
    pipe(
      receive(json),
      hook(
        'stuck',
        () => (part === 'acquire' ? waiting(clock, ms) : Promise.resolve()),
        () => (part === 'release' ? waiting(clock, ms) : Promise.resolve())
      ),
      handle(otherwise(() => waiting(clock, 10).then(() => ack))),
      withTimeout(afterMs, graceMs, clock)
    )
  for (const [part, stuckMs, expected] of [
    ['acquire', 170, undefined],
    ['acquire', 900, 900],
    ['release', 900, 910]
  ] as const) {
    const clock = virtualClock()
    const delivered = message('1')
    await clock.finish(stuckFor(stuckMs, part, clock)(delivered)())
    let endedAt: number | undefined
    void delivered.trace.abandoned?.then(() => (endedAt = clock.monotonic()))
    await clock.advance(2_000)
    assert.is(endedAt, expected, `${part} of ${stuckMs} ms`)
  }
})

limiting('limits each message by itself', async () => {
  const clock = virtualClock()
  const processor = pipe(
    receive(json),
    handle(
      otherwise(async ({ body }) => {
        await waiting(clock, Number(body))
        return ack
      })
    ),
    withTimeout(afterMs, graceMs, clock)
  )
  const outcomes = Promise.all([10, 120, 1_000].map((delayMs) => processor(message(delayMs))()))
  assert.equal(await clock.finish(outcomes), [ack, ack, failed(timedOut(100, true))])
})

limiting('keeps the description', () => {
  const processor = pipe(
    receive(json),
    handle(otherwise(async () => ack)),
    withTimeout(afterMs, graceMs, virtualClock())
  )
  assert.equal(processor.description?.combinators, ['withTimeout'])
})

limiting.run()

const interrupting = suite('withTimeout: interrupted')

/** Interrupts after so many milliseconds a handler that fails when it hears of it. */
const interruptedAfter = (clock: VirtualClock, delayMs: number): Promise<readonly [number, Outcome]> => {
  const controller = new AbortController()
  clock.after(delayMs, () => controller.abort(interruption('shutdown')))
  const processor = noted([], clock, async () => {
    await waiting(clock, 130)
    throw new Error('aborted')
  })
  return settled(clock, processor(message('1', { signal: controller.signal }))())
}

interrupting('is Released before the time is over', async () => {
  assert.equal(await interruptedAfter(virtualClock(), 50), [130, released('shutdown')])
})

interrupting('is Released within grace', async () => {
  assert.equal(await interruptedAfter(virtualClock(), 120), [130, released('shutdown')])
})

interrupting('is Released where the handler is given up', async () => {
  const clock = virtualClock()
  const controller = new AbortController()
  clock.after(120, () => controller.abort(interruption('leaseLost')))
  const processor = noted([], clock, () => new Promise(() => undefined))
  const outcome = processor(message('1', { signal: controller.signal }))()
  assert.equal(await settled(clock, outcome), [150, released('leaseLost')])
})

interrupting('lets an ack stand', async () => {
  const clock = virtualClock()
  const controller = new AbortController()
  clock.after(120, () => controller.abort(interruption('shutdown')))
  const processor = noted([], clock, async () => {
    await waiting(clock, 130)
    return ack
  })
  const outcome = processor(message('1', { signal: controller.signal }))()
  assert.equal(await settled(clock, outcome), [130, ack])
})

interrupting('is heard by the handler through its signal', async () => {
  const clock = virtualClock()
  const controller = new AbortController()
  clock.after(10, () => controller.abort(interruption('shutdown')))
  const processor = noted([], clock, async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    throw signal.reason
  })
  const outcome = processor(message('1', { signal: controller.signal }))()
  assert.equal(await settled(clock, outcome), [10, released('shutdown')])
})

interrupting.run()
