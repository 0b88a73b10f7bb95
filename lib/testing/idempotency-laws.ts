/** Laws that every store of idempotency keeps, to be run on one's own. */
import type { Clock } from '../core/clock.js'
import type { IdempotencyStore } from '../ports/idempotency.js'
import type { Resource } from '../ports/resource.js'
import { answered, answering } from './deadline.js'
import { type Law, askedOf } from './idempotency-law.js'
import { holdingLaws } from './idempotency-laws-holding.js'
import { keepingLaws } from './idempotency-laws-keeping.js'
import { settableClock } from './settable-clock.js'

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
  [...holdingLaws, ...keepingLaws].map((law) => ({
    name: law.name,
    run: () => runOn(fresh, ttlMs, deadlineMs, law)
  }))

// helpers

const runOn = async (
  fresh: (clock: Clock) => Resource<IdempotencyStore>,
  ttlMs: number,
  deadlineMs: number,
  { check }: Law
): Promise<void> => {
  const clock = settableClock()
  const opened = await answered('open', fresh(clock).open(), deadlineMs)
  if (opened._tag === 'Left') throw new Error(`the store cannot be opened: ${opened.left.message}`)
  const store = answering(opened.right.value, deadlineMs)
  const close = async (): Promise<void> => {
    const closed = await answered('close', opened.right.close(), deadlineMs)
    if (closed._tag === 'Left') throw new Error(`the store cannot be closed: ${closed.left.message}`)
  }
  try {
    await check({ store, ask: askedOf(store), clock, ttlMs, close })
  } catch (broken) {
    await close().catch(() => undefined)
    throw broken
  }
  await close()
}
