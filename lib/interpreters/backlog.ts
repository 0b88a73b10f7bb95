/** What was pulled and not started yet, in the batches in which it came. */
import type { Delivery } from '../ports/source.js'

export interface Backlog {
  readonly add: (batch: readonly Delivery[]) => void
  /** The next that may be started. */
  readonly first: () => Delivery | undefined
  /** Takes that one away: it is started, or answered for. */
  readonly dropFirst: () => void
  /** All that waits, startable or not. */
  readonly all: () => readonly Delivery[]
  /** Forgets all that waits. */
  readonly clear: () => void
}

export const backlog = (): Backlog => {
  const later: (readonly Delivery[])[] = []
  let batch: readonly Delivery[] = []
  let next = 0
  return {
    add: (added) => {
      if (added.length === 0) return
      if (next < batch.length) later.push(added)
      else {
        batch = added
        next = 0
      }
    },
    first: () => batch[next],
    dropFirst: () => {
      next += 1
      if (next < batch.length) return
      batch = later.shift() ?? []
      next = 0
    },
    all: () => [...batch.slice(next), ...later.flat()],
    clear: () => {
      later.length = 0
      batch = []
      next = 0
    }
  }
}
