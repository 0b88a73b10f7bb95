import { getEventListeners } from 'node:events'
import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bytes } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { interruption, message } from '../../lib/core/message.js'
import { type Outcome, type Verdict, ack } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import { otherwise } from '../../lib/core/route.js'
import { withTimeout } from '../../lib/combinators/timeout.js'
import { virtualClock } from '../support/clock.js'

/** Handles a message with 100 ms, and gives the handler its signal when it asks. */
const limited = (
  handler: (signal: () => AbortSignal) => Promise<Verdict>,
  outer: AbortSignal,
  clock = virtualClock()
) => {
  const processor = pipe(
    receive(bytes),
    handle(otherwise((given) => handler(() => given.signal))),
    withTimeout(100, 50, clock)
  )
  const outcome: Promise<Outcome> = processor(message('', { signal: outer }))()
  return { clock, outcome }
}

const signals = suite('the signal of a message that has only so long')

signals('is one, however often it is asked for', async () => {
  const { signal } = new AbortController()
  const { clock, outcome } = limited(async (ask) => {
    const first = ask()
    assert.is(ask(), first)
    assert.not(first.aborted)
    await new Promise<void>((resolve) => first.addEventListener('abort', () => resolve()))
    assert.equal([ask() === first, first.reason._tag, first.reason.afterMs], [true, 'TimedOut', 100])
    return ack
  }, signal)
  await clock.advance(100)
  assert.equal(await outcome, ack)
})

signals('has aborted already where it is first asked for after the time is over', async () => {
  const clock = virtualClock()
  const late = async (ask: () => AbortSignal): Promise<Verdict> => {
    await new Promise<void>((resolve) => void clock.after(120, resolve))
    assert.equal([ask().aborted, ask().reason.message], [true, 'timed out after 100 ms'])
    return ack
  }
  const { outcome } = limited(late, new AbortController().signal, clock)
  await clock.advance(100)
  await clock.advance(20)
  assert.equal(await outcome, ack)
})

signals('says why the message’s own signal aborted, before or after', async () => {
  const reason = interruption('leaseLost')
  const before = limited(async (ask) => {
    assert.equal([ask().aborted, ask().reason === reason], [true, true])
    return ack
  }, AbortSignal.abort(reason))
  assert.equal(await before.outcome, ack)

  const controller = new AbortController()
  const after = limited(async (ask) => {
    const signal = ask()
    assert.is(getEventListeners(controller.signal, 'abort').length, 1)
    controller.abort(reason)
    assert.equal([signal.aborted, signal.reason === reason], [true, true])
    assert.is(getEventListeners(controller.signal, 'abort').length, 0)
    return ack
  }, controller.signal)
  assert.equal(await after.outcome, ack)
})

signals('is not made, nor the message’s own, where nobody asks', async () => {
  const { signal } = new AbortController()
  assert.equal(await limited(async () => ack, signal).outcome, ack)
  assert.is(getEventListeners(signal, 'abort').length, 0)
})

signals.run()
