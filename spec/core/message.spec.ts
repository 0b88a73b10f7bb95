import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { malformed } from '../../lib/core/failure.js'
import type { StoredLetter } from '../../lib/core/letter.js'
import {
  type Message,
  type MessageFields,
  type Origin,
  abandonmentOf,
  amend,
  fromOrigin,
  interruption,
  interruptionOf,
  message,
  restored,
  textOf,
  withBody,
  withLimit
} from '../../lib/core/message.js'
import { letter } from '../support/letters.js'

const fieldsOf = (message: Message) => ({
  id: message.id,
  bytes: message.bytes,
  body: message.body,
  headers: message.headers,
  source: message.source,
  deliveryCount: message.deliveryCount,
  redelivers: message.redelivers,
  receivedAt: message.receivedAt,
  raw: message.raw,
  fault: message.fault,
  letter: message.letter
})

/** An origin whose fields are made when first asked for, as sources have them. */
class Lazy implements Origin {
  readonly read: string[] = []
  readonly controller = new AbortController()
  readonly deliveryCount = 3
  readonly redelivers = false
  readonly receivedAt = 5
  readonly source = 'somewhere'
  readonly raw = { kind: 'lazy' }
  get id() {
    this.read.push('id')
    return '17'
  }
  get bytes() {
    this.read.push('bytes')
    return Uint8Array.from([72, 105])
  }
  get headers() {
    this.read.push('headers')
    return { tenant: 'a' }
  }
  get signal() {
    return this.controller.signal
  }
}

const stored = (): StoredLetter => ({
  ...letter(),
  key: 'a'.repeat(40),
  state: 'replaying',
  fingerprint: 'b'.repeat(12),
  firstSeenAt: 1,
  lastSeenAt: 2,
  times: 1,
  attemptCount: 1,
  original: undefined,
  events: []
})

/** What code without types does to a message. */
const spread = (message: Message, fields: object = {}): Message =>
  ({ ...(message as object), ...fields }) as never

const making = suite('message')

making('makes UTF-8 of text, keeps bytes, and makes JSON of anything else', () => {
  const bytes = Uint8Array.from([0, 255, 128])
  const utf8 = (text: string) => new TextEncoder().encode(text)
  assert.equal(message('Grüß').bytes, utf8('Grüß'))
  assert.is(message(bytes).bytes, bytes)
  assert.equal(message({ total: 3 }).bytes, utf8('{"total":3}'))
  assert.equal(message(null).bytes, utf8('null'))
  assert.equal(message([1, 'a']).bytes, utf8('[1,"a"]'))
})

making('fills in what a test does not care for', () => {
  assert.equal(fieldsOf(message('Hello')), {
    id: 'test',
    bytes: new TextEncoder().encode('Hello'),
    body: undefined,
    headers: {},
    source: 'test',
    deliveryCount: 1,
    redelivers: true,
    receivedAt: 0,
    raw: undefined,
    fault: undefined,
    letter: undefined
  })
  assert.is(message('Hello').signal.aborted, false)
})

making('takes any field', () => {
  const { signal } = new AbortController()
  const fields: MessageFields = {
    id: '17',
    bytes: Uint8Array.from([1]),
    body: 'body',
    headers: { tenant: 'a' },
    source: 'elsewhere',
    deliveryCount: 2,
    redelivers: false,
    receivedAt: 9,
    raw: 'raw',
    fault: malformed([]),
    letter: stored()
  }
  const made = message('Hello', { ...fields, signal })
  assert.equal(fieldsOf(made), fields)
  assert.is(made.signal, signal)
})

making('refuses what has no JSON form', () => {
  for (const payload of [undefined, () => 1, Symbol('s')])
    assert.throws(
      () => message(payload),
      (error: unknown) =>
        error instanceof TypeError && error.message.includes(`a ${typeof payload} has no JSON form`)
    )
})

making('gives each message a signal and a trace of its own', () => {
  const [one, other] = [message('a'), message('a')]
  assert.is(one.signal, one.signal)
  assert.is.not(one.signal, other.signal)
  assert.is.not(one.trace, other.trace)
  assert.equal(one.trace, {
    route: undefined,
    startedAt: undefined,
    attempts: [],
    unstored: undefined,
    storedIn: undefined
  })
})

making.run()

const origins = suite('fromOrigin')

origins('reads no field before it is asked for', () => {
  const origin = new Lazy()
  const made = fromOrigin(origin)
  assert.equal([origin.read, made.id, origin.read], [['id'], '17', ['id']])
})

origins('gives what the origin has', () => {
  assert.equal(fieldsOf(fromOrigin(new Lazy())), {
    id: '17',
    bytes: Uint8Array.from([72, 105]),
    body: undefined,
    headers: { tenant: 'a' },
    source: 'somewhere',
    deliveryCount: 3,
    redelivers: false,
    receivedAt: 5,
    raw: { kind: 'lazy' },
    fault: undefined,
    letter: undefined
  })
})

origins.run()

const amending = suite('amend')

amending('changes the fields it is given, and no other', () => {
  const original = message('Hello', { id: '17', headers: { tenant: 'a' } })
  const changed = amend(original, { headers: { tenant: 'b' } })
  assert.equal(fieldsOf(changed), { ...fieldsOf(original), headers: { tenant: 'b' } })
  assert.is(changed.signal, original.signal)
})

amending('leaves the message as it was', () => {
  const original = message('Hello', { id: '17' })
  amend(original, { id: '18', body: 3 })
  assert.equal([original.id, original.body], ['17', undefined])
})

