import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Failure,
  dlqUnavailable,
  hookFailed,
  isFailure,
  malformed,
  multipleMatches,
  noMatch,
  rejected,
  timedOut,
  tooManyDeliveries
} from '../../lib/core/failure.js'

import { all, issue, miss } from '../support/failures.js'

const guard = suite('isFailure')

guard('takes what is one, and nothing that lacks a field or has another kind of it', () => {
  for (const [failure, others] of all) {
    assert.ok(isFailure(failure), failure._tag)
    for (const [name, values] of Object.entries(others))
      for (const value of values)
        assert.not(
          isFailure({ ...failure, [name]: value }),
          `${failure._tag}.${name} ${JSON.stringify(value)}`
        )
  }
})

guard('takes nothing of another tag, or of none', () => {
  const fields = Object.assign({}, ...all.map(([failure]) => failure)) as object
  for (const _tag of ['Acked', 'constructor', '', undefined, null, 7])
    assert.not(isFailure({ ...fields, _tag }))
  for (const value of [undefined, null, 'Rejected', 7, () => rejected('late')]) assert.not(isFailure(value))
  for (const [failure] of all) if (failure._tag !== 'NoMatch') assert.not(isFailure({ _tag: failure._tag }))
})

guard('takes failures of queues around each other, four deep and no deeper', () => {
  const within = (depth: number): Failure =>
    depth === 0 ? rejected('late') : dlqUnavailable('full', within(depth - 1))
  assert.equal(
    [1, 2, 3, 4, 5, 6].map((depth) => isFailure(within(depth))),
    [true, true, true, true, false, false]
  )
})

guard.run()

const made = suite('constructors of failures')

made('make what their names say', () => {
  assert.equal(noMatch(), { _tag: 'NoMatch', routes: [] })
  assert.equal(noMatch([miss]), { _tag: 'NoMatch', routes: [miss] })
  assert.equal(noMatch([miss], 2), { _tag: 'NoMatch', routes: [miss], more: 2 })
  assert.equal(multipleMatches(['a']), { _tag: 'MultipleMatches', routes: ['a'] })
  assert.equal(malformed([issue]), { _tag: 'Malformed', issues: [issue] })
  assert.equal(rejected('late'), { _tag: 'Rejected', code: 'late' })
  assert.equal(rejected('late', null), { _tag: 'Rejected', code: 'late', details: null })
  assert.equal(hookFailed('db', 'release', 'gone'), {
    _tag: 'HookFailed',
    hook: 'db',
    phase: 'release',
    error: { name: 'string', message: 'gone' }
  })
  assert.equal(timedOut(5), { _tag: 'TimedOut', afterMs: 5, abandoned: false })
  assert.equal(timedOut(5, true), { _tag: 'TimedOut', afterMs: 5, abandoned: true })
  assert.equal(tooManyDeliveries(5), { _tag: 'TooManyDeliveries', count: 5 })
  assert.equal(dlqUnavailable('full', rejected('late')), {
    _tag: 'DlqUnavailable',
    reason: 'full',
    failure: { _tag: 'Rejected', code: 'late' }
  })
})

made.run()
