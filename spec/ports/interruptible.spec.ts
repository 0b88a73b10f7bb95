import { Interruptible, fromOrigin, interruptionOf } from 'missive-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

class Delivery extends Interruptible {
  readonly id = '17'
  readonly bytes = new Uint8Array()
  readonly headers = {}
  readonly source = 'spec'
  readonly deliveryCount = 1
  readonly redelivers = true
  readonly receivedAt = 0
  readonly raw = undefined
}

const interruptible = suite('Interruptible')

interruptible('is wanted until it is interrupted, and then for the first reason', () => {
  const delivery = new Delivery()
  const message = fromOrigin(delivery)
  assert.is(interruptionOf(message), undefined)
  delivery.interrupt('leaseLost')
  delivery.interrupt('shutdown')
  assert.equal([interruptionOf(message), delivery.interrupted()], ['leaseLost', 'leaseLost'])
})

interruptible('aborts its signal, whether that was asked for before or after', () => {
  const [before, after] = [new Delivery(), new Delivery()]
  const { signal } = before
  assert.not(signal.aborted)
  for (const delivery of [before, after]) delivery.interrupt('shutdown')
  for (const each of [signal, before.signal, after.signal]) {
    assert.ok(each.aborted)
    assert.is(each.reason.reason, 'shutdown')
  }
  assert.is(before.signal, signal)
})

interruptible.run()
