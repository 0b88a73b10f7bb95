/** Discarding many letters, a part at a time, so that nobody who has one to store waits for all of them. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Either } from 'fp-ts/lib/Either.js'
import type { DlqError } from '../core/letter.js'
import { right } from '../core/result.js'
import type { DiscardedPart } from './engine.js'

/** How many were discarded in all. `ask` discards at most `limit` of them, from where the part before ended. */
export const inParts = async (
  ask: (part: {
    readonly limit: number
    readonly after: string | undefined
  }) => Promise<Either<DlqError, DiscardedPart>>
): Promise<Either<DlqError, number>> => {
  let count = 0
  for (let after: string | undefined; ; await delay(pauseMs)) {
    const part = await ask({ limit: atOnce, after })
    if (part._tag === 'Left') return part
    count += part.right.count
    after = part.right.next
    if (after === undefined) return right(count)
  }
}

// helpers

/** In a file they take half a second. */
const atOnce = 10_000
/** SQLite looks after a lock that it waits for every 100 ms. */
const pauseMs = 120
