/** The outcomes of several messages, to be compared as a whole. */
import type { Task } from 'fp-ts/lib/Task.js'
import { type Message, message } from '../core/message.js'
import type { Outcome } from '../core/outcome.js'
import type { Processor } from '../core/processor.js'

/**
 * Runs messages one after the other and gives their outcomes in that order. What is no message is the payload of one,
 * whose id is its place in the list, from 1. Nothing is brought back: that is a source's work (`memory`).
 *
 * @example
 * const processor = pipe(
 *   receive(json),
 *   handle(route(byField('type', 'order.placed'), async () => ack))
 * )
 * const given = await outcomes(processor, [{ type: 'order.placed' }, 'not JSON'])()
 * assert.equal(given, [ack, failed(malformed([{ path: '', message: 'not JSON' }]))])
 *
 * @since 0.1.0
 */
export const outcomes =
  (processor: Processor, messages: Iterable<unknown>): Task<readonly Outcome[]> =>
  async () => {
    const given: Outcome[] = []
    for (const each of messages) {
      const id = String(given.length + 1)
      given.push(await processor(isMessage(each) ? each : message(each, { id }))())
    }
    return given
  }

// helpers

/** By what no payload has: another copy of this library may have made it. */
const isMessage = (value: unknown): value is Message =>
  typeof value === 'object' &&
  value !== null &&
  'bytes' in value &&
  value.bytes instanceof Uint8Array &&
  'trace' in value &&
  'signal' in value
