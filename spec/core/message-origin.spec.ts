import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { timedOut } from '../../lib/core/failure.js'
import {
  type Interruption,
  type Message,
  type Origin,
  abandonmentOf,
  amend,
  fromOrigin,
  interruption,
  interruptionOf,
  message,
  restored,
  textOf,
  withLimit
} from '../../lib/core/message.js'

const utf8 = new TextEncoder()

/** What a source knows of a message, with these fields of its own. */
const origin = (fields: Partial<Origin> = {}): Origin => ({
  id: '17',
  bytes: utf8.encode('bytes'),
  headers: { kind: 'new' },
  source: 'orders',
  deliveryCount: 2,
  redelivers: true,
  receivedAt: 5,
  signal: new AbortController().signal,
  raw: 'entry',
  ...fields
})

const aborted = (reason: unknown): AbortSignal => AbortSignal.abort(reason)

// interruptions

const interrupted = suite('interruptionOf')

interrupted('says why a signal aborted, where a source or an interpreter did it', () => {
  const reasons: readonly Interruption[] = ['shutdown', 'leaseLost']
  for (const reason of reasons)
    assert.is(interruptionOf(message('', { signal: aborted(interruption(reason)) })), reason)
  for (const reason of [undefined, null, 'shutdown', new Error('shutdown'), { reason: 'shutdown' }])
    assert.is(interruptionOf(message('', { signal: aborted(reason) })), undefined)
  assert.is(interruptionOf(message('')), undefined)
})

interrupted('is what a source says, and no signal is made for it', () => {
  const unasked = fromOrigin({
    ...origin(),
    get signal(): AbortSignal {
      throw new Error('a signal was made')
    },
    interrupted: () => 'leaseLost'
  })
  assert.is(interruptionOf(unasked), 'leaseLost')
  const wanted = fromOrigin(
    origin({ signal: aborted(interruption('shutdown')), interrupted: () => undefined })
  )
  assert.is(interruptionOf(wanted), undefined)
})

interrupted('is what another signal says, where a message was given one', () => {
  const given = amend(fromOrigin(origin({ interrupted: () => 'leaseLost' })), {
    signal: aborted(interruption('shutdown'))
  })
  assert.is(interruptionOf(given), 'shutdown')
  const renamed = amend(fromOrigin(origin({ interrupted: () => 'leaseLost' })), { id: '18' })
  assert.is(interruptionOf(renamed), 'leaseLost')
})

interrupted('is not that a limit expired', () => {
  const outer = message('', { signal: aborted(interruption('leaseLost')) })
  const limit = { signal: aborted(interruption('shutdown')), abandoned: Promise.resolve(timedOut(1)) }
  assert.is(interruptionOf(withLimit(outer, { outer, ...limit })), 'leaseLost')
  const calm = message('')
  assert.is(interruptionOf(withLimit(calm, { outer: calm, ...limit })), undefined)
})

interrupted('is an error that says so', () => {
  assert.equal(
    [interruption('shutdown').message, interruption('leaseLost').message],
    ['the process shuts down', 'the lease is lost']
  )
})

interrupted.run()

const abandoned = suite('abandonmentOf')

abandoned('is that of the limit, until there is another signal', async () => {
  const outer = message('')
  const limit = { outer, signal: outer.signal, abandoned: Promise.resolve(timedOut(1, true)) }
  const limited = withLimit(outer, limit)
  assert.equal(await abandonmentOf(limited), timedOut(1, true))
  assert.is(abandonmentOf(amend(limited, { signal: new AbortController().signal })), undefined)
  assert.is(abandonmentOf(amend(limited, { id: '18' })), limit.abandoned)
  assert.is(abandonmentOf(outer), undefined)
  assert.is(abandonmentOf(fromOrigin(origin())), undefined)
})

abandoned.run()

// texts

const texts = suite('textOf')

texts('is read by the source where it can, and from bytes where these are others', () => {
  const sent = fromOrigin(origin({ text: () => 'text' }))
  assert.is(textOf(sent), 'text')
  assert.is(textOf(amend(sent, { id: '18' })), 'text')
  assert.is(textOf(amend(sent, { bytes: utf8.encode('other') })), 'other')
  assert.is(textOf(fromOrigin(origin())), 'bytes')
  assert.is(textOf(fromOrigin(origin({ text: () => undefined }))), undefined)
})

texts('is nothing where bytes are no UTF-8, and has no mark before it', () => {
  assert.is(textOf(message(Uint8Array.of(0xff, 0x41))), undefined)
  assert.is(textOf(message(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41))), 'A')
})

texts.run()

// what others made of a message

const whole = suite('restored')

whole('keeps what was spread into a plain object, with what was changed in it', () => {
  const sent = amend(fromOrigin(origin()), { headers: { tenant: 'a' } })
  sent.trace.route = 'route 1'
  const spread: Message = Object.assign({}, sent, { id: '18' })
  const again = restored(spread)
  assert.equal(
    [again.id, again.source, again.deliveryCount, again.redelivers, again.receivedAt, again.raw],
    ['18', 'orders', 2, true, 5, 'entry']
  )
  assert.equal([again.headers, textOf(again)], [{ tenant: 'a' }, 'bytes'])
  assert.is(again.trace, sent.trace)
})

whole('is the message itself, where nothing was lost, or it was written by hand', () => {
  const sent = message('Hello')
  assert.is(restored(sent), sent)
  const byHand = { ...origin(), body: 1, trace: sent.trace } as Message
  assert.is(restored(byHand), byHand)
  assert.equal(
    [textOf(byHand), interruptionOf(byHand), abandonmentOf(byHand)],
    ['bytes', undefined, undefined]
  )
  assert.is(amend(byHand, { id: '18' }).source, 'orders')
})

whole(
  'shows nothing of its origin, which may have the message itself, so that it can be compared and logged',
  () => {
    const delivery: { message?: Message } = {}
    const sent = fromOrigin(Object.assign(delivery, origin()))
    delivery.message = sent
    const other = fromOrigin(Object.assign({ message: sent }, origin({ id: '18' })))
    assert.equal(amend(sent, {}), amend(other, {}))
    assert.equal(Object.keys(sent), ['body', 'trace', 'changes'])
    assert.equal(JSON.parse(JSON.stringify(sent)), { trace: { attempts: [] }, changes: {} })
  }
)

whole.run()
