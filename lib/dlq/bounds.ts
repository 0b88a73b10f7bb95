/** What a store is asked: refused where it makes no sense, and numbers made such as every engine takes. */
import type { LetterFilter, LetterQuery, Retention } from '../ports/letters.js'
import { listOf } from './filter.js'

// model

/** By their names. */
export type Bounds = Readonly<Record<string, unknown>>

// refusing

/** What is wrong with a filter, and what to give; `undefined` if nothing is. */
export const filterRefusal = (filter: LetterFilter = {}): string | undefined => {
  if (typeof filter !== 'object' || filter === null) return 'a filter is an object, as { tag: "Malformed" }'
  const unknown = Object.keys(filter).find((name) => !names.has(name))
  const { seenFrom, seenBefore, minAttempts, maxAttempts } = filter
  return unknown === undefined
    ? refusalOf({ seenFrom, seenBefore, minAttempts, maxAttempts })
    : `there is no filter called ${unknown}; there are ${Array.from(names).join(', ')}`
}

/** The same where letters are not only read: a value that is not there, as of a variable not set, would mean them all. */
export const choiceRefusal = (filter: LetterFilter = {}): string | undefined => {
  const refusal = filterRefusal(filter)
  if (refusal !== undefined) return refusal
  const { headers = {}, fields = {} } = filter
  const unsaid = [filter, headers, fields]
    .flatMap(Object.entries)
    .find(([, values]) => listOf(values).includes(undefined))
  return (
    unsaid && `the filter ${unsaid[0]} is undefined, which would be any letter; leave it out, or give a value`
  )
}

/** Which of the bounds is none, and what to give; `undefined` if all are numbers, or are not said. */
export const refusalOf = (bounds: Bounds): string | undefined => {
  const bad = Object.entries(bounds).find(
    ([, value]) => value !== undefined && (typeof value !== 'number' || Number.isNaN(value))
  )
  return bad === undefined ? undefined : `${bad[0]} is ${String(bad[1])}; give a number`
}

// whole numbers

/** A limit that every store takes; without an end it is as many as there are. */
export const wholeLimit = (limit: number): number => Math.min(Math.max(0, Math.floor(limit)), maxLimit)

/** With what is said of its limit as a whole number. */
export const limited = <Q extends LetterQuery>(query: Q): Q =>
  query.limit === undefined ? query : { ...query, limit: wholeLimit(query.limit) }

/** A lease without an end is one of some ten thousand years, whose end is still a whole number. */
export const wholeLease = (leaseMs: number): number => Math.min(Math.max(0, Math.round(leaseMs)), maxLeaseMs)

/** Without what is not said, or removes nothing as it has no end; the rest as whole numbers. */
export const wholeRetention = (retention: Retention): Retention =>
  Object.fromEntries(
    Object.entries(retention).flatMap(([name, value]: [string, number | undefined]) =>
      value === undefined || (value === Infinity && name.startsWith('max'))
        ? []
        : [[name, value === Infinity ? value : Math.min(Math.max(0, Math.floor(value)), maxWhole)]]
    )
  )

// helpers

/** By the type, so that none is forgotten. */
const named: Readonly<Record<keyof LetterFilter, true>> = {
  key: true,
  id: true,
  source: true,
  tag: true,
  route: true,
  fingerprint: true,
  state: true,
  seenFrom: true,
  seenBefore: true,
  minAttempts: true,
  maxAttempts: true,
  headers: true,
  fields: true
}
const names: ReadonlySet<string> = new Set(Object.keys(named))

const maxLimit = 2 ** 31 - 1
const maxLeaseMs = 2 ** 48
const maxWhole = Number.MAX_SAFE_INTEGER
