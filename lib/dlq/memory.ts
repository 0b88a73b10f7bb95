/** A dead letter queue in memory, for tests: what it holds is gone with the process. */
import { Buffer } from 'node:buffer'
import type { DeadLetter, Dlq } from '../core/dlq.js'
import { digestOf, storableHeaders } from './identity.js'
import { right } from '../core/result.js'

export interface MemoryDlq extends Dlq {
  /** What is stored, oldest first. */
  readonly letters: () => readonly DeadLetter[]
}

/**
 * Keeps letters in memory, one for each source, id and bytes.
 *
 * @example
 * const queue = memoryDlq()
 * const processor = pipe(receive(json), handle(otherwise(async () => ack)), withDlq(queue))
 * await processor(message('not JSON', { id: '17' }))()
 * assert.equal(queue.letters().map(({ id, failure }) => [id, failure._tag]), [['17', 'Malformed']])
 *
 * @since 0.1.0
 */
export const memoryDlq = (): MemoryDlq => {
  const letters = new Map<string, DeadLetter>()
  return {
    location: 'memory',
    letters: () => [...letters.values()],
    put: (letter) => async () => {
      const key = JSON.stringify([letter.source, letter.id, Buffer.from(digestOf(letter)).toString('hex')])
      // The bytes may be a part of something larger that would be kept alive, or be changed by its owner.
      letters.set(key, {
        ...letter,
        bytes: Uint8Array.from(letter.bytes),
        headers: storableHeaders(letter.headers)
      })
      return right(undefined)
    }
  }
}
