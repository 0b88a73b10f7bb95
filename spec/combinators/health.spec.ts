import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Health, health } from '../../lib/combinators/health.js'
import { defect, rejected } from '../../lib/core/failure.js'
import type { Event, Gauges, Report } from '../../lib/ports/interpreter.js'
import { virtualClock } from '../support/clock.js'

const gauges: Gauges = { unsettled: 1, inFlight: 1, isPaused: false, abandoned: 0 }
const report: Report = {
  received: 1,
  acked: 1,
  nacked: 0,
  failed: 0,
  deadLettered: 0,
  released: 0,
  unsettled: 0,
  unreadBytes: 0,
  durationMs: 1,
  storedIn: [],
  ended: { _tag: 'Drained' }
}
const ready: Event = { _tag: 'Ready', inFlight: () => [] }
const beat: Event = { _tag: 'Measured', gauges }

const brief = ({ status }: Health): readonly unknown[] => {
  const { isLive, isReady, reason } = status()
  return [isLive, isReady, reason]
}

const run = suite('health')

run('is live and not ready before the run has started', () => {
  assert.equal(brief(health(15_000, virtualClock())), [true, false, 'it has not started'])
})

run('refuses a time that makes no sense', () => {
  for (const staleMs of [0, -1, Number.NaN])
    assert.throws(
      () => health(staleMs, virtualClock()),
      (error: unknown) => error instanceof RangeError && /staleMs/.test(error.message),
      String(staleMs)
    )
})

run('is ready while messages are taken, and says why not', () => {
  const watched = health(15_000, virtualClock())
  const told = (...events: readonly Event[]) => {
    for (const event of events) watched.onEvent(event)
    return brief(watched)
  }
  assert.equal(told(ready), [true, true, undefined])
  const error = { name: 'Error', message: 'gone' }
  assert.equal(told({ _tag: 'Unready', error }), [true, false, 'the source does not answer'])
  const failure = rejected('late')
  assert.equal(told({ _tag: 'Paused', failure })[1], false)
  assert.equal(told({ _tag: 'Reconnected', afterMs: 1 }), [true, false, 'the dead letter queue cannot store'])
  assert.equal(told({ _tag: 'Resumed', afterMs: 1 }), [true, true, undefined])
  assert.equal(
    told({ _tag: 'Reported', id: '1', outcome: { _tag: 'Failed', failure: defect('a', 'b') } })[1],
    true
  )
  assert.equal(told({ _tag: 'Draining', inFlight: 1 }), [true, false, 'it stops'])
})

run(
  'is live while something is heard, also if nothing happens, and else neither live nor ready',
  async () => {
    const clock = virtualClock()
    const watched = health(15_000, clock)
    watched.onEvent(ready)
    for (let beats = 0; beats < 10; beats += 1) {
      await clock.advance(5_000)
      watched.onEvent(beat)
    }
    assert.equal(brief(watched), [true, true, undefined])
    await clock.advance(15_000)
    assert.is(watched.status().isLive, true)
    await clock.advance(1)
    assert.equal(brief(watched), [false, false, 'nothing was heard for 15001 ms'])
    watched.onEvent(beat)
    assert.equal(brief(watched), [true, true, undefined])
  }
)

run('is neither live nor ready at once when the run has ended, until another one is ready', async () => {
  const clock = virtualClock()
  const watched = health(15_000, clock)
  watched.onEvent(ready)
  const error = { name: 'Error', message: 'a secret' }
  for (const ended of [{ _tag: 'Drained' }, { _tag: 'SourceLost', error }] as const) {
    watched.onEvent({ _tag: 'Ended', report: { ...report, ended } })
    assert.equal(brief(watched), [false, false, `it has ended (${ended._tag})`])
  }
  await clock.advance(20_000)
  watched.onEvent(beat)
  assert.equal(brief(watched), [false, false, 'it has ended (SourceLost)'])
  watched.onEvent(ready)
  assert.equal(brief(watched), [true, true, undefined])
})

run('knows what is in flight, and the gauges that it was told last', () => {
  const watched = health(15_000, virtualClock())
  const one = { id: '1', source: 'a', deliveryCount: 1, route: undefined, startedAt: undefined }
  watched.onEvent({ _tag: 'Ready', inFlight: () => [one] })
  watched.onEvent(beat)
  const { inFlight, gauges: last } = watched.status()
  assert.equal([inFlight, last], [[one], gauges])
})

run.run()
