/** Going through the letters that a filter means, in the order of their arrival, with bounded memory. */
import type { LetterState } from '../core/letter.js'
import type { LetterFilter, OneOrMore } from '../ports/letters.js'
import { portion } from '../ports/portion.js'
import { listOf, matches } from './filter.js'
import { type Entry, type Kind, entryOfStored, idHashOf, kindOfText, states, unread } from './redis-record.js'
import type { Rows } from './redis-rows.js'

// model

export interface Span {
  readonly isNewest?: boolean
  /** Where a page before ended; nothing up to there is given again. */
  readonly position?: number | undefined
  /** The number of the last letter that is looked at. */
  readonly last?: number
  /** How many are likely to be enough. */
  readonly wanted?: number
}

export interface Walk {
  /** Gives what a filter means in portions. */
  readonly through: (filter: LetterFilter, span?: Span) => AsyncGenerator<readonly Entry[]>
  /** The kind of an entry that was given. */
  readonly kindOf: (entry: Entry) => Kind
}

/** So much is asked for at a time, which a slow network brings as well before there is no answer. */
export const bytesAtOnce = 1_048_576

// constructors

export const walkOver = (rows: Rows): Walk => {
  const { know, kindOf } = kindsOf(rows)
  return {
    kindOf,
    through: async function* through(filter, span = {}) {
      const { isNewest = false, position, last = Number.MAX_SAFE_INTEGER, wanted = largest } = span
      const from = isNewest || position === undefined ? 0 : position + 1
      const to = isNewest && position !== undefined ? Math.min(last, position - 1) : last
      const isByKey = filter.key !== undefined && listOf(filter.key).every(isLong)
      const portions = isByKey
        ? byKey(rows, filter.key, { from, to, isNewest })
        : byIndex(rows, statesOf(filter), { from, to, isNewest, wanted })
      const isMeant = indexed(filter, kindOf)
      for await (const entries of portions) {
        await know(entries)
        const meant = entries.filter(isMeant)
        if (meant.length > 0) yield isTold(filter) ? meant : await read(rows, filter, meant)
      }
    }
  }
}

/** The states that a filter means. */
export const statesOf = ({ state }: LetterFilter): readonly LetterState[] =>
  state === undefined ? states : states.filter((each) => listOf(state).includes(each))

// helpers

interface Range {
  readonly from: number
  readonly to: number
  readonly isNewest: boolean
}

const largest = 2_500
const smallest = 64
const rowsAtOnce = 500

/** A beginning that few keys have. */
const isLong = (beginning: string): boolean => beginning.length >= 4

async function* byKey(rows: Rows, key: OneOrMore<string>, { from, to, isNewest }: Range) {
  const named = await rows.named(listOf(key).map((beginning) => beginning.toLowerCase()))
  const seqs = [...new Set(named)].filter((seq) => seq >= from && seq <= to).toSorted((a, b) => a - b)
  if (isNewest) seqs.reverse()
  for (let at = 0; at < seqs.length; at += rowsAtOnce)
    yield (await rows.read(seqs.slice(at, at + rowsAtOnce), false)).map(entryOfStored)
}

/** Small portions first: most who ask want one page. */
async function* byIndex(
  rows: Rows,
  states: readonly LetterState[],
  { isNewest, wanted, ...range }: Range & { readonly wanted: number }
) {
  let { from, to } = range
  let limit = Math.min(largest, Math.max(smallest, wanted + 1))
  while (states.length > 0 && from <= to) {
    const found = await rows.window({ states, from, to, isNewest, limit })
    // What lies behind the last of a state that may have more is not known yet.
    const ends = found.flatMap((entries) => (entries.length < limit ? [] : [entries[limit - 1]?.seq ?? 0]))
    const end = isNewest ? Math.max(0, ...ends) : Math.min(Infinity, ...ends)
    const known = found.flat().filter(({ seq }) => (isNewest ? seq >= end : seq <= end))
    if (found.length > 1) known.sort((a, b) => (isNewest ? b.seq - a.seq : a.seq - b.seq))
    yield known
    if (ends.length === 0) return
    if (isNewest) to = end - 1
    else from = end + 1
    limit = Math.min(largest, limit * 4)
  }
}

/** Kinds are never changed, and few: they are asked for once. */
const kindsOf = (rows: Rows) => {
  const known = new Map<string, Kind>()
  const isMissing = (id: string): boolean => !known.has(id)
  return {
    kindOf: ({ kind }: Entry): Kind => known.get(kind) ?? unknown,
    know: async (entries: readonly Entry[]): Promise<void> => {
      const wanted = [...new Set(entries.map(({ kind }) => kind))]
      if (known.size > maxKinds && wanted.some(isMissing)) known.clear()
      const missing = wanted.filter(isMissing)
      for (let at = 0; at < missing.length; at += kindsAtOnce) {
        const ids = missing.slice(at, at + kindsAtOnce)
        const kinds = await rows.kinds(ids)
        ids.forEach((id, index) => known.set(id, kinds[index] ?? unknown))
      }
    }
  }
}

const maxKinds = 20_000
const kindsAtOnce = 1_000
const unknown = kindOfText(undefined)

/** What an index says of a letter, put to the test of a filter. */
const indexed = (filter: LetterFilter, kindOf: Walk['kindOf']): ((entry: Entry) => boolean) => {
  const isMeant = matches({ ...filter, key: undefined, id: undefined, headers: undefined, fields: undefined })
  const { id } = filter
  const ids = id === undefined ? undefined : new Set(listOf(id).map(idHashOf))
  return (entry) => {
    if (ids !== undefined && !ids.has(entry.idHash)) return false
    const { source, tag, route, fingerprint } = kindOf(entry)
    const { state, lastSeenAt, attemptCount } = entry
    return isMeant({
      source,
      tag,
      route,
      fingerprint,
      state,
      lastSeenAt,
      attemptCount,
      key: '',
      id: '',
      headers: '{}',
      bytes: unread
    })
  }
}

/** Does the index tell all that the filter asks? */
const isTold = ({ key, id, headers, fields }: LetterFilter): boolean =>
  [key, id, headers, fields].every((part) => part === undefined)

const read = async (
  rows: Rows,
  filter: LetterFilter,
  entries: readonly Entry[]
): Promise<readonly Entry[]> => {
  const isMeant = matches(filter)
  const found: Entry[] = []
  for (let rest = entries; rest.length > 0;) {
    const some = portion(rest, rowsAtOnce, bytesAtOnce)
    rest = rest.slice(some.length)
    const stored = await rows.read(
      some.map(({ seq }) => seq),
      filter.fields !== undefined
    )
    const meant = new Set(stored.filter(({ row }) => isMeant(row)).map(({ seq }) => seq))
    found.push(...some.filter(({ seq }) => meant.has(seq)))
  }
  return found
}
