/** Filters and pages as SQL. */
import type { LetterFilter, OneOrMore } from '../core/letter.js'
import { listOf } from './filter.js'

// model

export type Value = string | number | null

export interface Sql {
  readonly text: string
  readonly values: readonly Value[]
}

// queries

/**
 * The `seq` of letters in order. Which index is walked is said here, as the planner has no statistics: state alone
 * is in order of `seq` already; what the other index holds is found there without reading a payload.
 */
export const seqsOf = (
  filter: LetterFilter,
  bounds: Sql,
  { isNewest, limit }: { readonly isNewest: boolean; readonly limit: number }
): Sql => {
  const { state, ...rest } = filter
  const order = isNewest ? 'DESC' : 'ASC'
  if (isEmpty(rest) && state !== undefined) {
    const branches = listOf(state).map((one) => {
      const where = all([whereOf({ state: one }), bounds])
      return {
        text: `SELECT seq FROM (SELECT seq FROM letters INDEXED BY letters_state WHERE ${where.text} ORDER BY seq ${order} LIMIT ${limit})`,
        values: where.values
      }
    })
    const union = joined(branches, ' UNION ALL ')
    return { text: `${union.text} ORDER BY seq ${order} LIMIT ${limit}`, values: union.values }
  }
  const where = all([whereOf(filter), bounds])
  const hint = !isEmpty(rest) && isIndexed(rest) ? 'INDEXED BY letters_kind' : ''
  return {
    text: `SELECT seq FROM letters ${hint} WHERE ${where.text} ORDER BY seq ${order} LIMIT ${limit}`,
    values: where.values
  }
}

/** A condition on `letters`. */
export const whereOf = (filter: LetterFilter): Sql => {
  const { source, tag, route, fingerprint, ...rest } = filter
  const kinds = [
    oneOf('source', source),
    oneOf('tag', tag),
    oneOf('route', route),
    beginsWithOne('fingerprint', fingerprint)
  ].flatMap(given)
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
      asked('field_of(bytes, ?)', path, listOf(values).map((value) => JSON.stringify(value)))
    )
  ].flatMap(given)
  return all(conditions)
}

/** Whether the index by kind holds all that the filter asks for. */
export const isIndexed = ({ key, id, headers, fields }: LetterFilter): boolean =>
  [key, id, headers, fields].every((part) => part === undefined)

export const all = (conditions: readonly Sql[]): Sql =>
  conditions.length === 0 ? { text: 'TRUE', values: [] } : joined(conditions, ' AND ')

// helpers

const given = (sql: Sql | undefined): readonly Sql[] => (sql === undefined ? [] : [sql])

const isEmpty = (filter: LetterFilter): boolean => Object.values(filter).every((part) => part === undefined)

const joined = (parts: readonly Sql[], between: string): Sql => ({
  text: parts.map(({ text }) => text).join(between),
  values: parts.flatMap(({ values }) => values)
})

const within = (before: string, { text, values }: Sql, after: string): Sql => ({
  text: `${before}${text}${after}`,
  values
})

/** `IS` finds what is NULL, too. */
const oneOf = (column: string, values: OneOrMore<string | null> | undefined): Sql | undefined =>
  values === undefined ? undefined : anyOf(listOf(values).map((value) => ({ text: `${column} IS ?`, values: [value] })))

/** As a range, which an index can find. */
const beginsWithOne = (column: string, values: OneOrMore<string> | undefined): Sql | undefined =>
  values === undefined
    ? undefined
    : anyOf(
        listOf(values).map((value) => ({
          text: `(${column} >= ? AND ${column} < ?)`,
          values: [value.toLowerCase(), `${value.toLowerCase()}~`]
        }))
      )

const anyOf = (conditions: readonly Sql[]): Sql =>
  conditions.length === 0 ? { text: 'FALSE', values: [] } : within('(', joined(conditions, ' OR '), ')')

const compared = (comparison: string, value: number | undefined): Sql | undefined =>
  value === undefined || !Number.isFinite(value) ? undefined : { text: `${comparison} ?`, values: [value] }

const asked = (call: string, name: string, values: readonly string[]): Sql => ({
  text: `${call} IN (${values.map(() => '?').join()})`,
  values: [name, ...values]
})
