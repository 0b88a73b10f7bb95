import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Message, message, withBody } from '../../lib/core/message.js'
import { and, named, not, or } from '../../lib/matchers/composed.js'
import { byField, byHeader } from '../../lib/matchers/keyed.js'
import { type Matching, toMatcher } from '../../lib/matchers/matching.js'
import { sensitive } from '../../lib/matchers/sensitive.js'

const Order = t.type({ type: t.literal('order'), total: t.number })
const Card = t.type({ card: sensitive(t.string) })
const large = ({ bytes }: Message) => bytes.length > 1_000
const order = byField('type', 'order')
const push = byHeader('event', 'push')

const parts = (matching: Matching<any>): readonly unknown[] => {
  const { label, decided, keys, sensitive: paths } = toMatcher(matching)
  return [label, decided, keys?.length, paths?.() ?? []]
}

const built = suite('a matcher')

built('says whether its keys alone decide', () => {
  assert.equal(parts(order), ['order', true, 1, []])
  assert.equal(parts(byField('type', 'order', Order)), ['order', true, 1, []])
  assert.equal(parts(large), ['large', false, undefined, []])
  assert.equal(parts(Order).slice(1), [true, 1, []])
  assert.equal(parts(t.type({ total: t.number })).slice(1), [false, undefined, []])
})

built('of others decides by its keys where all of them do', () => {
  assert.equal(parts(and(order, push)), ['order and push', true, 1, []])
  assert.equal(parts(and(order, large)), ['order and large', false, 1, []])
  assert.equal(parts(or(order, push)), ['order or push', true, 2, []])
  assert.equal(parts(or(order, large)), ['order or large', false, undefined, []])
  assert.equal(parts(not(order)), ['not order', false, undefined, []])
  assert.equal(parts(named('orders', order)), ['orders', true, 1, []])
})

built('knows where what it takes is sensitive, and that of others', () => {
  const card = [['card']]
  for (const matching of [Card, byField('type', 'order', Card), and(large, Card), or(Card, large), not(Card)])
    assert.equal(parts(matching)[3], card)
})

built('says of each of many why it passed', () => {
  const given = withBody(message(''), { type: 'refund' })
  assert.equal(toMatcher(or(order, push)).match(given), {
    _tag: 'Passed',
    reason: '.type is "refund", not "order"; header event is absent, not "push"'
  })
  assert.equal(toMatcher(or(large, order)).match(given), {
    _tag: 'Passed',
    reason: 'says no; .type is "refund", not "order"'
  })
  assert.equal(toMatcher(not(byField('type', 'refund'))).match(given), {
    _tag: 'Passed',
    reason: 'is refund'
  })
})

built('without keys passes what does not decode, and says what is wrong', () => {
  const answer = toMatcher(t.type({ total: t.number, name: t.string })).match(withBody(message(''), {}))
  assert.ok(answer._tag === 'Passed')
  assert.match(answer.reason, /^\.total [^,]+, \.name [^,]+$/)
  const whole = toMatcher(t.number).match(withBody(message(''), 'text'))
  assert.ok(whole._tag === 'Passed')
  assert.is(whole.reason, whole.reason.trim())
})

built('that is none is refused, with what may be one', () => {
  for (const given of [undefined, null, 7, {}, { _tag: 'Other' }])
    assert.throws(
      () => toMatcher(given as Matching<any>),
      (error: unknown) =>
        error instanceof TypeError && error.message.startsWith('a matcher is a predicate, byField')
    )
})

built.run()
