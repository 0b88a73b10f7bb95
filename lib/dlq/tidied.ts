/** A store that removes by itself what is no longer to be kept. */
import type { Task } from 'fp-ts/lib/Task.js'
import { hush } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import type { DeadLetterStore, Pruned, Retention } from '../ports/letters.js'
import { hourMs } from './engine.js'

export interface TidyOptions {
  readonly retention?: Retention
  /** Told when something was removed. */
  readonly onPruned?: (pruned: Pruned) => void
}

/** @throws RangeError if it makes no sense how long and how many letters are kept */
export const refuseRetention = (name: string, { retention = {} }: TidyOptions): void => {
  for (const [part, value] of Object.entries(retention))
    if (value !== undefined && !(value >= 0))
      throw new RangeError(`${name}: retention.${part} is ${value}; give a number of at least 0`)
}

/** Removes what is no longer to be kept, at most once an hour, after something was written. */
export const tidied = (
  store: DeadLetterStore,
  { retention, onPruned = () => undefined }: TidyOptions,
  clock: Clock
): DeadLetterStore => {
  let tidiedAt = -Infinity
  const tidy = async (): Promise<void> => {
    if (clock.monotonic() - tidiedAt < hourMs) return
    tidiedAt = clock.monotonic()
    const pruned = await store.prune(retention)()
    if (pruned._tag === 'Left')
      process.emitWarning(`what is no longer to be kept is still there: ${pruned.left.reason}`)
    else if (Object.values(pruned.right).some((count) => count > 0)) onPruned(pruned.right)
  }
  const thenTidy =
    <A extends readonly unknown[], B>(write: (...parts: A) => Task<B>): ((...parts: A) => Task<B>) =>
    (...parts) =>
    async () => {
      const written = await write(...parts)()
      hush(tidy())
      return written
    }
  return { ...store, put: thenTidy(store.put), settle: thenTidy(store.settle) }
}
