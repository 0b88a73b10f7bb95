/** What keeps rows: the few things that differ between one store and another. */
import type { LetterState } from '../core/letter.js'
import type {
  Arrivals,
  Claim,
  Edit,
  Edited,
  Held,
  LetterFilter,
  LetterGroup,
  LetterName,
  LetterQuery,
  Pruned,
  Replayed,
  Retention
} from '../ports/letters.js'
import type { Row } from './row.js'

// model

export interface RowPage {
  readonly rows: readonly Row[]
  readonly next: string | undefined
}

/** How many letters were discarded, and where it goes on if that were not all of them. */
export interface DiscardedPart {
  readonly count: number
  readonly next: string | undefined
}

/** Each is done whole or not at all, and is on the disk, where there is one, when it returns. `now` is in milliseconds since the epoch. */
export interface Engine {
  /** For each row why it was not stored; `undefined` where it was. */
  readonly put: (rows: readonly Row[]) => readonly (string | undefined)[]
  readonly recall: (name: LetterName, now: number) => LetterState | undefined
  readonly resolve: (name: LetterName, by: string, now: number) => void
  readonly page: (query: LetterQuery, now: number) => RowPage
  readonly groups: (filter: LetterFilter, limit: number, now: number) => readonly LetterGroup[]
  readonly count: (filter: LetterFilter, now: number) => number
  readonly arrivals: (filter: LetterFilter, now: number) => readonly Arrivals[]
  readonly claim: (claim: Claim, now: number) => RowPage
  readonly renew: (held: readonly Held[], until: number) => readonly ('ok' | 'lost')[]
  readonly settle: (replayed: readonly Replayed[], now: number) => readonly ('ok' | 'lost')[]
  readonly edit: (edit: Edit, now: number) => Edited
  /** Those of the query that are dead; `limit` of them at least, where there are so many. */
  readonly discard: (query: LetterQuery, by: string, note: string, now: number) => DiscardedPart
  readonly add: (rows: readonly Row[]) => readonly ('added' | 'present')[]
  readonly prune: (retention: Retention, now: number) => Pruned
}

export type EngineCall = keyof Engine

/** Calls an engine by name, as those do who call it from elsewhere. */
export const perform = <K extends EngineCall>(
  engine: Engine,
  name: K,
  parts: Parameters<Engine[K]>
): ReturnType<Engine[K]> => {
  const call: (...given: any[]) => any = engine[name]
  return call(...parts)
}

/** Where a page ended, and the last letter there was when the first page was asked for. */
export const cursor = (position: number, last: number): string => `${position}.${last}`

export const cursorOf = (
  after: string | undefined,
  newest: number
): { readonly position: number | undefined; readonly last: number } => {
  if (after === undefined) return { position: undefined, last: newest }
  const [position = NaN, last = NaN] = after.split('.').map(Number)
  if (!Number.isSafeInteger(position) || !Number.isSafeInteger(last))
    throw new TypeError(`${JSON.stringify(after)} is no cursor; give the "next" of a page`)
  return { position, last }
}

/** How long a tombstone stays if nothing else is said: longer than sources usually bring messages back. */
export const defaultTombstonesMs = 7 * 24 * 3_600_000

/** A page is at least one letter, and no more once this many bytes are reached. */
export const maxPageBytes = 16 * 1_048_576

export const defaultLimit = 50

export const hourMs = 3_600_000
