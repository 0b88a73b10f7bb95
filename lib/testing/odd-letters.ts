/** Letters, failures and fields that are hard to keep. */
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
} from '../core/failure.js'
import type { DeadLetter } from '../core/letter.js'
import { attempt, ids, late } from './store-law.js'

const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)

/** Letters with whatever a field may hold. */
export const oddLetters: readonly Partial<DeadLetter>[] = [
  { bytes: everyByte, headers: { tenant: 'a', 'X-Tenant': 'B', ['__proto__']: 'c', ä: '\u0000\n"' } },
  { bytes: Uint8Array.from({ length: 100_000 }, (_, index) => (index * index) >>> 3) },
  { bytes: new Uint8Array(), headers: {}, route: undefined, source: '' },
  { bytes: Uint8Array.from([0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80]), source: 'stdin ä' },
  { id: `'; DROP TABLE letters; -- \u0000 ä 😀`, deliveryCount: 7, receivedAt: 1_600_000_000_000 },
  { fault: malformed([{ path: '', message: 'the line is too long' }]), attempts: [attempt(1), attempt(2)] },
  { failure: noMatch([{ route: 'order', reason: '.type is absent' }], 3), route: undefined },
  { failure: multipleMatches(['order', 'refund']) },
  { failure: rejected('late', { by: [1, null, { deep: true }] }) },
  {
    failure: defect('the handler of order', new Error('boom', { cause: new TypeError('inner') })),
    attempts: []
  },
  { failure: hookFailed('tx', 'release', new RangeError('closed')) },
  { failure: timedOut(5_000, true) },
  { failure: tooManyDeliveries(5) },
  { failure: dlqUnavailable('the disk is full', late) }
]

/** What user code can put into a failure. */
export const hostileFailures = (): readonly Failure[] => {
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  const throwing = Object.defineProperty({}, 'field', {
    enumerable: true,
    get: () => {
      throw new Error('read')
    }
  })
  const details: readonly unknown[] = [
    cycle,
    throwing,
    () => 'called',
    Symbol('named'),
    10n ** 400n,
    new Date(NaN),
    new Map([[1, 2]]),
    NaN,
    'x'.repeat(1_000_000),
    Array.from({ length: 100_000 }, (_, index) => ({ index })),
    { toJSON: () => throwing },
    ids(1_000).reduce<unknown>((inner) => ({ inner }), 'deep')
  ]
  const stack = `Error: boom\n${'    at f (file:///a/b/c.js:1:2)\n'.repeat(100)}`
  const erring = (depth: number): Error =>
    Object.assign(new Error('boom'), {
      stack,
      errors: depth === 0 ? [] : ids(8).map(() => erring(depth - 1))
    })
  return [
    ...details.map((each) => rejected('late', each as never)),
    rejected('y'.repeat(10_000)),
    malformed(ids(1_000).map((id) => ({ path: `.items[${id}].price`, message: 'expected number' }))),
    noMatch(ids(1_000).map((id) => ({ route: `route ${id}`, reason: 'no' }))),
    multipleMatches(ids(1_000)),
    defect('the handler of order', erring(2)),
    ids(4).reduce<Failure>((failure) => dlqUnavailable('the disk is full', failure), late)
  ]
}

/** What code without types may give. */
export const badFields: readonly object[] = [
  { failure: undefined },
  { failure: {} },
  { failure: { _tag: 'Nonsense' } },
  { failure: { _tag: 'Malformed', issues: 'none' } },
  { failure: ids(30).reduce<Failure>((failure) => dlqUnavailable('full', failure), late) },
  { attempts: undefined },
  { attempts: [{ startedAt: NaN, durationMs: Infinity, failure: late }] },
  { attempts: [{ startedAt: '", "', durationMs: undefined, failure: late }] },
  { attempts: [{ startedAt: 1, durationMs: 1, failure: { _tag: 'Nonsense' } }] },
  { headers: null },
  { headers: { count: 1, missing: undefined, call: () => 1 } },
  { bytes: 'text' },
  { bytes: undefined },
  { id: undefined },
  { id: Symbol('id') },
  { source: 7 },
  { route: {} },
  { deliveryCount: 1.5 },
  { receivedAt: NaN },
  { fault: { _tag: 'Nonsense' } }
]
