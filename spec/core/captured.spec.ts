import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Captured, capture, hush, noTask } from '../../lib/core/captured.js'
import { turn } from '../support/clock.js'

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
  const named = () => 1
  assert.equal(capture(named), { name: 'function', message: String(named) })
  assert.equal(capture({ name: 3, message: [] }), { name: 'object', message: '{"name":3,"message":[]}' })
})

captured('keeps what is an error by half, and nothing that it does not have', () => {
  assert.equal(capture({ name: 'Gone' }), { name: 'Gone', message: '' })
  assert.equal(capture({ message: 'late', stack: 3 }), { name: 'Error', message: 'late' })
})

captured('keeps the cause of an aggregate error before its members, and eight of those', () => {
  const members = Array.from({ length: 10 }, (_, n) => new Error(`member ${n}`))
  const messagesOf = (thrown: unknown) => capture(thrown).causes?.map(({ message }) => message)
  const eight = members.slice(0, 8).map(({ message }) => message)
  assert.equal(messagesOf(new AggregateError(members, 'many')), eight)
  assert.equal(messagesOf(new AggregateError(members, 'many', { cause: 'why' })), ['why', ...eight])
  assert.is(messagesOf(Object.assign(new Error('odd'), { errors: 'many' })), undefined)
})

captured('keeps causes of causes, four deep and no deeper', () => {
  const within = (depth: number): Error =>
    new Error(`level ${depth}`, depth === 0 ? {} : { cause: within(depth - 1) })
  const depthOf = ({ causes: [cause] = [] }: Captured): number =>
    cause === undefined ? 0 : 1 + depthOf(cause)
  assert.equal(
    [0, 3, 4, 5, 50].map((depth) => depthOf(capture(within(depth)))),
    [0, 3, 4, 4, 4]
  )
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
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  const { message, causes } = capture(Object.assign(new Error('odd'), { errors: proxy }))
  assert.equal([message, causes], ['odd', undefined])
  const refusing = new Proxy(() => 1, {
    get: () => {
      throw new Error('no')
    }
  })
  assert.equal(capture(refusing), { name: 'function', message: 'unreadable' })
})

captured('is bounded', () => {
  const endless = (depth: number): Error =>
    new Error('x'.repeat(10_000), depth === 0 ? {} : { cause: endless(depth - 1) })
  const text = JSON.stringify(capture(endless(50)))
  assert.ok(text.length < 100_000, String(text.length))
  const wide = (depth: number): Error =>
    new AggregateError(depth === 0 ? [] : Array.from({ length: 8 }, () => wide(depth - 1)))
  const errorsIn = (error: Captured): number =>
    (error.causes ?? []).reduce((sum, cause) => sum + errorsIn(cause), 1)
  assert.is(errorsIn(capture(wide(4))), 24)
})

captured.run()

const hushed = suite('hush, noTask, capture')

hushed('let no rejection end the process, nor refuse anything else', async () => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  for (const given of [undefined, null, 3, 'text', {}, async () => 1, Promise.resolve(1)]) {
    hush(given)
    assert.throws(() => noTask(given), TypeError)
  }
  hush(Promise.reject(new Error('late')))
  assert.throws(() => noTask(Promise.reject(new Error('late'))), TypeError)
  assert.equal(capture(Promise.reject(new Error('late'))), { name: 'object', message: '{}' })
  await turn()
  process.off('unhandledRejection', listen)
  assert.equal(unhandled, [])
})

hushed.run()
