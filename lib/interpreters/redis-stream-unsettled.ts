/** What a process has of a stream and has not settled. */
import type { EntryDelivery } from './redis-stream-entry.js'

export interface Unsettled {
  readonly add: (delivery: EntryDelivery) => void
  /** Those that are not over, and whose lease is not known to be lost. */
  readonly live: () => readonly EntryDelivery[]
  /** Says that one is over. */
  readonly drop: (delivery: EntryDelivery) => void
}

/** A list that is swept now and then: cheaper for each message than anything that can be searched. */
export const unsettledList = (): Unsettled => {
  let all: EntryDelivery[] = []
  let over = 0
  const swept = (): readonly EntryDelivery[] => {
    all = all.filter((delivery) => !delivery.isOver && delivery.interrupted() !== 'leaseLost')
    over = 0
    return all
  }
  return {
    add: (delivery) => void all.push(delivery),
    live: swept,
    drop: (delivery) => {
      if (delivery.isOver) return
      delivery.isOver = true
      over += 1
      if (over > leastSwept && over > all.length / 2) swept()
    }
  }
}

// helpers

const leastSwept = 512
