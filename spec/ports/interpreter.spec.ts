import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rejected } from '../../lib/core/failure.js'
import { message } from '../../lib/core/message.js'
import { type Ended, type Report, exitCode, inFlightOf } from '../../lib/ports/interpreter.js'
import { drained } from '../support/report.js'

const error = { name: 'Error', message: 'gone\u001b[2J' }
const failure = rejected('unknown-customer')

// exitCode

const code = suite('exitCode')

code('is 0 where everything was settled, at the end or when the run was told to stop', () => {
  assert.is(exitCode(drained), 0)
  assert.is(exitCode({ ...drained, ended: { _tag: 'Aborted' }, nacked: 2, released: 3 }), 0)
})

code('is 1 where something failed, was left, or ended the run', () => {
  const left: readonly Partial<Report>[] = [{ failed: 1 }, { unsettled: 1 }, { unreadBytes: 1 }]
  for (const part of left) assert.is(exitCode({ ...drained, ...part }), 1, JSON.stringify(part))
  const ends: readonly Ended[] = [
    { _tag: 'NotStarted', error },
    { _tag: 'Stopped', id: '17', failure },
    { _tag: 'SourceLost', error },
    { _tag: 'TooManyAbandoned', count: 8 }
  ]
  for (const ended of ends) assert.is(exitCode({ ...drained, ended }), 1, ended._tag)
})

code.run()

// inFlightOf

const inFlight = suite('inFlightOf')

inFlight('tells of a message what there is to know while its handler runs', () => {
  const given = message('Hello', { id: '7', source: 'orders', deliveryCount: 2 })
  given.trace.route = 'route 1'
  assert.equal(inFlightOf(given), {
    id: '7',
    source: 'orders',
    deliveryCount: 2,
    route: 'route 1',
    startedAt: undefined
  })
})

inFlight.run()
