import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Failure,
  defect,
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
import type { Captured } from '../../lib/core/captured.js'
import { failureFromJson } from '../../lib/core/failure-json.js'
import { failureToJson } from '../../lib/core/failure-to-json.js'
import { right } from '../../lib/core/result.js'

const issue = { path: '.total', message: 'expected number' }
const miss = { route: 'route 1', reason: 'says no' }

/** Each failure with what makes it none: fields that are gone or of another kind. */
const all: readonly (readonly [Failure, Readonly<Record<string, readonly unknown[]>>])[] = [
  [
    noMatch([miss, miss]),
    { routes: [undefined, miss, [miss, { route: 'a' }], [{ reason: 'b' }], [null], 'a'] }
  ],
  [multipleMatches(['a', 'b']), { routes: [undefined, 'a', ['a', 1], [1, 'a'], { every: true }] }],
  [malformed([issue]), { issues: [undefined, issue, [issue, { path: '' }], [{ message: '' }], [undefined]] }],
  [rejected('late'), { code: [undefined, 1, null] }],
  [
    defect('here', new Error('late')),
    { where: [undefined, 1], name: [undefined, 1], message: [undefined, 1] }
  ],
  [
    hookFailed('db', 'acquire', new Error('late')),
    {
      hook: [undefined, 1],
      phase: [undefined, 1],
      error: [undefined, null, 'late', { name: 'a' }, { message: 'b' }]
    }
  ],
  [timedOut(5), { afterMs: [undefined, '5'], abandoned: [undefined, 0, 'no'] }],
  [tooManyDeliveries(5), { count: [undefined, '5', null] }],
  [
    dlqUnavailable('full', rejected('late')),
    { reason: [undefined, 1], failure: [undefined, null, { _tag: 'No' }] }
  ]
]

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

const kept = suite('failures as JSON')

kept('are written and read back, each of them', () => {
  for (const [failure] of all)
    assert.equal(
      failureFromJson(JSON.parse(JSON.stringify(failureToJson(failure)))),
      right(failure),
      failure._tag
    )
})

/** What is kept of them without being checked by the guard: of another kind it is no failure that was written. */
const odd: readonly (readonly [Failure, Readonly<Record<string, readonly unknown[]>>])[] = [
  [
    noMatch([miss], 3),
    { more: ['3', null], routes: [[{ route: 1, reason: 'a' }], [{ route: 'a', reason: 1 }]] }
  ],
  [malformed([issue]), { issues: [[{ path: 1, message: 'a' }], [{ path: 'a', message: 1 }]] }],
  [defect('here', 'late'), { stack: [1, null], causes: ['late', [1], [{ name: 'a' }], [{ message: 'a' }]] }],
  [
    hookFailed('db', 'acquire', 'late'),
    { phase: ['', 'begin'], error: [{ name: 'a', message: 'b', stack: 1 }] }
  ]
]

kept('are read back only where each field is there and of its kind', () => {
  for (const [failure, others] of [...all, ...odd])
    for (const [name, values] of Object.entries(others))
      for (const value of values) {
        const json: unknown = JSON.parse(JSON.stringify({ ...failure, [name]: value }))
        const said = `${failure._tag}.${name} ${JSON.stringify(value)}`
        assert.is(failureFromJson(json)._tag, 'Left', said)
      }
  for (const value of [undefined, null, 'Rejected', 7, [], {}, { _tag: 'Acked' }, { code: 'late' }])
    assert.is(failureFromJson(value)._tag, 'Left', JSON.stringify(value))
})

kept('tell of what was given for a failure and is none, or cannot be read', () => {
  const none = {
    _tag: 'Defect',
    where: 'the failure',
    name: 'TypeError',
    message: 'what was given is no failure'
  }
  const unreadable = {
    get _tag() {
      throw new Error('not to be read')
    }
  }
  const odd = { _tag: 'TimedOut', afterMs: '5', abandoned: false }
  for (const given of [unreadable, { _tag: 'Rejected' }, odd, undefined]) {
    assert.equal(failureToJson(given as never), none)
    assert.ok(isFailure(failureToJson(given as never)))
  }
})

kept('are bounded in what they list, and count what NoMatch does not name', () => {
  const many = <A>(item: A): readonly A[] => Array.from({ length: 150 }, () => item)
  const hundred = <A>(item: A): readonly A[] => many(item).slice(50)
  assert.equal(failureToJson(noMatch(many(miss), 3)), noMatch(hundred(miss), 53))
  assert.equal(failureToJson(multipleMatches(many('a'))), multipleMatches(hundred('a')))
  assert.equal(failureToJson(malformed(many(issue))), malformed(hundred(issue)))
})

kept('are bounded in how many errors they tell of', () => {
  const within = (depth: number): Error =>
    depth === 0
      ? new Error('late')
      : new AggregateError(
          Array.from({ length: 8 }, () => within(depth - 1)),
          'many'
        )
  const errorsIn = (json: unknown): number => JSON.stringify(json).split('"name"').length - 1
  assert.is(errorsIn(defect('here', within(4))), 24)
  const made = (depth: number): Captured => ({
    name: 'Error',
    message: 'late',
    ...(depth > 0 && { causes: Array.from({ length: 8 }, () => made(depth - 1)) })
  })
  const failure: Failure = { _tag: 'Defect', where: 'here', ...made(4) }
  assert.ok(errorsIn(failure) > 1_000)
  assert.is(errorsIn(failureToJson(failure)), 24)
})

kept('can be read back where user code made causes or a phase of its own', () => {
  const cause = { name: 3, message: null }
  const odd: Failure = { ...defect('here', 'late'), causes: [cause, {}] as never }
  const phase: Failure = { ...hookFailed('db', 'acquire', 'late'), phase: 'begin' as never }
  for (const failure of [odd, phase]) {
    assert.ok(isFailure(failure))
    const read = failureFromJson(failureToJson(failure))
    assert.is(read._tag === 'Right' && read.right._tag, failure._tag)
    assert.ok(JSON.stringify(read).includes('late'))
  }
  const released = hookFailed('db', 'release', 'late')
  assert.equal(failureFromJson(failureToJson(released)), right(released))
})

kept.run()
