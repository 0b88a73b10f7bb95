import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { capture } from '../../lib/core/captured.js'
import { defect, dlqUnavailable, malformed, matchFailure, noMatch, rejected } from '../../lib/core/failure.js'
import { failureToJson } from '../../lib/core/failure-to-json.js'
import { failureFromJson } from '../../lib/core/failure-json.js'
import { right } from '../../lib/core/result.js'

const matching = suite('matchFailure')

matching('takes the case of the tag, or otherwise', () => {
  const code = matchFailure({ Rejected: ({ code }) => code, otherwise: ({ _tag }) => _tag })
  assert.equal([code(rejected('late')), code(noMatch())], ['late', 'NoMatch'])
})

matching.run()

const captured = suite('capture')

captured('keeps name, message, stack and causes of an error', () => {
  const { name, message, stack, causes } = capture(new TypeError('outer', { cause: new Error('inner') }))
  assert.equal([name, message, causes?.map((cause) => cause.message)], ['TypeError', 'outer', ['inner']])
  assert.ok(stack?.includes('TypeError: outer'))
})

captured('keeps what was thrown without being an error', () => {
  assert.equal(capture('text'), { name: 'string', message: 'text' })
  assert.equal(capture(undefined), { name: 'undefined', message: 'undefined' })
  assert.equal(capture(null), { name: 'null', message: 'null' })
  assert.equal(capture({ a: 1 }), { name: 'object', message: '{"a":1}' })
})

captured('cannot be made to throw', () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('no')
      },
      ownKeys: () => {
        throw new Error('no')
      }
    }
  )
  assert.equal(capture(hostile), { name: 'object', message: '"[unreadable]"' })
  const cyclic = new Error('cyclic')
  cyclic.cause = cyclic
  assert.equal(capture(cyclic).causes, undefined)
  assert.equal(capture(Object.create(null)).name, 'object')
  assert.equal(capture(10n).message, '10')
  assert.equal(capture(Symbol('s')).message, 'Symbol(s)')
})

captured('is bounded', () => {
  const endless = (depth: number): Error =>
    new Error('x'.repeat(10_000), depth === 0 ? {} : { cause: endless(depth - 1) })
  const text = JSON.stringify(capture(endless(50)))
  assert.ok(text.length < 100_000, String(text.length))
})

captured.run()

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

json('says where data is no failure', () => {
  assert.is(failureFromJson({ _tag: 'Rejected' })._tag, 'Left')
  assert.is(failureFromJson({ _tag: 'Nonsense' })._tag, 'Left')
})

json.run()
