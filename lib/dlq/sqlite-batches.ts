/** Group commit: letters that come at the same time are stored in one transaction. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { DlqError } from '../core/letter.js'
import { left, right } from '../core/result.js'
import type { Row } from './row.js'

/** Stores rows, and says of each why it was not. */
export type StoreRows = (
  rows: readonly Row[]
) => Promise<Either<DlqError, readonly (string | undefined)[]>>

/**
 * What is put while a transaction is under way goes into the next one; one that is put alone waits for nothing but
 * its turn of the event loop. Each is answered after its own commit.
 */
export const batches = (location: string, store: StoreRows): ((row: Row) => Promise<Either<DlqError, void>>) => {
  let waiting: Waiting[] = []
  let isStoring = false
  let isPlanned = false

  const plan = (): void => {
    if (isPlanned || isStoring || waiting.length === 0) return
    isPlanned = true
    setImmediate(() => {
      isPlanned = false
      void storeNext()
    })
  }

  const storeNext = async (): Promise<void> => {
    const batch = waiting.slice(0, fitting(waiting))
    waiting = waiting.slice(batch.length)
    isStoring = true
    const stored = await store(batch.map(({ row }) => row))
    isStoring = false
    batch.forEach(({ answer }, index) => {
      if (stored._tag === 'Left') return answer(stored)
      const reason = stored.right[index]
      answer(reason === undefined ? right(undefined) : left({ reason: `${location}: ${reason}` }))
    })
    plan()
  }

  return (row) =>
    new Promise((answer) => {
      waiting.push({ row, answer })
      plan()
    })
}

// helpers

interface Waiting {
  readonly row: Row
  readonly answer: (stored: Either<DlqError, void>) => void
}

const maxRows = 256
const maxBytes = 8 * 1_048_576

/** How many of those who wait go into one transaction: at least one, however large. */
const fitting = (waiting: readonly Waiting[]): number => {
  let bytes = 0
  const end = waiting.findIndex(({ row }, index) => {
    bytes += row.bytes.length
    return index === maxRows || (index > 0 && bytes > maxBytes)
  })
  return end === -1 ? waiting.length : end
}
