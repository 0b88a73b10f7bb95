/** Dry runs: what today's code would do with the letters of a store, said without doing it. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type Explanation, explain } from '../combinators/explain.js'
import type { DlqError } from '../core/letter.js'
import type { Processor } from '../core/processor.js'
import { right } from '../core/result.js'
import { printable } from '../failures/render.js'
import { toMessage } from '../ports/letter-message.js'
import type { DeadLetterStore, LetterFilter } from '../ports/letters.js'
import { eachLetter } from './each-letter.js'
import { summaryOf } from './fingerprint.js'

// model

/** What a replay of letters would meet, as far as it can be said without running a handler. */
export interface DryRun {
  readonly total: number
  /** The routes that would take letters, the one with most first. */
  readonly taken: readonly { readonly route: string; readonly count: number }[]
  /** Why the others would be refused, most frequent first, each with the key of one such letter. */
  readonly refused: readonly {
    readonly route: string | undefined
    readonly reason: string
    readonly count: number
    readonly example: string
  }[]
  /** How many cannot be explained, as the processor does not tell its routes. */
  readonly opaque: number
}

// readers

/**
 * Explains the dead letters that the filter means against a processor. No handler, hook or queue is run.
 *
 * @example
 * const queue = memoryDlq()
 * const app = (Body: t.Mixed) => pipe(receive(json), handle(route(Body, async () => ack)), withDlq(queue))
 * for (const body of [{ total: 1 }, { total: 'ten' }]) await app(t.type({ id: t.string }))(message(body))()
 * const run = await dryRun(queue)(app(t.type({ total: t.number })))()
 * assert.equal(run._tag === 'Right' && renderDryRun(run.right).split('\n')[0], '1 of 2 would be taken by { total: number }')
 *
 * @since 0.1.0
 */
export const dryRun =
  (store: DeadLetterStore, filter: LetterFilter = {}, onProgress: (done: number) => void = () => undefined) =>
  (processor: Processor): TaskEither<DlqError, DryRun> =>
  async () => {
    const explained = explain(processor)
    const taken = new Map<string, number>()
    const refused = new Map<string, DryRun['refused'][number]>()
    let opaque = 0
    let total = 0
    const note = (key: string, explanation: Explanation): void => {
      total += 1
      if (explanation._tag === 'Opaque') opaque += 1
      else if (explanation._tag === 'Taken')
        taken.set(explanation.route, (taken.get(explanation.route) ?? 0) + 1)
      else {
        const { route, failure } = explanation
        const reason = summaryOf(failure)
        const name = JSON.stringify([route ?? null, failure._tag, reason])
        const before = refused.get(name) ?? { route, reason, count: 0, example: key }
        refused.set(name, { ...before, count: before.count + 1 })
      }
    }
    const walked = await eachLetter(
      store,
      { filter: { ...filter, state: filter.state ?? 'dead' } },
      (letters) => {
        for (const letter of letters) note(letter.key, explained(toMessage(letter)))
        onProgress(total)
      }
    )()
    if (walked._tag === 'Left') return walked
    return right({
      total,
      taken: [...taken].map(([route, count]) => ({ route, count })).toSorted(byCount),
      refused: [...refused.values()].toSorted(byCount),
      opaque
    })
  }

/**
 * A dry run as lines for people.
 *
 * @since 0.1.0
 */
export const renderDryRun = ({ total, taken, refused, opaque }: DryRun): string =>
  [
    ...(total === 0 ? ['no letters'] : []),
    ...taken.map(({ route, count }) => `${count} of ${total} would be taken by ${printable(route)}`),
    ...refused.map(
      ({ route, reason, count, example }) =>
        `${count} of ${total} would be refused${route === undefined ? '' : ` by ${printable(route)}`}: ${printable(reason)} (${example.slice(0, 10)})`
    ),
    ...(opaque === 0
      ? []
      : [
          `${opaque} of ${total} cannot be explained: make what wraps the processor with combinator(name, wrap)`
        ])
  ].join('\n')

// helpers

const byCount = (a: { readonly count: number }, b: { readonly count: number }): number => b.count - a.count
