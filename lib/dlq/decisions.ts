/** What a store answers about one letter, and what becomes of its row. Every store decides so. */
import { Buffer } from 'node:buffer'
import type { LetterState } from '../core/letter.js'
import type { Edit, Edited, Replayed } from '../ports/letters.js'
import type { Row } from './row.js'
import {
  broughtBack,
  edited,
  emptied,
  isForSource,
  isHeldBy,
  resolved,
  settled,
  wasEnded
} from './transitions.js'

// model

/** Without `after` the row stays as it is. */
export interface Decision<A> {
  readonly answer: A
  readonly after?: Row
}

export type Decide<A> = (row: Row | undefined) => Decision<A>

// decisions

export const recalling =
  (now: number): Decide<LetterState | undefined> =>
  (row) =>
    row === undefined || !isForSource(row)
      ? { answer: row?.state }
      : { answer: 'dead', after: broughtBack(row, now) }

export const resolving =
  (by: string, now: number, keepSettledMs: number): Decide<void> =>
  (row) =>
    row === undefined || !isForSource(row)
      ? { answer: undefined }
      : { answer: undefined, after: kept(resolved(row, by, undefined, now), keepSettledMs) }

export const renewing =
  (token: string, until: number): Decide<'ok' | 'lost'> =>
  (row) =>
    row === undefined || !isHeldBy(row, token)
      ? { answer: 'lost' }
      : { answer: 'ok', after: { ...row, leaseUntil: until } }

export const settling =
  (replayed: Replayed, now: number, keepSettledMs: number): Decide<'ok' | 'lost'> =>
  (row) => {
    if (row === undefined) return { answer: 'lost' }
    if (!isHeldBy(row, replayed.token)) return { answer: wasEnded(row, replayed.token) ? 'ok' : 'lost' }
    const after = settled(row, replayed, now)
    return { answer: 'ok', after: after.state === 'resolved' ? kept(after, keepSettledMs) : after }
  }

export const editing =
  ({ from, to, by, note }: Edit, now: number): Decide<Edited> =>
  (row) => {
    if (row === undefined) return { answer: 'missing' }
    if (row.state !== 'dead') return { answer: 'busy' }
    // Made already, by a commit that was thought to have failed.
    if (row.original !== null && isSame(row.bytes, to)) return { answer: 'edited' }
    if (!isSame(row.bytes, from)) return { answer: 'changed' }
    return { answer: 'edited', after: edited(row, Uint8Array.from(to), by, note, now) }
  }

/** A settled row as it is to be kept: whole for a time, or at once as a tombstone. */
export const kept = (row: Row, keepSettledMs: number): Row => (keepSettledMs > 0 ? row : emptied(row))

// helpers

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
