/** Decisions about letters in Redis: made here, and written only where the letter is still what they were made of. */
import { setTimeout as delay } from 'node:timers/promises'
import type { StreamEntry } from '../redis/entry.js'
import type { Decide } from './decisions.js'
import type { Stored } from './redis-record.js'
import { type Rows, puttingOf } from './redis-rows.js'
import type { Row } from './row.js'
import { putAgain } from './transitions.js'

// model

export interface HowToDecide {
  /** The letter as it was read. */
  readonly before?: Stored
  /** Does the decision look at bytes? */
  readonly withBytes?: boolean
  /** What is to be acknowledged when the decision is written, also where the row stays the same. */
  readonly entry?: StreamEntry | undefined
}

/** Decides, and decides again about what somebody else made of the letter meanwhile. */
export type Decided = <A>(key: string, decide: Decide<A>, how?: HowToDecide) => Promise<A>

// constructors

export const decidedOver =
  (rows: Rows): Decided =>
  async (key, decide, { before, withBytes = false, entry } = {}) => {
    const first = before ?? (await rows.find(key, withBytes))
    let stored = first
    for (let tries = 0; tries < maxTries; tries += 1) {
      const { answer, after } = decide(stored?.row)
      if (stored === undefined || after === undefined) return answer
      if (after === stored.row && entry === undefined) return answer
      const changed = await rows.change(stored, after, { withBytes, entry })
      if (changed.isDone) return answer
      // One that was removed, and came anew, is not the letter that was meant.
      stored = changed.now?.seq === first?.seq ? changed.now : undefined
      if (tries > 2) await delay(Math.random() * maxPauseMs)
    }
    throw new Error(`letter ${key}: others change it all the time; try again`)
  }

/** Stores a letter; `there` is the one that was there already, as `Rows.put` tells. */
export const putOver =
  (rows: Rows, decided: Decided) =>
  async (row: Row, entry: StreamEntry | undefined, there: Stored | undefined): Promise<void> => {
    let before = there
    while (before !== undefined) {
      const isThere = await decided(row.key, again(row), { before, entry })
      if (isThere) return
      before = (await rows.put([puttingOf(row, entry)]))[0]
    }
  }

// helpers

const maxTries = 100
const maxPauseMs = 10

const again =
  (put: Row): Decide<boolean> =>
  (found) =>
    found === undefined ? { answer: false } : { answer: true, after: putAgain(found, put) }
