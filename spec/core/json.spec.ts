import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Json, cut, toJson } from '../../lib/core/json.js'
import { isReadable } from '../support/json-names.js'

const converting = suite('toJson')

converting('keeps JSON as it is', () =>
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => assert.equal(toJson(value), value)))
)

converting('gives JSON of anything', () =>
  fc.assert(
    fc.property(
      fc.anything({
        key: fc.string().filter(isReadable),
        withBigInt: true,
        withBoxedValues: true,
        withDate: true,
        withMap: true,
        withNullPrototype: true,
        withObjectString: true,
        withSet: true,
        withSparseArray: true,
        withTypedArray: true
      }),
      (value) => {
        const made = toJson(value)
        assert.equal(JSON.parse(JSON.stringify(made)), made)
      }
    )
  )
)

converting('names what JSON does not have', () => {
  assert.equal(
    toJson({
      big: 10n,
      infinite: -Infinity,
      none: NaN,
      at: new Date(0),
      odd: new Date(NaN),
      call: () => 1,
      symbol: Symbol('s'),
      absent: undefined,
      list: [undefined]
    }),
    {
      big: '10',
      infinite: '-Infinity',
      none: 'NaN',
      at: '1970-01-01T00:00:00.000Z',
      odd: '[unreadable]',
      call: '[function]',
      symbol: '[symbol]',
      list: ['[undefined]']
    }
  )
  assert.is(toJson(undefined), '[undefined]')
})

converting('does not call toJSON', () => {
  const hostile = {
    toJSON: () => {
      throw new Error('no')
    }
  }
  assert.equal(toJson(hostile), { toJSON: '[function]' })
})

converting('keeps a field called __proto__, and pollutes nothing', () => {
  const made = toJson(JSON.parse('{"__proto__":{"type":"order"}}'))
  assert.equal(JSON.stringify(made), '{"__proto__":{"type":"order"}}')
  assert.is(Object.getPrototypeOf(made), Object.prototype)
})

const refusing = (): never => {
  throw new Error('no')
}

converting('names what cannot be read, where it stands', () => {
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()
  const { proxy: revokedArray, revoke: revokeArray } = Proxy.revocable([], {})
  revokeArray()
  const getter = Object.defineProperty({ a: 1 }, 'b', { enumerable: true, get: refusing })
  assert.equal(toJson({ revoked, revokedArray, getter, after: 1 }), {
    revoked: '[unreadable]',
    revokedArray: '[unreadable]',
    getter: { a: 1, b: '[unreadable]' },
    after: 1
  })
  const handler: ProxyHandler<object> = {
    get: refusing,
    has: refusing,
    ownKeys: refusing,
    getPrototypeOf: refusing,
    getOwnPropertyDescriptor: refusing
  }
  assert.equal(toJson([new Proxy({}, handler), new Proxy([], handler)]), ['[unreadable]', '[unreadable]'])
  assert.is(toJson(Object.assign(new Date(0), { toISOString: refusing })), '[unreadable]')
})

const sizeOf = (value: unknown): number => JSON.stringify(toJson(value)).length
const megabyte = 1_000_000

converting('ends where a value holds itself', () => {
  const cyclic: Record<string, unknown> = { a: 1 }
  cyclic.self = cyclic
  assert.ok(sizeOf(cyclic) < megabyte)
  const list: unknown[] = []
  list.push(list)
  assert.ok(sizeOf(list) < megabyte)
})

converting('does not grow out of bounds where a value holds itself more than once', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.one = cyclic
  cyclic.other = cyclic
  assert.ok(sizeOf(cyclic) < megabyte, String(sizeOf(cyclic)))
})

converting('does not grow out of bounds where a value is shared', () => {
  const shared = Array.from({ length: 40 }).reduce<unknown>((inner) => ({ one: inner, other: inner }), 'leaf')
  assert.ok(sizeOf(shared) < megabyte, String(sizeOf(shared)))
})

converting('is bounded in depth, breadth and length', () => {
  const deep = Array.from({ length: 100_000 }).reduce<unknown>((inner) => [inner], 'leaf')
  assert.ok(sizeOf(deep) < 1_000)
  assert.ok(sizeOf(Array.from({ length: 1_000_000 }, () => 1)) < 10_000)
  assert.ok(sizeOf('x'.repeat(10_000_000)) < 10_000)
  assert.ok(sizeOf(Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`n${n}`, n]))) < 10_000)
})

converting('names what is left out for being nested too deeply, or too much', () => {
  const within = (depth: number, around: (inner: unknown) => unknown): unknown =>
    depth === 0 ? 'leaf' : around(within(depth - 1, around))
  const tooDeep = '"[nested too deeply]"'
  assert.is(
    JSON.stringify(toJson(within(20, (inner) => [inner]))),
    `${'['.repeat(16)}${tooDeep}${']'.repeat(16)}`
  )
  assert.is(
    JSON.stringify(toJson(within(20, (inner) => ({ a: inner })))),
    `${'{"a":'.repeat(16)}${tooDeep}${'}'.repeat(16)}`
  )
  const ones = Array.from({ length: 1_000 }, () => 1)
  const [first, second] = toJson([ones, 'after']) as readonly Json[]
  assert.ok(Array.isArray(first) && first.length < 500)
  assert.is(second, '[left out]')
})

converting('keeps 65,536 characters, and names what is left out', () => {
  const text = 'x'.repeat(8_192)
  const texts = Array.from({ length: 10 }, () => text)
  assert.equal(toJson(texts), [...texts.slice(0, 8), '[left out]', '[left out]'])
})

converting('is bounded in the length of names', () => {
  assert.ok(sizeOf({ ['x'.repeat(10_000_000)]: 1 }) < 10_000)
})

converting.run()

const cutting = suite('cut')

cutting('leaves text alone that is short enough', () =>
  assert.equal([cut('abc', 3), cut('', 0)], ['abc', ''])
)

cutting('gives text of at most the length, which says that it was cut', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, maxLength) => {
      const short = cut(text, maxLength)
      assert.ok(short.length <= maxLength)
      assert.is(short === text || short.endsWith('…'), true)
      assert.not.match(short, /\p{Surrogate}/u)
    })
  )
)

cutting('never leaves half a character', () => assert.is(cut('ab😀cd', 4), 'ab…'))

cutting.run()
