import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Captured } from '../../lib/core/captured.js'
import {
  type Failure,
  defect,
  dlqUnavailable,
  hookFailed,
  isFailure,
  malformed,
  multipleMatches,
  noMatch,
  rejected
} from '../../lib/core/failure.js'
import { left, right } from '../../lib/core/result.js'
import { failureFromJson } from '../../lib/failures/from-json.js'
import { failureToJson } from '../../lib/failures/to-json.js'

import { all, issue, miss } from '../support/failures.js'

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
const json = suite('failureToJson, failureFromJson')

json('give the failure back', () => {
  const failures = [
    noMatch([{ route: 'a', reason: 'says no' }], 3),
    malformed([{ path: '.total', message: 'expected number' }]),
    rejected('late', { by: 3 }),
    defect('the handler of a', new Error('boom', { cause: 'x' })),
    dlqUnavailable('full', rejected('late'))
  ]
  for (const failure of failures)
    assert.equal(failureFromJson(JSON.parse(JSON.stringify(failureToJson(failure)))), right(failure))
})

json('can be written whatever the details are', () => {
  const cyclic: Record<string, unknown> = { big: 10n, at: new Date(0), no: undefined, f: () => 1 }
  cyclic.self = cyclic
  const text = JSON.stringify(failureToJson(rejected('odd', cyclic as never)))
  assert.ok(text.includes('"big":"10"') && text.includes('1970') && text.includes('nested too deeply'), text)
})

json('says that data is nested too deeply to be read', () => {
  const text = `${'{"name":"Error","message":"late","causes":['.repeat(20_000)}${']}'.repeat(20_000)}`
  const nested = { _tag: 'HookFailed', hook: 'tx', phase: 'acquire', error: JSON.parse(text) as unknown }
  assert.equal(failureFromJson(nested), left([{ path: '', message: 'nested too deeply' }]))
})

json('says where data is no failure', () => {
  assert.is(failureFromJson({ _tag: 'Rejected' })._tag, 'Left')
  assert.is(failureFromJson({ _tag: 'Nonsense' })._tag, 'Left')
})

json.run()
