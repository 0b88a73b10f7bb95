import * as fc from 'fast-check'
import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../lib/testing/random.js'
import { virtualClock } from '../../lib/testing/virtual-clock.js'

const delays = fc.array(fc.nat(50), { maxLength: 20 })

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it settled',
    (error: Error) => error.message
  )

const clock = suite('virtualClock')

clock('calls each timer at its own time, in the order in which they are due and then were set', () =>
  fc.assert(
    fc.asyncProperty(delays, async (all) => {
      const clock = virtualClock()
      const called: (readonly [number, number, number])[] = []
      all.forEach(
        (delayMs, index) => void clock.after(delayMs, () => called.push([delayMs, index, clock.monotonic()]))
      )
      assert.equal(
        clock.waiting(),
        all.toSorted((a, b) => a - b)
      )
      await clock.advance(50)
      const due = all.map((delayMs, index) => [delayMs, index, delayMs] as const)
      assert.equal(
        called,
        due.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
      )
      assert.equal(clock.waiting(), [])
    })
  )
)

clock('comes to the same place in one step as in several', () =>
  fc.assert(
    fc.asyncProperty(delays, fc.array(fc.nat(50), { minLength: 1 }), async (all, steps) => {
      const runIn = async (...parts: readonly number[]) => {
        const clock = virtualClock()
        const called: (readonly [number, number])[] = []
        // Each sets another when it is called.
        all.forEach((delayMs, index) => {
          const note = () => called.push([index, clock.monotonic()])
          clock.after(delayMs, () => {
            note()
            clock.after(delayMs, note)
          })
        })
        for (const ms of parts) await clock.advance(ms)
        return [called, clock.now(), clock.waiting()]
      }
      const whole = steps.reduce((sum, ms) => sum + ms, 0)
      assert.equal(await runIn(...steps), await runIn(whole))
    })
  )
)

clock('never calls what was cancelled, nor anything twice', async () => {
  const clock = virtualClock()
  const called: string[] = []
  const cancel = clock.after(10, () => called.push('cancelled'))
  clock.after(5, cancel)
  const cancelLate = clock.after(10, () => called.push('called'))
  await clock.advance(10)
  cancelLate()
  await clock.advance(10)
  assert.equal([called, clock.waiting()], [['called'], []])
})

clock('lets promises settle between timers, however long their chain', async () => {
  const clock = virtualClock()
  const log: string[] = []
  const chain = async () => {
    for (let index = 0; index < 100; index += 1) await Promise.resolve()
    log.push('chain')
    clock.after(0, () => log.push('set by the chain'))
  }
  clock.after(10, () => void chain())
  clock.after(11, () => log.push('next'))
  await clock.advance(20)
  assert.equal(log, ['chain', 'set by the chain', 'next'])
})

clock('begins where it is told, and says whole milliseconds, as Date does', async () => {
  const clock = virtualClock({ startAt: Date.UTC(2026, 0, 1) })
  await clock.advance(0.5)
  assert.equal([clock.now(), clock.monotonic()], [Date.UTC(2026, 0, 1), 0.5])
  await clock.advance(0.5)
  assert.equal([clock.now(), clock.monotonic()], [Date.UTC(2026, 0, 1) + 1, 1])
})

clock('never goes back: not for a delay that is none, nor for two that move it at a time', async () => {
  const clock = virtualClock()
  const at: number[] = []
  await clock.advance(10)
  for (const delayMs of [-5, Number.NaN]) clock.after(delayMs, () => at.push(clock.monotonic()))
  await Promise.all([clock.advance(10), clock.advance(5)])
  assert.equal([at, clock.monotonic()], [[10, 10], 20])
  for (const ms of [-1, Number.NaN, Infinity])
    assert.is(await messageOf(clock.advance(ms)), `advance: give milliseconds from 0 on, not ${ms}`)
})

clock('goes on after a timer that throws, which whoever moves it hears of', async () => {
  const clock = virtualClock()
  const called: number[] = []
  clock.after(1, () => {
    throw new Error('thrown')
  })
  clock.after(2, () => called.push(clock.monotonic()))
  assert.is(await messageOf(clock.advance(5)), 'thrown')
  await clock.advance(5)
  assert.equal(called, [2])
})

clock('works where a test framework has put timers of its own in the place of real ones', async () => {
  const clock = virtualClock()
  const { setImmediate, setTimeout } = globalThis
  const silent: any = () => undefined
  Object.assign(globalThis, { setImmediate: silent, setTimeout: silent })
  try {
    let isCalled = false
    clock.after(1_000, () => (isCalled = true))
    await clock.advance(1_000)
    assert.is(isCalled, true)
  } finally {
    Object.assign(globalThis, { setImmediate, setTimeout })
  }
})

clock.run()

const finishing = suite('virtualClock: finish')

finishing('gives what the promise gives, and moves no further than that needs', async () => {
  const clock = virtualClock()
  const waiting = new Promise((resolve) => void clock.after(100, () => resolve('done')))
  clock.after(101, () => undefined)
  assert.equal([await clock.finish(waiting), clock.monotonic(), clock.waiting()], ['done', 100, [1]])
  assert.is(await messageOf(clock.finish(Promise.reject(new Error('refused')))), 'refused')
})

finishing('waits for what needs no clock where no timer is left, and for the timers set then', async () => {
  const clock = virtualClock()
  const reading = async () => {
    await readFile(new URL(import.meta.url))
    await new Promise<void>((resolve) => void clock.after(500, resolve))
    return clock.monotonic()
  }
  assert.is(await clock.finish(reading()), 500)
})

finishing('says what still waits when it gives up', async () => {
  const clock = virtualClock()
  const never = new Promise(() => undefined)
  const [none, some, many] = await Promise.all([
    messageOf(clock.finish(never)),
    (async () => {
      const clock = virtualClock()
      for (const delayMs of [300, 200, 50]) clock.after(delayMs, () => undefined)
      return messageOf(clock.finish(never, 100))
    })(),
    (async () => {
      const clock = virtualClock()
      for (let index = 0; index < 7; index += 1) clock.after(10 + index, () => undefined)
      return messageOf(clock.finish(never, 1))
    })()
  ])
  assert.is(
    none,
    'the promise did not settle within maxMs, 3600000 ms of this clock; no timer of it is set, so it waits for something else, or on another clock: is { clock } given to all that waits?'
  )
  assert.is(
    some,
    'the promise did not settle within maxMs, 100 ms of this clock; timers are set for 150, 250 ms from now'
  )
  assert.is(
    many,
    'the promise did not settle within maxMs, 1 ms of this clock; timers are set for 10, 11, 12, 13, 14 ms from now and 2 more'
  )
})

finishing.run()

const drawing = suite('seededRandom')

drawing('draws the same numbers for the same seed, from 0 to 1', () =>
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const draw = () => Array.from({ length: 20 }, seededRandom(seed))
      const drawn = draw()
      assert.equal(draw(), drawn)
      assert.ok(drawn.every((number) => number >= 0 && number < 1))
      assert.ok(new Set(drawn).size > 10)
    })
  )
)

drawing('is what a clock draws from', () => {
  const clock = virtualClock({ random: seededRandom(7) })
  const random = seededRandom(7)
  assert.equal([clock.random(), clock.random()], [random(), random()])
  assert.is(virtualClock().random(), 0.5)
})

drawing.run()
