/** Laws that every dead letter store keeps, to be run on one's own. */
import type { Clock } from '../core/clock.js'
import type { DeadLetterStore } from '../ports/letters.js'
import type { Resource } from '../ports/resource.js'
import type { Law } from './store-law.js'
import { addingLaws } from './store-laws-adding.js'
import { askingLaws } from './store-laws-asking.js'
import { bearingLaws } from './store-laws-bearing.js'
import { claimingLaws } from './store-laws-claiming.js'
import { countingLaws } from './store-laws-counting.js'
import { editingLaws } from './store-laws-editing.js'
import { filteringLaws } from './store-laws-filtering.js'
import { keepingLaws } from './store-laws-keeping.js'
import { pruningLaws } from './store-laws-pruning.js'
import { readingLaws } from './store-laws-reading.js'
import { refusingLaws } from './store-laws-refusing.js'
import { replayingLaws } from './store-laws-replaying.js'
import { resolvingLaws } from './store-laws-resolving.js'
import { tried } from './store-trial.js'

// model

/** One law that every dead letter store keeps, as a test to run. */
export interface StoreLaw {
  /** A sentence that begins with what a store does. */
  readonly name: string
  /** Opens a store of its own, and rejects with what was expected and what was found if it breaks the law. */
  readonly run: () => Promise<void>
}

/** How long the laws wait. */
export interface StoreLawOptions {
  /** How long a law waits for each answer. 30 s by default. */
  readonly deadlineMs?: number
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
export const storeLaws = (
  fresh: (clock: Clock) => Resource<DeadLetterStore>,
  { deadlineMs = 30_000 }: StoreLawOptions = {}
): readonly StoreLaw[] =>
  laws.map(({ name, check }) => ({
    name,
    run: () => tried(fresh, deadlineMs, check)
  }))

// helpers

const laws: readonly Law[] = [
  ...askingLaws,
  ...keepingLaws,
  ...bearingLaws,
  ...readingLaws,
  ...refusingLaws,
  ...countingLaws,
  ...filteringLaws,
  ...claimingLaws,
  ...replayingLaws,
  ...resolvingLaws,
  ...editingLaws,
  ...addingLaws,
  ...pruningLaws
]
