/** Laws that every store of idempotency keeps, to be run on one's own. */
import type { Clock } from '../core/clock.js'
import type { IdempotencyStore } from '../ports/idempotency.js'
import type { Resource } from '../ports/resource.js'
import { holdingLaws } from './idempotency-laws-holding.js'
import { keepingLaws } from './idempotency-laws-keeping.js'
import { tried } from './store-trial.js'

// model

/** One law that every store of idempotency keeps, as a test to run. */
export interface IdempotencyLaw {
  /** A sentence that begins with what a store does. */
  readonly name: string
  /** Opens a store of its own, and rejects with what was expected and what was found if it breaks the law. */
  readonly run: () => Promise<void>
}

/** What the laws have to know of the store. */
export interface IdempotencyLawOptions {
  /** How long the store remembers what is finished, in milliseconds. A day by default. */
  readonly ttlMs?: number
  /** How long a law waits for each answer. 30 s by default. */
  readonly deadlineMs?: number
}

// constructors

/**
 * What a store of idempotency must do, for the tests of one's own; any test framework will do. Each law opens an
 * empty store on a clock that the law sets: the store must read the time from it alone.
 *
 * @example
 * const laws = idempotencyLaws((clock) => Resource.of(memoryIdempotency({ clock })))
 * for (const { name, run } of laws) await run().catch((broken) => assert.unreachable(`${name}: ${broken}`))
 * assert.ok(laws.length > 15)
 *
 * @since 0.1.0
 */
export const idempotencyLaws = (
  fresh: (clock: Clock) => Resource<IdempotencyStore>,
  { ttlMs = 86_400_000, deadlineMs = 30_000 }: IdempotencyLawOptions = {}
): readonly IdempotencyLaw[] =>
  [...holdingLaws, ...keepingLaws].map(({ name, check }) => ({
    name,
    run: () => tried(fresh, deadlineMs, (trial) => check({ ...trial, ttlMs }))
  }))
