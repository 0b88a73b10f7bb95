/** What a store knows of a key, and what it answers to who wants to begin. */
import type { IdempotencyClaim, IdempotencyState } from '../ports/idempotency.js'

// model

export interface Entry {
  readonly fingerprint: string
  readonly token: string
  /** As it was asked for, in milliseconds. */
  readonly leaseMs: number
  /** When the lease ends, or what is finished is forgotten, by the clock of the store. */
  readonly until: number
  /** What is finished has one. */
  readonly result: string | undefined
}

/** What holds if nothing else is said. */
export const dayMs = 86_400_000

// deciding

/** `Begun` is to be stored by whoever asks; the others change nothing. */
export const stateOf = (
  entry: Entry | undefined,
  { fingerprint }: IdempotencyClaim,
  now: number
): IdempotencyState => {
  if (entry === undefined || entry.until <= now) return { _tag: 'Begun' }
  if (entry.fingerprint !== fingerprint) return { _tag: 'Mismatch' }
  if (entry.result !== undefined) return { _tag: 'Finished', result: entry.result }
  return { _tag: 'InFlight', leftMs: Math.min(entry.until - now, entry.leaseMs) }
}

/** What no store can do: a lease that would never end, or has ended already, and what is no text. Redis counts no further. */
export const refusalOf = (asked: object): string | undefined => {
  const wrong = Object.entries(asked).find(([name, value]) =>
    name === 'leaseMs' ? !(value > 0 && value <= longestMs) : texts.has(name) && typeof value !== 'string'
  )
  if (wrong === undefined) return undefined
  const [name, value] = wrong
  return name === 'leaseMs'
    ? `leaseMs is ${String(value)}; give a number of milliseconds above 0${value > 0 ? `, at most ${longestMs}` : ''}`
    : `${name} is of type ${typeof value}; give a text`
}

/** Why the options of a store make no sense. */
export const mistakeIn = (options: Readonly<Record<string, number>>): string | undefined =>
  Object.entries(options)
    .map(([name, value]) => {
      if (!(value >= 1)) return `${name} is ${value}; give a number of at least 1`
      return name === 'ttlMs' && value > longestMs
        ? `ttlMs is ${value}; give a number of milliseconds, at most ${longestMs}`
        : undefined
    })
    .find((mistake) => mistake !== undefined)

// helpers

/** 285,000 years. */
const longestMs = Number.MAX_SAFE_INTEGER

const texts: ReadonlySet<string> = new Set(['key', 'fingerprint', 'token', 'result'])