amending('shares the delivery record', () => {
  const original = message('Hello')
  assert.is(amend(amend(original, { id: '1' }), { id: '2' }).trace, original.trace)
})

amending('reads nothing that it does not change', () => {
  const origin = new Lazy()
  amend(fromOrigin(origin), { id: '18' })
  assert.equal(origin.read, [])
})

amending('lays one change over another', () => {
  const twice = amend(amend(message('Hello'), { id: '1', source: 'a' }), { id: '2' })
  assert.equal([twice.id, twice.source], ['2', 'a'])
})

amending('can change the body, also to nothing', () => {
  const decoded = withBody(message('Hello'), 'Hello')
  assert.equal(
    [amend(decoded, { body: 'Bye' }).body, amend(decoded, { body: undefined }).body],
    ['Bye', undefined]
  )
  assert.is(amend(decoded, { id: '2' }).body, 'Hello')
})

amending('takes away what its source found wrong, its letter, and its own form', () => {
  const found = { ...fieldsOf(message('Hello')), signal: new AbortController().signal }
  const delivered = fromOrigin({ ...found, raw: 'raw', fault: malformed([]), letter: stored() })
  const mended = amend(delivered, { raw: undefined, fault: undefined, letter: undefined })
  assert.equal(fieldsOf(mended), fieldsOf(message('Hello')))
  assert.equal(fieldsOf(amend(delivered, { id: '2' })), { ...fieldsOf(delivered), id: '2' })
})

amending('changes a message that somebody wrote by hand', () => {
  const { trace, signal } = message('Hello')
  const written: Message = { ...fieldsOf(message('Hello')), id: '17', trace, signal }
  const changed = amend(written, { headers: { tenant: 'a' } })
  assert.equal([changed.id, changed.headers, textOf(changed)], ['17', { tenant: 'a' }, 'Hello'])
})

amending.run()

const restoring = suite('restored')

restoring('gives a message back as it is', () => {
  const original = message('Hello')
  assert.is(restored(original), original)
})

restoring('finds everything that a spread lost', () => {
  const original = fromOrigin(Object.assign(new Lazy(), { letter: stored() }))
  const found = restored(spread(original))
  assert.equal(fieldsOf(found), fieldsOf(original))
  assert.is(found.signal, original.signal)
  assert.is(found.trace, original.trace)
})

restoring('keeps what was laid over the spread', () => {
  const original = amend(message('Hello', { id: '17' }), { source: 'a' })
  const bytes = new TextEncoder().encode('Bye')
  const found = restored(spread(original, { headers: { tenant: 'b' }, bytes }))
  assert.equal(fieldsOf(found), { ...fieldsOf(original), headers: { tenant: 'b' }, bytes })
  assert.is(textOf(found), 'Bye')
})

restoring('finds it through several spreads', () => {
  const found = restored(spread(spread(message('Hello'), { id: '1' }), { source: 'a' }))
  assert.equal([found.id, found.source, textOf(found)], ['1', 'a', 'Hello'])
})

restoring('keeps the abandonment of a handler that is given up', () => {
  const abandoned = Promise.resolve(malformed([]))
  const outer = message('Hello')
  const limited = withLimit(outer, { outer, signal: new AbortController().signal, abandoned })
  assert.is(abandonmentOf(restored(spread(limited, { id: '2' }))), abandoned)
})

restoring(
  'and changing a message within a time limit leaves its signal, unless that is what is changed',
  () => {
    const abandoned = Promise.resolve(malformed([]))
    const [own, limiting, outer] = [new AbortController(), new AbortController(), message('Hello')]
    const limited = withLimit(outer, { outer, signal: limiting.signal, abandoned })
    assert.is(amend(limited, { id: '2' }).signal, limiting.signal)
    const changed = amend(limited, { signal: own.signal })
    assert.is(changed.signal, own.signal)
    limiting.abort(interruption('shutdown'))
    assert.equal([interruptionOf(limited), interruptionOf(changed)], [undefined, undefined])
    own.abort(interruption('leaseLost'))
    assert.is(interruptionOf(changed), 'leaseLost')
  }
)

restoring.run()

const texts = suite('textOf')

texts('reads UTF-8 without its byte order mark, and nothing else', () => {
  assert.is(textOf(message('Grüß')), 'Grüß')
  assert.is(textOf(message(Uint8Array.from([239, 187, 191, 72, 105]))), 'Hi')
  assert.is(textOf(message(Uint8Array.from([72, 255]))), undefined)
})

texts('asks the source, unless the bytes are other ones', () => {
  const origin = Object.assign(new Lazy(), { text: () => 'from the source' })
  assert.equal([textOf(fromOrigin(origin)), origin.read], ['from the source', []])
  assert.is(textOf(amend(fromOrigin(origin), { bytes: Uint8Array.from([72]) })), 'H')
})

texts.run()

const interrupting = suite('interruption, interruptionOf')

interrupting('tell why a delivery is no longer wanted', () => {
  for (const reason of ['shutdown', 'leaseLost'] as const) {
    const controller = new AbortController()
    const delivered = message('Hello', { signal: controller.signal })
    assert.is(interruptionOf(delivered), undefined)
    controller.abort(interruption(reason))
    assert.is(interruptionOf(delivered), reason)
  }
})

interrupting('do not take another abort for an interruption', () => {
  for (const reason of [undefined, null, 'shutdown', new Error('shutdown'), { _tag: 'TimedOut' }])
    assert.is(interruptionOf(message('Hello', { signal: AbortSignal.abort(reason) })), undefined)
})

interrupting.run()
