/** Filters and pages as SQL. */
import type { LetterFilter, OneOrMore } from '../ports/letters.js'
import { listOf } from './filter.js'

// model

export type Value = string | number | null

export interface Sql {
  readonly text: string
  readonly values: readonly Value[]
}

/** What a query for one number finds. */
export type Numbers = (sql: Sql) => readonly number[]

// queries

/**
 * The `seq` of letters in order. The planner has no statistics, so the way to them is said here: as many as are wanted
 * may lie near; else few letters are found by an index and sorted, and many are met soon by walking all in order.
 */
export const seqsOf = (
  numbers: Numbers,
  filter: LetterFilter,
  bounds: Sql,
  { isNewest, limit }: { readonly isNewest: boolean; readonly limit: number }
): readonly number[] => {
  const where = whereOf(filter)
  const hint = hintFor(filter)
  const order = `ORDER BY seq ${isNewest ? 'DESC' : 'ASC'}`
  const { text, values } = all([where, bounds])
  const from = (place: string): Sql => ({ text: `${place} WHERE ${text}`, values })
  const [walk, indexed] = [from('letters NOT INDEXED'), from(`letters ${hint}`)]
  const ordered = (found: Sql): readonly number[] =>
    numbers(within('SELECT seq FROM ', found, ` ${order} LIMIT ${limit}`))
  if (hint === '' || isEmpty(filter)) return ordered(walk)
  if (isOfTime(filter)) return ordered(indexed)
  if (limit <= near) {
    const next = within(
      '(SELECT seq, key, id, kind, state, attemptCount FROM letters NOT INDEXED WHERE ',
      bounds,
      ` ${order} LIMIT ${near})`
    )
    const found = ordered(joined([next, where], ' WHERE '))
    if (found.length === limit) return found
  }
  const [count = 0] = numbers(within('SELECT count(*) FROM (SELECT 1 FROM ', indexed, ` LIMIT ${few + 1})`))
  return ordered(count <= few ? indexed : walk)
}

/** A condition on `letters`. */
export const whereOf = (filter: LetterFilter): Sql => {
  const { source, tag, route, fingerprint, ...rest } = filter
  const kinds = [
    oneOf('source', source),
    oneOf('tag', tag),
    oneOf('route', route),
    beginsWithOne('fingerprint', fingerprint)
  ].filter((sql) => sql !== undefined)
  const { key, id, state, seenFrom, seenBefore, minAttempts, maxAttempts, headers = {}, fields = {} } = rest
  const conditions = [
    kinds.length === 0 ? undefined : within('kind IN (SELECT kind FROM kinds WHERE ', all(kinds), ')'),
    oneOf('state', state),
    beginsWithOne('key', key),
    oneOf('id', id),
    compared('lastSeenAt >=', seenFrom),
    compared('lastSeenAt <', seenBefore),
    compared('attemptCount >=', minAttempts),
    compared('attemptCount <=', maxAttempts),
    ...Object.entries(headers).map(([name, values]) => asked('header_of(headers, ?)', name, listOf(values))),
    ...Object.entries(fields).map(([path, values]) =>
      asked(
        'field_of(bytes, ?)',
        path,
        listOf(values).map((value) => JSON.stringify(value))
      )
    )
  ]
  return all(conditions.filter((sql) => sql !== undefined))
}

/** What a filter asks for is in an index, unless it asks for headers or fields. */
export const hintFor = ({ key, id, headers, fields, ...rest }: LetterFilter): string => {
  if (headers !== undefined || fields !== undefined) return ''
  if (key === undefined && id === undefined) return 'INDEXED BY letters_kind'
  return isEmpty(rest) ? 'INDEXED BY letters_name' : ''
}

export const all = (conditions: readonly Sql[]): Sql =>
  conditions.length === 0 ? { text: 'TRUE', values: [] } : joined(conditions, ' AND ')

// helpers

/** As many are looked at before an index is asked. */
const near = 500

/** As many are sorted at once. */
const few = 10_000

/** Letters of a time lie together, maybe at the far end of the walk. */
const isOfTime = ({ seenFrom, seenBefore }: LetterFilter): boolean =>
  seenFrom !== undefined || seenBefore !== undefined

const isEmpty = (filter: LetterFilter): boolean => Object.values(filter).every((part) => part === undefined)

const joined = (parts: readonly Sql[], between: string): Sql => ({
  text: parts.map(({ text }) => text).join(between),
  values: parts.flatMap(({ values }) => values)
})

const within = (before: string, { text, values }: Sql, after: string): Sql => ({
  text: `${before}${text}${after}`,
  values
})

/** `IS` finds what is NULL, too. Of one value the planner knows more than of a list. */
const oneOf = (column: string, values: OneOrMore<string | null> | undefined): Sql | undefined => {
  if (values === undefined) return undefined
  const list = listOf(values)
  if (list.length === 1) return { text: `${column} IS ?`, values: list }
  const listed = inList(column, list)
  return list.includes(null) ? within('(', listed, ` OR ${column} IS NULL)`) : listed
}

/** One is a range, which is compared without a copy. Several go length by length: others are found equal to none. */
const beginsWithOne = (column: string, values: OneOrMore<string> | undefined): Sql | undefined => {
  if (values === undefined) return undefined
  const beginnings = listOf(values).map((value) => value.toLowerCase())
  const [one = ''] = beginnings
  if (beginnings.length === 1) return { text: `${column} >= ? AND ${column} < ?`, values: [one, `${one}~`] }
  const lengths = new Set(beginnings.map(({ length }) => length))
  return anyOf([...lengths].map((length) => inList(`substr(${column}, 1, ${length})`, beginnings)))
}

/** As one value, since SQLite takes only so many. */
const inList = (expression: string, values: readonly (string | null)[]): Sql => ({
  text: `${expression} IN (SELECT value FROM json_each(?))`,
  values: [JSON.stringify(values)]
})

const anyOf = (conditions: readonly Sql[]): Sql =>
  conditions.length === 0 ? { text: 'FALSE', values: [] } : within('(', joined(conditions, ' OR '), ')')

const compared = (comparison: string, value: number | undefined): Sql | undefined =>
  value === undefined ? undefined : { text: `${comparison} ?`, values: [value] }

const asked = (call: string, name: string, list: readonly string[]): Sql => ({
  text: inList(call, list).text,
  values: [name, JSON.stringify(list)]
})
