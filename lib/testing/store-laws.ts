/** Laws that every dead letter store keeps, to be run on one's own. */
import type { Clock } from '../core/clock.js'
import type { DeadLetterStore } from '../ports/letters.js'
import type { Resource } from '../ports/resource.js'
import { answered, answering } from './deadline.js'
import { type Law, askedOf } from './law.js'
import { askingLaws } from './laws-asking.js'
import { filteringLaws } from './laws-filtering.js'
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
  laws.map((law) => ({
    name: law.name,
    run: () => runOn(fresh, deadlineMs, law)
  }))

// helpers

const laws: readonly Law[] = [
  ...askingLaws,
  ...keepingLaws,
  ...readingLaws,
  ...filteringLaws,
  ...replayingLaws,
  ...settlingLaws
]

const runOn = async (
  fresh: (clock: Clock) => Resource<DeadLetterStore>,
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
    await check({ store, ask: askedOf(store), clock, close })
  } catch (broken) {
    await close().catch(() => undefined)
    throw broken
  }
  await close()
}
