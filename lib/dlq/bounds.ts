/** The numbers in what a store is asked: what is no number is refused, before it means all letters or none. */
import type { LetterFilter, Retention } from '../core/letter.js'

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

export const retained = ({
  keepSettledMs,
  keepTombstonesMs,
  maxAgeMs,
  maxLetters,
  maxBytes
}: Retention): Bounds => ({
  keepSettledMs,
  keepTombstonesMs,
  maxAgeMs,
  maxLetters,
  maxBytes
})
