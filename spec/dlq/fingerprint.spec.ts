import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
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
import { fingerprintOf, normalised, summaryOf } from '../../lib/dlq/fingerprint.js'
import { kindOf } from '../../lib/dlq/row.js'

const normalising = suite('normalised')

normalising('leaves out what is likely to be somebody’s', () => {
  const cases = [
    ['customer 17 not found', 'customer # not found'],
    ['customer c-1893 of 12 shops', 'customer c-# of # shops'],
    ['order 3f2504e0-4f89-11d3-9a0c-0305e82c3301 is gone', 'order # is gone'],
    ['commit 4bf5122f344554c5 is missing', 'commit # is missing'],
    ['no user with ann.smith+shop@mail.example.org', 'no user with #'],
    ['Unexpected token "x" in \'{"a":1}\' at `b`', 'Unexpected token "…" in "…" at "…"'],
    ['connect ECONNREFUSED 10.0.0.17:5432', 'connect ECONNREFUSED #'],
    ['late since 2026-11-23 by 1,250.75 s', 'late since # by # s'],
    ['two\n\tlines   and spaces', 'two lines and spaces']
  ]
  for (const [given = '', expected] of cases) assert.is(normalised(given), expected)
})

normalising('leaves words as they are', () => {
  for (const text of [
    'expected number',
    'it can’t be read',
    "it can't and won't",
    'a face, faded',
    'not UTF'
  ])
    assert.is(normalised(text), text)
})

normalising('is short and comes at once, however long the text is', () => {
  const texts = ['a', 'a.', 'ab@', "'", '"', '`', '1', '1.', 'a1', '0f', '-', ' ', 'a@b.', 'x@y.z '].map(
    (part) => part.repeat(100_000 / part.length)
  )
  for (const text of texts) {
    const startedAt = performance.now()
    const summary = normalised(text)
    const tookMs = performance.now() - startedAt
    assert.ok(summary.length <= 300, `${text.slice(0, 8)}… has ${summary.length} characters`)
    assert.ok(tookMs < 1_000, `${text.slice(0, 8)}… took ${Math.round(tookMs)} ms`)
  }
})

normalising.run()

const summarising = suite('summaryOf')

summarising('says what failures of one kind have in common', () => {
  const cases: readonly (readonly [Failure, string])[] = [
    [noMatch(), 'no route matches'],
    [
      noMatch([
        { route: 'order', reason: '.version is 1, not 2' },
        { route: 'refund', reason: '.version is 7, not 3' },
        { route: 'other', reason: '.type is absent' }
      ]),
      'no route matches: .version is #, not #; .type is absent'
    ],
    [multipleMatches(['order', 'refund']), 'several routes match: order, refund'],
    [
      malformed([
        { path: '.items[3].price', message: 'expected number' },
        { path: '.items[12].price', message: 'expected number' },
        { path: '', message: 'not JSON at position 17' }
      ]),
      '.items[#].price expected number, not JSON at position #'
    ],
    [rejected('unknown-customer', { customer: 17 }), 'unknown-customer'],
    [
      defect('the handler of order', new RangeError('customer 17 not found')),
      'the handler of order: RangeError: customer # not found'
    ],
    [
      hookFailed('tx', 'acquire', new Error('pool of 10 is empty')),
      'hook tx failed to acquire: Error: pool of # is empty'
    ],
    [timedOut(5_000), 'timed out after 5000 ms'],
    [timedOut(5_000, true), 'timed out after 5000 ms'],
    [tooManyDeliveries(5), 'started too many times'],
    [dlqUnavailable('the disk is full', rejected('late')), 'late']
  ]
  for (const [failure, summary] of cases) assert.is(summaryOf(failure), summary)
})

summarising('says the same whatever numbers and ids there are', () =>
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.uuid(), fc.uuid(), (one, other, id, another) => {
      const summary = (number: number, uuid: string) =>
        summaryOf(defect('the handler of order', new Error(`customer ${number} has no order ${uuid}`)))
      assert.is(summary(one, id), summary(other, another))
    })
  )
)

summarising.run()

const fingerprinting = suite('fingerprintOf')

fingerprinting('is 12 hexadecimal digits, the same for the same kind and other for another', () => {
  const kinds: readonly Parameters<typeof fingerprintOf>[] = [
    ['Rejected', 'order', 'late'],
    ['Defect', 'order', 'late'],
    ['Rejected', 'refund', 'late'],
    ['Rejected', undefined, 'late'],
    ['Rejected', 'order', 'early'],
    ['Rejected', 'order late', ''],
    ['Rejected', '', 'order late']
  ]
  const made = kinds.map((kind) => fingerprintOf(...kind))
  for (const fingerprint of made) assert.match(fingerprint, /^[0-9a-f]{12}$/)
  assert.is(new Set(made).size, kinds.length)
  assert.equal(
    kinds.map((kind) => fingerprintOf(...kind)),
    made
  )
})

fingerprinting('is one for failures that differ in what varies, and another for another route', () => {
  const failure = (customer: number) =>
    defect('the handler of order', new Error(`customer ${customer} not found`))
  const fingerprint = (customer: number, route?: string) => kindOf(failure(customer), route).fingerprint
  assert.is(fingerprint(17, 'order'), fingerprint(18, 'order'))
  assert.is.not(fingerprint(17, 'order'), fingerprint(17, 'refund'))
  assert.is.not(fingerprint(17, 'order'), fingerprint(17))
})

fingerprinting('is one for failures whose beginnings are the same', () => {
  const issues = (count: number) =>
    malformed(Array.from({ length: count }, (_, index) => ({ path: `.field${index}x`, message: 'missing' })))
  const [short, long] = [kindOf(issues(500), 'order'), kindOf(issues(501), 'order')]
  assert.ok(short.summary.length <= 300)
  assert.equal([short.fingerprint, short.summary], [long.fingerprint, long.summary])
})

fingerprinting.run()
