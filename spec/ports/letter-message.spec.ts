import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { malformed } from '../../lib/core/failure.js'
import type { StoredLetter } from '../../lib/core/letter.js'
import { interruption, interruptionOf } from '../../lib/core/message.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { toMessage } from '../../lib/ports/letter-message.js'
import { letter } from '../support/letters.js'
import { onlyLetter, put } from '../support/replay-stores.js'

const stored = async (fields: Parameters<typeof letter>[0]): Promise<StoredLetter> => {
  const store = memoryDlq()
  await put(store, fields ?? {})
  return onlyLetter(store)
}

const made = suite('toMessage')

made('is the message as it was, delivered for the first time, with nothing of what was tried', async () => {
  const fault = malformed([{ path: '', message: 'too long' }])
  const dead = await stored({ id: '17', source: 'orders', deliveryCount: 5, fault })
  const { id, source, headers, bytes, receivedAt, deliveryCount, redelivers, body, raw, trace } =
    toMessage(dead)
  assert.equal(
    [id, source, headers, bytes, receivedAt, deliveryCount, redelivers, body, raw],
    ['17', 'orders', { tenant: 'a' }, letter().bytes, 3, 1, true, undefined, undefined]
  )
  assert.equal(trace, {
    route: undefined,
    startedAt: undefined,
    attempts: [],
    unstored: undefined,
    storedIn: undefined
  })
  assert.equal([toMessage(dead).fault, toMessage(dead).letter], [fault, dead])
})

made('has the edited bytes of a letter that was edited', async () => {
  const dead = await stored({})
  const bytes = Uint8Array.from([1, 2])
  assert.equal(toMessage({ ...dead, bytes, original: dead.bytes }).bytes, bytes)
})

made('is wanted until its signal says otherwise', async () => {
  const dead = await stored({})
  const stopping = new AbortController()
  const [alone, held] = [toMessage(dead), toMessage(dead, stopping.signal)]
  stopping.abort(interruption('leaseLost'))
  assert.equal([interruptionOf(alone), interruptionOf(held)], [undefined, 'leaseLost'])
})

made('gives each message a record of its own', async () => {
  const dead = await stored({})
  const [first, second] = [toMessage(dead), toMessage(dead)]
  first.trace.route = 'order'
  assert.is(second.trace.route, undefined)
})

made.run()
