/** Group commit: letters that come at the same time are stored in one transaction. */
import type { Either } from 'fp-ts/lib/Either.js'
import { capture } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import type { DlqError } from '../core/letter.js'
import { left, right } from '../core/result.js'
import { portion } from '../ports/portion.js'
import type { Row } from './row.js'

/** Stores rows in one transaction, and says of each why it was not. Transactions are made in the order they are asked for. */
export type StoreRows = (rows: readonly Row[]) => Promise<Either<DlqError, readonly (string | undefined)[]>>

/**
 * What is put while a transaction is under way goes into the next one; one that is put alone waits for nothing but
 * its turn of the event loop. Each is answered after its own commit. Where the disk is quick, preparing rows takes
 * as long as storing them, and so the next transaction is handed over before the last is answered.
 */
export const batches = (
  location: string,
  store: StoreRows,
  clock: Clock
): ((row: Row) => Promise<Either<DlqError, void>>) => {
  let waiting: Waiting[] = []
  let storing = 0
  let isPlanned = false
  let isQuick = false
  let answeredAt = -Infinity

  const plan = (): void => {
    if (waiting.length === 0) return
    if (isQuick && storing < 2 && waiting.length >= leastAhead) void storeNext()
    if (isPlanned || storing > 0) return
    isPlanned = true
    clock.after(0, () => {
      isPlanned = false
      if (storing === 0) void storeNext()
    })
  }

  const answered: StoreRows = async (rows) => {
    try {
      return await store(rows)
    } catch (thrown) {
      return left({ reason: `${location}: ${capture(thrown).message}` })
    }
  }

  const storeNext = async (): Promise<void> => {
    const batch = portion(waiting, maxRows, maxBytes)
    if (batch.length === 0) return
    waiting = waiting.slice(batch.length)
    storing += 1
    const startedAt = clock.monotonic()
    const stored = await answered(batch.map(({ row }) => row))
    storing -= 1
    const now = clock.monotonic()
    isQuick = now - Math.max(startedAt, answeredAt) < quickMs
    answeredAt = now
    batch.forEach(({ answer }, index) => {
      if (stored._tag === 'Left') return answer(stored)
      const reason = stored.right[index]
      answer(reason === undefined ? right(undefined) : left({ reason: `${location}: ${reason}` }))
    })
    plan()
  }

  return (row) =>
    new Promise((answer) => {
      // The bytes are their owner's, who may change them or give them away.
      const own = { ...row, bytes: Uint8Array.from(row.bytes) }
      waiting.push({ row: own, weight: own.bytes.length, answer })
      plan()
    })
}

// helpers

interface Waiting {
  readonly row: Row
  readonly weight: number
  readonly answer: (stored: Either<DlqError, void>) => void
}

const maxRows = 256
const maxBytes = 8 * 1_048_576
const quickMs = 2
const leastAhead = 32
