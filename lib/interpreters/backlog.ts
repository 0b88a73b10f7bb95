/** What was pulled and not started yet, in the batches in which it came. */
import type { Delivery } from '../core/source.js'

export interface Backlog {
  readonly add: (batch: readonly Delivery[]) => void
  readonly first: () => Delivery | undefined
  readonly dropFirst: () => void
  readonly all: () => readonly Delivery[]
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
    all: () => [...batch.slice(next), ...later.flat()]
  }
}
