/** Laws that every source keeps, as far as it promises what they need; to be run on one's own. */
import type { SourceBench, SourcePromise } from './source-bench.js'
import { breakingLaws } from './source-laws-breaking.js'
import { dyingLaws } from './source-laws-dying.js'
import { failingLaws } from './source-laws-failing.js'
import { givingLaws } from './source-laws-giving.js'
import { leasingLaws } from './source-laws-leasing.js'
import { nackingLaws } from './source-laws-nacking.js'
import { openingLaws } from './source-laws-opening.js'
import { pullingLaws } from './source-laws-pulling.js'
import { returningLaws } from './source-laws-returning.js'
import { settlingLaws } from './source-laws-settling.js'
import { sharingLaws } from './source-laws-sharing.js'
import { stoppingLaws } from './source-laws-stopping.js'
import { tellingLaws } from './source-laws-telling.js'
import type { Law } from './source-trial.js'
import { tried } from './source-tried.js'

// model

/** One law that every source keeps, as a test to run. */
export interface SourceLaw {
  /** A sentence that begins with what a source does. */
  readonly name: string
  /** On a broker of its own; rejects with what was expected and what was found if the source breaks the law. */
  readonly run: () => Promise<void>
}

/** How many messages the laws send, and how long they wait. */
export interface SourceLawOptions {
  /** How many messages are sent: hundreds, or up to 100,000. `short` by default. */
  readonly size?: 'short' | 'full'
  /** How long a law waits for what must happen, and for each answer. 10 s by default, 60 s in full. */
  readonly deadlineMs?: number
  /** How long a source may take to go on after a restart, or after its connections were lost. 15 s by default. */
  readonly recoverMs?: number
}

/** A law that a source is not held to, and what would have to be promised for it. */
export interface LawLeftOut {
  readonly name: string
  readonly lacks: readonly SourcePromise[]
}

// constructors

/**
 * What a source must do that promises what the bench says, for the tests of one's own; any test framework will do.
 * The laws run `consume` over the source, and ask the source itself. They wait for what must happen, on this machine's
 * clock, and watch everything that the source answers.
 *
 * @example
 * const bench: SourceBench = {
 *   promises: { backlog: true, redelivers: true, ordered: true, anyBytes: true },
 *   fresh: async () => {
 *     const sent: Message[] = []
 *     return {
 *       open: (limits) => memory(sent)(limits),
 *       send: async (messages) => {
 *         for (const { bytes } of messages) sent.push(message(bytes, { id: String(sent.length) }))
 *       },
 *       close: async () => undefined
 *     }
 *   }
 * }
 * const law = sourceLaws(bench).find(({ name }) => name.startsWith('brings back what is nacked'))
 * assert.is(await law?.run(), undefined)
 *
 * @since 0.1.0
 */
export const sourceLaws = (
  bench: SourceBench,
  {
    size = 'short',
    deadlineMs = size === 'full' ? 60_000 : 10_000,
    recoverMs = 15_000
  }: SourceLawOptions = {}
): readonly SourceLaw[] =>
  laws
    .filter((law) => lacksOf(bench, law).length === 0)
    .map((law) => ({
      name: law.name,
      run: () => tried(bench, law, { size, deadlineMs, recoverMs })
    }))

/**
 * The laws that `sourceLaws` leaves out, as the source does not promise what they need.
 *
 * @example
 * const bench: SourceBench = { promises: { live: true }, fresh: () => Promise.reject(new Error('nothing is run')) }
 * const [first] = lawsLeftOut(bench)
 * assert.equal(first, { name: 'gives bytes as they were sent, whatever they are', lacks: ['anyBytes'] })
 *
 * @since 0.1.0
 */
export const lawsLeftOut = (bench: SourceBench): readonly LawLeftOut[] =>
  laws.map((law) => ({ name: law.name, lacks: lacksOf(bench, law) })).filter(({ lacks }) => lacks.length > 0)

// helpers

const laws: readonly Law[] = [
  ...givingLaws,
  ...tellingLaws,
  ...sharingLaws,
  ...pullingLaws,
  ...openingLaws,
  ...nackingLaws,
  ...settlingLaws,
  ...returningLaws,
  ...stoppingLaws,
  ...failingLaws,
  ...dyingLaws,
  ...leasingLaws,
  ...breakingLaws
]

const lacksOf = ({ promises }: SourceBench, { needs }: Law): readonly SourcePromise[] =>
  needs.filter((promise) => promises[promise] !== true)
