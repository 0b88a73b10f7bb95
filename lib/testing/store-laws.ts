/** Laws that every dead letter store keeps, to be run on one's own. */
import type { Clock } from '../core/clock.js'
import type { DeadLetterStore } from '../core/letter.js'
import type { Resource } from '../core/resource.js'
import { type Law, askedOf } from './law.js'
import { keepingLaws } from './laws-keeping.js'
import { readingLaws } from './laws-reading.js'
import { replayingLaws } from './laws-replaying.js'
import { settlingLaws } from './laws-settling.js'
import { settableClock } from './settable-clock.js'

// model

/** One law that every dead letter store keeps, as a test to run. */
export interface StoreLaw {
  /** A sentence that begins with what a store does. */
  readonly name: string
  /** Opens a store of its own, and rejects with what was expected and what was found if it breaks the law. */
  readonly run: () => Promise<void>
}

// constructors

/**
 * What a dead letter store must do, for the tests of one's own; any test framework will do. Each law opens an empty
 * store on a clock that the law sets: the store must read the time from it alone.
 *
 * @example
 * const laws = storeLaws((clock) => Resource.of(memoryDlq({ clock })))
 * for (const { name, run } of laws) await run().catch((broken) => assert.unreachable(`${name}: ${broken}`))
 * assert.ok(laws.length > 40)
 *
 * @since 0.1.0
 */
export const storeLaws = (fresh: (clock: Clock) => Resource<DeadLetterStore>): readonly StoreLaw[] =>
  [...keepingLaws, ...readingLaws, ...replayingLaws, ...settlingLaws].map((law) => ({
    name: law.name,
    run: () => runOn(fresh, law)
  }))

// helpers

const runOn = async (fresh: (clock: Clock) => Resource<DeadLetterStore>, { check }: Law): Promise<void> => {
  const clock = settableClock()
  const opened = await fresh(clock).open()
  if (opened._tag === 'Left') throw new Error(`the store cannot be opened: ${opened.left.message}`)
  const { value: store, close } = opened.right
  try {
    await check({ store, ask: askedOf(store), clock })
  } catch (broken) {
    await close()
    throw broken
  }
  const closed = await close()
  if (closed._tag === 'Left') throw new Error(`the store cannot be closed: ${closed.left.message}`)
}
