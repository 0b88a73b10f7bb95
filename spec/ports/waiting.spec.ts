import { getEventListeners } from 'node:events'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { aborted, every, sleep, within } from '../../lib/ports/waiting.js'
import { systemClock } from '../../lib/system.js'
import { turn, virtualClock } from '../support/clock.js'

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

const sleeping = suite('sleep')

sleeping('waits as long as it says, and leaves nothing behind', async () => {
  const clock = virtualClock()
  const { signal } = new AbortController()
  let isAwake = false
  const slept = sleep(clock, 100, signal).then(() => (isAwake = true))
  await clock.advance(99)
  assert.equal([isAwake, listenersOf(signal), clock.waiting()], [false, 1, [1]])
  await clock.advance(1)
  await slept
  assert.equal([isAwake, listenersOf(signal), clock.waiting()], [true, 0, []])
})

sleeping('wakes at once when the signal aborts, and leaves nothing behind', async () => {
  const clock = virtualClock()
  const controller = new AbortController()
  const { signal } = controller
  const slept = sleep(clock, 100, signal)
  controller.abort()
  await slept
  assert.equal([listenersOf(signal), clock.waiting()], [0, []])
})

sleeping('does not wait where the signal has aborted already', async () => {
  const clock = virtualClock()
  const controller = new AbortController()
  const { signal } = controller
  controller.abort()
  const slept = sleep(clock, 100, signal)
  assert.equal([listenersOf(signal), clock.waiting()], [0, []])
  await slept
})

sleeping(
  'has one listener where many wait for one signal, wakes all of them, and leaves nothing behind',
  async () => {
    const clock = virtualClock()
    const controller = new AbortController()
    const { signal } = controller
    const slept = [sleep(clock, 50, signal), sleep(clock, 100, signal), sleep(clock, 100, signal)]
    assert.is(listenersOf(signal), 1)
    await clock.advance(50)
    await slept[0]
    assert.is(listenersOf(signal), 1)
    controller.abort()
    await Promise.all(slept)
    assert.equal([listenersOf(signal), clock.waiting()], [0, []])
  }
)

sleeping.run()

const limited = suite('within')

limited('gives what the promise gives in time, and sets no timer for longer', async () => {
  const clock = virtualClock()
  assert.is(await within(clock, 100, Promise.resolve('done')), 'done')
  await turn()
  assert.equal(clock.waiting(), [])
})

limited('gives nothing where the promise takes longer', async () => {
  const clock = virtualClock()
  const answer = within(clock, 100, new Promise(() => undefined))
  await clock.advance(100)
  assert.is(await answer, undefined)
})

limited('rejects with what the promise rejects with', async () => {
  const clock = virtualClock()
  const refused = await within(clock, 100, Promise.reject(new Error('no'))).catch(
    (error: Error) => error.message
  )
  await turn()
  assert.equal([refused, clock.waiting()], ['no', []])
})

limited.run()

const system = suite('systemClock')

system('does not take a wait that Node cannot do for none', async () => {
  const { signal } = new AbortController()
  for (const delayMs of [2 ** 31, 2 ** 40, Infinity]) {
    let isCalled = false
    const cancel = systemClock.after(delayMs, () => (isCalled = true))
    await sleep(systemClock, 20, signal)
    cancel()
    assert.is(isCalled, false)
  }
})

system.run()

const recurring = suite('every')

recurring('calls so long after the end of the last call, and not after it is told to stop', async () => {
  const clock = virtualClock()
  let calls = 0
  let end = (): void => undefined
  const stop = every(clock, 100, () => {
    calls += 1
    return new Promise<void>((resolve) => (end = resolve))
  })
  await clock.advance(99)
  assert.equal([calls, clock.waiting()], [0, [1]])
  await clock.advance(1)
  assert.equal([calls, clock.waiting()], [1, []])
  await clock.advance(1_000)
  assert.is(calls, 1)
  end()
  await turn()
  assert.equal([calls, clock.waiting()], [1, [100]])
  await clock.advance(100)
  assert.is(calls, 2)
  end()
  await turn()
  stop()
  assert.equal([calls, clock.waiting()], [2, []])
})

recurring('does not begin anew where it is told to stop during a call', async () => {
  const clock = virtualClock()
  let end = (): void => undefined
  const stop = every(clock, 100, () => new Promise<void>((resolve) => (end = resolve)))
  await clock.advance(100)
  stop()
  end()
  await turn()
  assert.equal(clock.waiting(), [])
})

recurring.run()

const aborting = suite('aborted')

aborting('resolves when the signal aborts, and no sooner', async () => {
  const controller = new AbortController()
  let isAborted = false
  const told = aborted(controller.signal).then(() => (isAborted = true))
  await turn()
  assert.equal([isAborted, listenersOf(controller.signal)], [false, 1])
  controller.abort()
  await told
  assert.equal([isAborted, listenersOf(controller.signal)], [true, 0])
})

aborting('resolves where the signal has aborted before, and listens to nothing', async () => {
  const controller = new AbortController()
  controller.abort()
  await aborted(controller.signal)
  assert.is(listenersOf(controller.signal), 0)
})

aborting.run()
