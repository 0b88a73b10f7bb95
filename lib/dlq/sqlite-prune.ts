/** Forgetting: what of a queue's file is removed, or left without its bytes. */
import type { Database } from 'better-sqlite3'
import type { Pruned, Retention } from '../ports/letters.js'
import { defaultTombstonesMs } from './engine.js'
import type { Rows } from './sqlite-rows.js'
import { emptied } from './transitions.js'

// model

export interface PruneNeeds {
  readonly database: Database
  readonly rows: Rows
  /** Does all of it in one transaction. */
  readonly written: <A>(write: () => A) => A
}

// pruning

export const pruning = (
  { database, rows, written }: PruneNeeds,
  retention: Retention,
  now: number
): Pruned => {
  const { keepSettledMs = 0, keepTombstonesMs = defaultTombstonesMs } = retention
  const { maxAgeMs, maxLetters, maxBytes } = retention
  const removed = (where: string, value: number): number =>
    database.prepare(`DELETE FROM letters WHERE ${where}`).run(value).changes

  const prune = (): Pruned => {
    const tombstones = removed(settledBefore, now - Math.max(keepSettledMs, keepTombstonesMs))
    const full = database
      .prepare<[number], number>(`SELECT seq FROM letters WHERE ${settledBefore} AND ${isFull}`)
      .pluck()
      .all(now - keepSettledMs)
    for (const seq of full) {
      const row = rows.at(seq)
      rows.update(row, emptied(row))
    }
    let dead = 0
    if (maxAgeMs !== undefined) dead += removed("state = 'dead' AND lastSeenAt < ?", now - maxAgeMs)
    if (maxLetters !== undefined) dead += removed(overCount, maxLetters)
    if (maxBytes !== undefined) dead += removed(overBytes, maxBytes)
    database.prepare(`DELETE FROM kinds WHERE ${isUnused}`).run()
    return { dead, tombstones, emptied: full.length }
  }

  // SQLite would look through all letters for each kind that is removed, as no index is by kind alone.
  database.pragma('foreign_keys = OFF')
  try {
    return written(prune)
  } finally {
    database.pragma('foreign_keys = ON')
  }
}

// helpers

const settledBefore = "state IN ('resolved', 'discarded') AND lastSeenAt < ?"

/** What `emptied` takes away is there. */
const isFull = "(length(bytes) > 0 OR original IS NOT NULL OR headers <> '{}')"

/** No letter is of this kind. Asked state by state, as the index is. */
const isUnused = ['dead', 'replaying', 'resolved', 'discarded']
  .map(
    (state) =>
      `NOT EXISTS (SELECT 1 FROM letters INDEXED BY letters_kind WHERE state = '${state}' AND kind = kinds.kind)`
  )
  .join(' AND ')

/** The newest `?` of the dead stay. */
const overCount = `seq IN (SELECT seq FROM letters WHERE state = 'dead' ORDER BY seq DESC LIMIT -1 OFFSET ?)`

/** The newest of the dead stay, as far as all bytes together are no more than `?`. */
const overBytes = `seq IN (
  SELECT seq FROM (
    SELECT seq, state, sum(length(bytes) + coalesce(length(original), 0))
      OVER (ORDER BY state = 'dead', seq DESC) AS total FROM letters
  ) WHERE state = 'dead' AND total > ?)`
