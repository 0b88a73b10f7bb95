import { getEventListeners } from 'node:events'
import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withTimeout } from '../../lib/combinators/timeout.js'
import { timedOut } from '../../lib/core/failure.js'
import { bytes } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { type Message, interruption, message } from '../../lib/core/message.js'
import { type Outcome, type Verdict, ack, failed } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import { otherwise, route } from '../../lib/matchers/route.js'
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

signals('leaves nothing on the message’s own once it is over, in time or not', async () => {
  const { signal } = new AbortController()
  const left = () => getEventListeners(signal, 'abort').length
  const inTime = limited(async (ask) => {
    assert.is(ask().aborted, false)
    assert.is(left(), 1)
    return ack
  }, signal)
  assert.equal(await inTime.outcome, ack)
  assert.is(left(), 0)

  let askLate: () => AbortSignal = () => signal
  const forever = limited((ask) => {
    assert.is(ask().aborted, false)
    askLate = ask
    return new Promise(() => undefined)
  }, signal)
  assert.equal(await forever.clock.finish(forever.outcome), failed(timedOut(100, true)))
  assert.is(left(), 0)
  assert.is(askLate().reason._tag, 'TimedOut')

  const unasked = limited((ask) => {
    askLate = ask
    return new Promise(() => undefined)
  }, signal)
  assert.equal(await unasked.clock.finish(unasked.outcome), failed(timedOut(100, true)))
  assert.is(askLate().reason._tag, 'TimedOut')
  assert.is(left(), 0)
})

signals('leaves nothing where no handler was called', async () => {
  const { signal } = new AbortController()
  const asking = (given: Message) => given.signal.aborted
  const processor = pipe(
    receive(bytes),
    handle(route(asking, async () => ack)),
    withTimeout(100, 50, virtualClock())
  )
  assert.is((await processor(message('', { signal }))())._tag, 'Failed')
  assert.is(getEventListeners(signal, 'abort').length, 0)
})

signals('is not made, nor the message’s own, where nobody asks', async () => {
  const { signal } = new AbortController()
  assert.equal(await limited(async () => ack, signal).outcome, ack)
  assert.is(getEventListeners(signal, 'abort').length, 0)
})

signals.run()
