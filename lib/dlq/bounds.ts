/** The numbers in what a store is asked: refused where they are none, and made such as every engine takes. */
import type { LetterFilter, LetterQuery, Retention } from '../core/letter.js'

// model

/** By their names. */
export type Bounds = Readonly<Record<string, unknown>>

// refusing

/** Which of the bounds is none, and what to give; `undefined` if all are numbers, or are not said. */
export const refusalOf = (bounds: Bounds): string | undefined => {
  const bad = Object.entries(bounds).find(
    ([, value]) => value !== undefined && (typeof value !== 'number' || Number.isNaN(value))
  )
  return bad === undefined ? undefined : `${bad[0]} is ${String(bad[1])}; give a number`
}

// reading

export const boundsOf = ({ seenFrom, seenBefore, minAttempts, maxAttempts }: LetterFilter = {}): Bounds => ({
  seenFrom,
  seenBefore,
  minAttempts,
  maxAttempts
})

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

const maxLimit = 2 ** 31 - 1
const maxLeaseMs = 2 ** 48
const maxWhole = Number.MAX_SAFE_INTEGER
