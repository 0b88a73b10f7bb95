/** Dead letters as the messages that they were. */
import type { StoredLetter } from '../core/letter.js'
import { type Message, type Origin, fromOrigin } from '../core/message.js'

/**
 * The message of a letter: its id, source, headers and bytes, which are the edited ones if it was edited. Nothing
 * of its history counts: it is delivered for the first time.
 *
 * @example
 * const queue = memoryDlq()
 * await pipe(receive(json), handle(), withDlq(queue))(message('[1]', { id: '17' }))()
 * const [letter] = queue.letters()
 * assert.equal(letter && toMessage(letter).id, '17')
 *
 * @since 0.1.0
 */
export const toMessage = (
  letter: StoredLetter,
  signal: AbortSignal = new AbortController().signal
): Message => {
  const { id, bytes, headers, source, receivedAt, fault } = letter
  return fromOrigin({
    id,
    bytes,
    headers,
    source,
    receivedAt,
    fault,
    letter,
    signal,
    deliveryCount: 1,
    redelivers: true,
    raw: undefined
  } satisfies Origin)
}
