import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { touches } from '../../lib/core/masked.js'
import { byField } from '../../lib/matchers/keyed.js'
import { redacted, sensitiveOn } from '../../lib/matchers/masking.js'
import { toMatcher } from '../../lib/matchers/matching.js'
import { sensitive } from '../../lib/matchers/sensitive.js'

const secret = '4111-1111'
const Secret = sensitive(t.string)

// routes and places

const places = suite('sensitiveOn, touches')

places(
  'is what the route marks that took a message; of any of them, where it marks none or is not known',
  () => {
    const routes = [
      { label: 'order', matcher: toMatcher(t.type({ card: Secret })) },
      { label: 'refund', matcher: toMatcher(t.type({ reason: Secret })) },
      { label: 'plain', matcher: toMatcher(byField('type', 'plain')) },
      { label: 'otherwise', matcher: undefined }
    ]
    const takenBy = (taker: string | undefined) => sensitiveOn(routes, taker)
    assert.equal([takenBy('order'), takenBy('refund'), takenBy('plain')], [[['card']], [['reason']], []])
    for (const taker of ['otherwise', 'gone', undefined]) assert.equal(takenBy(taker), [['card'], ['reason']])
  }
)

places('is touched above, within and by something sensitive, and nowhere else', () => {
  const touching = (place: readonly string[]) => touches(place)(['lines', '*', 'card'])
  for (const place of ['', 'lines', 'lines.0', 'lines.0.card', 'lines.7.card.number'])
    assert.ok(touching(place === '' ? [] : place.split('.')), place)
  for (const place of ['total', 'lines.0.price', 'others.0.card'])
    assert.not(touching(place.split('.')), place)
})

places.run()

// copies

const copies = suite('redacted')

copies('masks what is marked, and leaves the rest and what it was given', () => {
  const Order = t.type({
    total: t.number,
    card: Secret,
    lines: t.array(t.type({ note: sensitive(t.union([t.string, t.null])), count: t.number }))
  })
  const order = { total: 3, card: secret, lines: [{ note: null, count: 1, more: [1] }], more: { card: 'c' } }
  const before = structuredClone(order)
  assert.equal(redacted(Order)(order), {
    total: 3,
    card: '[sensitive]',
    lines: [{ note: '[sensitive]', count: 1, more: [1] }],
    more: { card: 'c' }
  })
  assert.equal(order, before)
})

copies('masks whole what is not made as the codec says', () => {
  const redact = redacted(t.type({ customer: t.type({ card: Secret }), cards: t.array(Secret) }))
  assert.equal(redact({ customer: secret, cards: secret }), {
    customer: '[sensitive]',
    cards: '[sensitive]'
  })
  assert.equal(redact({ customer: [secret], cards: { a: secret } }), {
    customer: '[sensitive]',
    cards: { a: '[sensitive]' }
  })
  assert.equal(redact({ customer: null }), { customer: null })
  assert.equal([redact(secret), redact(new Map([['card', secret]]))], ['[sensitive]', '[sensitive]'])
})

copies('masks whole what one of several codecs marks whole, or finds in items', () => {
  const either = redacted(t.union([Secret, t.type({ card: Secret })]))
  assert.equal([either(secret), either({ card: secret })], ['[sensitive]', '[sensitive]'])
  const listed = redacted(t.union([t.array(t.type({ a: Secret })), t.type({ card: Secret })]))
  assert.is(listed([{ card: secret }]), '[sensitive]')
})

copies('tells the items of a tuple from fields', () => {
  const twelfth = t.tuple([...Array.from({ length: 11 }, () => t.number), Secret] as never)
  const numbers = Array.from({ length: 11 }, (_, n) => n)
  assert.equal(redacted(twelfth as t.Mixed)([...numbers, secret]), [...numbers, '[sensitive]'])
  for (const name of ['7th', 'n7', 'card'])
    assert.is(redacted(t.type({ [name]: Secret }))([secret]), '[sensitive]', name)
})

copies('masks in objects without a prototype, and nothing that is not there', () => {
  const redact = redacted(t.partial({ card: Secret }))
  const bare: unknown = Object.assign(Object.create(null) as object, { card: secret, total: 3 })
  assert.equal(redact(bare), { card: '[sensitive]', total: 3 })
  assert.equal(redact({ card: undefined, total: 3 }), { card: undefined, total: 3 })
  assert.is(redact(undefined), undefined)
})

copies('gives what is not marked at all as it is', () => {
  const value = { a: new Date(0) }
  assert.is(redacted(t.type({ a: t.unknown }))(value), value)
})

copies.run()
