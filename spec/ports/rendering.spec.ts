import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rejected } from '../../lib/core/failure.js'
import { ack, deadLettered, failed, nack, released } from '../../lib/core/outcome.js'
import type { Ended, Event, Report } from '../../lib/ports/interpreter.js'
import { renderEvent, renderReport } from '../../lib/ports/rendering.js'
import { drained } from '../support/report.js'

const error = { name: 'Error', message: 'gone\u001b[2J' }
const failure = rejected('unknown-customer')

// renderReport

const report = suite('renderReport')

report('tells what was counted, and nothing of what was not', () => {
  assert.is(renderReport(drained), '3 received, 2 acked, 1 dead-lettered')
})

report('tells all that was left, where letters lie, and why the run ended', () => {
  assert.is(
    renderReport({
      ...drained,
      received: 10,
      nacked: 1,
      failed: 2,
      released: 3,
      unsettled: 4,
      unreadBytes: 5,
      storedIn: ['dlq.db', 'missive:dlq'],
      ended: { _tag: 'Stopped', id: 'or\nder', failure }
    }),
    [
      '10 received, 2 acked, 1 dead-lettered, 1 nacked, 2 failed, 3 released',
      'dead letters: dlq.db',
      'dead letters: missive:dlq',
      'left undone: 4 received messages',
      'left unread: 5 bytes of input',
      'stopped at or\\u000ader: rejected: unknown-customer'
    ].join('\n')
  )
})

report('tells of an end only where something is left before it', () => {
  const aborted: Report = { ...drained, ended: { _tag: 'Aborted' } }
  const lastLine = (report: Report) => renderReport(report).split('\n').at(-1)
  assert.is(lastLine({ ...aborted, released: 2 }), 'stopped')
  assert.is(lastLine({ ...aborted, unreadBytes: 5 }), 'stopped before the end')
  assert.is(lastLine({ ...aborted, unsettled: 1 }), 'stopped before the end')
})

report('tells each other end in a line, with what a terminal would act on escaped', () => {
  const lastLine = (ended: Ended) =>
    renderReport({ ...drained, ended })
      .split('\n')
      .slice(1)
  assert.equal(lastLine({ _tag: 'NotStarted', error }), ['not started: gone\\u001b[2J'])
  assert.equal(lastLine({ _tag: 'SourceLost', error }), ['the source is lost: gone\\u001b[2J'])
  assert.equal(lastLine({ _tag: 'Aborted' }), ['stopped'])
  assert.equal(lastLine({ _tag: 'TooManyAbandoned', count: 8 }), [
    'stopped: 8 handlers do not end, and were given up'
  ])
})

report.run()

// renderEvent

const event = suite('renderEvent')

const rendered = (given: Event): string | undefined => renderEvent(given)
const reported = (id: string, outcome: Extract<Event, { _tag: 'Reported' }>['outcome']) =>
  rendered({ _tag: 'Reported', id, outcome })
const stream = 'orders'

event('tells of each outcome by the id of its message', () => {
  assert.is(reported('7\u0007', ack), '7\\u0007 acked')
  assert.is(reported('7', nack()), '7 nacked')
  assert.is(reported('7', nack({ reason: 'busy' })), '7 nacked: busy')
  assert.is(reported('7\u0007', failed(failure)), '7\\u0007 failed: rejected: unknown-customer')
  assert.is(reported('7\u0007', deadLettered(failure)), '7\\u0007 dead-lettered: rejected: unknown-customer')
  assert.is(reported('7', released('shutdown')), '7 released: shutdown')
})

event('tells how the source stands', () => {
  assert.is(
    rendered({ _tag: 'Listening', address: 'http://127.0.0.1:80' }),
    'listening on http://127.0.0.1:80'
  )
  assert.is(rendered({ _tag: 'Unready', error }), 'the source does not answer: gone\\u001b[2J')
  assert.is(rendered({ _tag: 'Reconnected', afterMs: 12.6 }), 'the source answers again after 13 ms')
  assert.is(rendered({ _tag: 'Gap', durationMs: 12.4 }), 'messages of 12 ms were missed')
  assert.is(rendered({ _tag: 'Paused', failure }), 'paused: rejected: unknown-customer')
  assert.is(rendered({ _tag: 'Resumed', afterMs: 0.6 }), 'resumed after 1 ms')
  assert.is(rendered({ _tag: 'Lost', id: '7' }), '7 was given to somebody else')
  assert.is(rendered({ _tag: 'Draining', inFlight: 2 }), 'stopping: 2 in flight; once more stops at once')
})

event('tells of a group where it begins', () => {
  const made = (from: string) => rendered({ _tag: 'GroupCreated', stream, group: 'billing', from })
  assert.is(made('$'), 'group billing of orders was made, to begin with what comes now')
  assert.is(made('0'), 'group billing of orders was made, to begin at the beginning')
  assert.is(made('5-1'), 'group billing of orders was made, to begin after 5-1')
})

event('says loudly what is lost', () => {
  const lost: readonly Event[] = [
    { _tag: 'GroupLost', stream, group: 'billing', from: '0' },
    { _tag: 'Trimmed', stream, count: 3 },
    { _tag: 'Dropped', count: 3 }
  ]
  assert.equal(lost.map(renderEvent), [
    'group billing of orders WAS GONE and was made again, to begin at the beginning; what was parked before that, or left by a dead process, is lost to the group',
    '3 entries of orders ARE LOST: trimmed or deleted before they were done',
    '3 messages WERE DROPPED: they came and were not taken'
  ])
})

event('says what a gate threw', () => {
  const error = { name: 'Error', message: 'gone\u001b' }
  assert.is(rendered({ _tag: 'GateFailed', gate: 'own', error }), 'gate own failed: gone\\u001b')
})

event('has no line for what is for programs alone', () => {
  const gauges = { unsettled: 1, inFlight: 1, isPaused: false, abandoned: 0 }
  assert.is(rendered({ _tag: 'Measured', gauges }), undefined)
  // Whoever shows the events shows the report as well.
  assert.is(rendered({ _tag: 'Ended', report: drained }), undefined)
  assert.is(rendered({ _tag: 'Ready', inFlight: () => [] }), undefined)
})

event.run()
