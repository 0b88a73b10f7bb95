/** What each message of a trial is and is to come to: the seed and its number say it, so that nobody has to be told. */

// model

/**
 * `work` is acked; `nacked` once, with a delay, and then acked. `malformed`, `unroutable` and `rejected` ones are dead
 * letters, and so is a `poison`, which kills its process. `long` work takes ten leases; `blocking` work blocks the event loop for three, when first started.
 */
export type Kind =
  'work' | 'nacked' | 'malformed' | 'unroutable' | 'rejected' | 'poison' | 'long' | 'blocking'

export interface PlanOptions {
  readonly seed: number
  readonly count: number
  /** How many of 1,000 messages are such; the others are work. */
  readonly shares?: Partial<Readonly<Record<Kind, number>>>
  /** What certain messages are, by their number. */
  readonly given?: ReadonlyMap<number, Kind>
  /** Work takes from 0 to so many milliseconds. */
  readonly maxWorkMs?: number
  readonly maxDelayMs?: number
}

export interface Plan {
  readonly count: number
  readonly kindOf: (seq: number) => Kind
  readonly payloadOf: (seq: number) => string
  /** The failure that a message's letter is to have; none where it is to have no letter. */
  readonly tagOf: (seq: number) => string | undefined
}

/** What the handlers read. */
export interface Payload {
  readonly type: Kind
  readonly ms: number
  readonly afterMs: number
}

// constructors

export const planOf = ({
  seed,
  count,
  shares = {},
  given,
  maxWorkMs = 3,
  maxDelayMs = 400
}: PlanOptions): Plan => {
  const limits = limitsOf(shares)
  const kindOf = (seq: number): Kind => {
    const drawn = mixed(seed, seq) % 1_000
    return given?.get(seq) ?? limits.find(({ below }) => drawn < below)?.kind ?? 'work'
  }
  return {
    count,
    kindOf,
    payloadOf: (seq) => {
      const type = kindOf(seq)
      const ms = mixed(seed + 1, seq) % (maxWorkMs + 1)
      const afterMs = mixed(seed + 2, seq) % (maxDelayMs + 1)
      const text = JSON.stringify({ type, ms, afterMs } satisfies Payload)
      return type === 'malformed' ? text.slice(0, -1) : text
    },
    tagOf: (seq) => tags[kindOf(seq)]
  }
}

/** The usual mixture. */
export const mixture = { nacked: 30, malformed: 5, unroutable: 5, rejected: 5 } as const

/** Numbers from 0 to 1 that look random, the same for the same seed (mulberry32). */
export const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

// helpers

const tags: Readonly<Record<Kind, string | undefined>> = {
  work: undefined,
  nacked: undefined,
  long: undefined,
  blocking: undefined,
  malformed: 'Malformed',
  unroutable: 'NoMatch',
  rejected: 'Rejected',
  poison: 'TooManyDeliveries'
}

const limitsOf = (
  shares: NonNullable<PlanOptions['shares']>
): readonly { readonly kind: Kind; readonly below: number }[] => {
  let below = 0
  return Object.entries(shares).map(([kind, share]) => {
    below += share
    return { kind: kind as Kind, below }
  })
}

/** A whole number that depends on all bits of both (the finalizer of MurmurHash3). */
const mixed = (seed: number, seq: number): number => {
  let hash = Math.imul(seed, 0x9e3779b1) ^ seq
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
