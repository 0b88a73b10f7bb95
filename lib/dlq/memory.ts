/** A dead letter queue in memory, for tests: what it holds is gone with the process. */
import type { Clock } from '../core/clock.js'
import type { StoredLetter } from '../core/letter.js'
import { right } from '../core/result.js'
import { failureFromJson } from '../failures/from-json.js'
import type { DeadLetterStore } from '../ports/letters.js'
import { systemClock } from '../system.js'
import { perform } from './engine.js'
import { memoryEngine } from './memory-engine.js'
import { letterOf } from './row.js'
import { storeOver } from './store.js'

/** A store that shows what it holds. */
export interface MemoryDlq extends DeadLetterStore {
  /** What is stored, oldest first. */
  readonly letters: () => readonly StoredLetter[]
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
export const memoryDlq = ({ clock = systemClock }: { readonly clock?: Clock } = {}): MemoryDlq => {
  const engine = memoryEngine()
  const store = storeOver({
    location: 'memory',
    clock,
    readFailure: failureFromJson,
    call: async (name, ...parts) => right(perform(engine, name, parts)),
    put: async (row) => right(void engine.put([row]))
  })
  return { ...store, letters: () => engine.rows().map((row) => letterOf(row, failureFromJson)) }
}
