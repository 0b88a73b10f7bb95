import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Key,
  type Scalar,
  holds,
  missed,
  place,
  reader,
  renderKeys,
  valueAt
} from '../../lib/core/key.js'
import { type Message, message, withBody } from '../../lib/core/message.js'

const body = (path: string, value: Scalar): Key => ({ on: 'body', path, value })
const header = (path: string, value: Scalar): Key => ({ on: 'header', path, value })

const having = (given: unknown, headers: Readonly<Record<string, string>> = {}): Message =>
  withBody(message('', { headers }), given)

// readers

const reads = suite('reader')

reads('finds own fields by their dotted path, and items by their number', () => {
  const order = { total: 3, items: [{ sku: 'a' }], 'a.b': 1 }
  assert.is(reader('body', 'total')(having(order)), 3)
  assert.is(reader('body', 'items.0.sku')(having(order)), 'a')
  assert.is(valueAt('items.0.sku')(order), 'a')
  for (const path of ['missing', 'items.1.sku', 'total.x', 'a.b', 'constructor', 'items.length.x', ''])
    assert.is(reader('body', path)(having(order)), undefined, path)
})

reads('finds nothing in what is no object', () => {
  for (const given of [undefined, null, 'text', 7])
    assert.equal([reader('body', 'length')(having(given)), valueAt('a.b')(given)], [undefined, undefined])
})

reads('finds a header as it is given, and else in lower case', () => {
  const sent = having(undefined, { 'X-Kind': 'as given', 'x-kind': 'lower' })
  assert.is(reader('header', 'X-Kind')(sent), 'as given')
  assert.is(reader('header', 'X-KIND')(sent), 'lower')
  assert.is(reader('header', 'x.kind')(sent), undefined)
  assert.is(reader('header', 'toString')(sent), undefined)
})

reads.run()

// holds

const all = suite('holds')

all('asks for every key, by ===', () => {
  const order = having({ type: 'order', version: 2 }, { kind: 'new' })
  const type = body('type', 'order')
  assert.ok(holds([type])(order))
  assert.not(holds([body('version', '2')])(order))
  assert.ok(holds([type, body('version', 2), header('kind', 'new')])(order))
  assert.not(holds([type, body('version', 3)])(order))
  assert.not(holds([body('version', 3), type])(order))
  assert.ok(holds([])(order))
})

all.run()

// rendering

const rendering = suite('renderKeys')

rendering('names a text by itself, and other values with their place', () => {
  assert.is(renderKeys([[body('type', 'order.placed')]]), 'order.placed')
  assert.is(renderKeys([[body('a.version', 2)]]), '.a.version = 2')
  assert.is(renderKeys([[header('x-retry', true)]]), 'header x-retry = true')
  assert.is(
    renderKeys([[body('type', 'order'), body('version', null)], [header('kind', 'b')]]),
    'order and .version = null or b'
  )
  assert.equal([place(body('a.b', 1)), place(header('a.b', 1))], ['.a.b', 'header a.b'])
})

rendering.run()

const missing = suite('missed')

missing('says what was found in the place of what was asked for', () => {
  const found = (given: unknown) => missed([[body('type', 'order')]], having({ type: given }))
  assert.is(found('refund'), '.type is "refund", not "order"')
  assert.is(found(7), '.type is 7, not "order"')
  assert.is(found(null), '.type is null, not "order"')
  assert.is(found([]), '.type is an array, not "order"')
  assert.is(found({}), '.type is an object, not "order"')
  assert.is(missed([[body('type', null)]], having({})), '.type is absent, not null')
  assert.is(missed([[header('kind', 'a')]], having(undefined, { kind: 'b' })), 'header kind is "b", not "a"')
})

missing('names the first key that does not hold, of three alternatives at most', () => {
  const order = having({ a: 1, b: 2 })
  assert.is(missed([[body('a', 1), body('b', 3)]], order), '.b is 2, not 3')
  const alternatives = [4, 5, 6, 7].map((value) => [body('a', value)])
  assert.is(missed(alternatives, order), '.a is 1, not 4; .a is 1, not 5; .a is 1, not 6')
  assert.is(missed([[body('a', 1)], [body('b', 3)]], order), 'matches; .b is 2, not 3')
})

missing('cuts long texts short', () => {
  const said = missed([[body('type', 'order')]], having({ type: 'x'.repeat(1_000) }))
  assert.ok(said.length < 100 && said.startsWith('.type is "xxx'), said)
})

missing('shows nothing of what is sensitive, and says where nothing is', () => {
  const card = [['card']]
  const told = (given: unknown) => missed([[body('card.type', 'visa')]], having(given), card)
  assert.is(told({ card: { type: 'amex' } }), '.card.type is [sensitive], not "visa"')
  assert.is(told({}), '.card.type is absent, not "visa"')
  assert.is(missed([[body('type', 'a')]], having({ type: 'b' }), card), '.type is "b", not "a"')
  // Headers are no part of the body.
  const sent = having(undefined, { card: 'amex' })
  assert.is(missed([[header('card', 'visa')]], sent, card), 'header card is "amex", not "visa"')
})

missing.run()
