/** Every kind of failure, with what makes it none. */
import {
  type Failure,
  defect,
  dlqUnavailable,
  hookFailed,
  malformed,
  multipleMatches,
  noMatch,
  rejected,
  timedOut,
  tooManyDeliveries
} from '../../lib/core/failure.js'

export const issue = { path: '.total', message: 'expected number' }
export const miss = { route: 'route 1', reason: 'says no' }

/** Each failure with what makes it none: fields that are gone or of another kind. */
export const all: readonly (readonly [Failure, Readonly<Record<string, readonly unknown[]>>])[] = [
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
