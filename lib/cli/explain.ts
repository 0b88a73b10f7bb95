/** missive dlq explain: what today's code would do with letters, without doing it. */
import type { Command } from 'commander'
import { type Explanation, explain as explanationBy, renderExplanation } from '../combinators/explain.js'
import type { Processor } from '../core/processor.js'
import { type DryRun, dryRun, renderDryRun } from '../dlq/dry-run.js'
import { printable } from '../failures/render.js'
import { failureToJson } from '../failures/to-json.js'
import { toMessage } from '../ports/letter-message.js'
import type { DeadLetterStore, LetterFilter } from '../ports/letters.js'
import { answerOf } from './answer.js'
import { type CommonOptions, declare, keyArgument, keys, queueArgument } from './command.js'
import { type FilterOptions, filterOf, isFiltered, withFilters } from './filters.js'
import { type Io, Stop, say } from './io.js'
import { jsonText } from './json.js'
import { lettersNamed, notDead, short } from './keys.js'
import { shortened, shortenedSummary } from './misses.js'
import { throughOption, withProcessor } from './module.js'
import { withQueue } from './open.js'
import { progressOf } from './progress.js'
import { styleOf } from './style.js'

interface Options extends CommonOptions, FilterOptions {
  readonly through: string
}

export const explain = (dlq: Command, io: Io): void => {
  const command = declare(dlq, {
    name: 'explain',
    summary: 'say what a processor would do with letters, without running a handler',
    examples: ['explain shop.db --through ./app.js', 'explain shop.db 2f9c01 --through ./app.js'],
    json: 'one object: { letters } of the keys, or { total, taken, refused, opaque }'
  })
  withFilters(command.argument('<queue>', queueArgument).argument('[keys...]', keyArgument, keys), io)
    .requiredOption(...throughOption)
    .action((queue: string, named: readonly string[], options: Options) =>
      withQueue(io, queue, async (store) => {
        if (named.length > 0 && isFiltered(options)) throw new Stop(2, 'give keys or filters, not both')
        return withProcessor(io, options.through, async (processor) => {
          if (named.length > 0) await explainEach(io, store, named, processor, options)
          else await rehearse(io, store, filterOf(options), processor, options)
        })
      })
    )
}

/** Explains all that is dead of a filter, and resolves with how many that were. */
export const rehearse = async (
  io: Io,
  store: DeadLetterStore,
  filter: LetterFilter,
  processor: Processor,
  { json = false }: CommonOptions
): Promise<number> => {
  const progress = progressOf(io, await answerOf(store.count({ ...filter, state: 'dead' })))
  let run: DryRun
  try {
    run = await answerOf(dryRun(store, filter, progress.at)(processor))
  } finally {
    progress.end()
  }
  if (run.refused.length > 0) io.end(1)
  await say(io.stdout, json ? jsonText(run) : renderDryRun(inFewerWords(run)))
  return run.total
}

// helpers

const explainEach = async (
  io: Io,
  store: DeadLetterStore,
  named: readonly string[],
  processor: Processor,
  options: Options
): Promise<void> => {
  const letters = await lettersNamed(store, named)
  const gone = letters.filter(({ state }) => state === 'resolved' || state === 'discarded')
  if (gone.length > 0) throw new Stop(1, gone.map(notDead).join('\n'))
  const explained = letters.map((letter) => ({
    ...letter,
    explanation: explanationBy(processor)(toMessage(letter))
  }))
  if (explained.some(({ explanation }) => explanation._tag === 'Refused')) io.end(1)
  if (options.json === true) {
    const rows = explained.map(({ key, id, explanation }) => ({ key, id, explanation: plain(explanation) }))
    return say(io.stdout, jsonText({ letters: rows }))
  }
  const { yellow, green, red } = styleOf(io.stdout, io, options.color)
  const lines = explained.map(({ key, id, explanation }) => {
    const paint = explanation._tag === 'Taken' ? green : red
    return `${yellow(short(key))}  ${printable(id)}  ${paint(renderExplanation(briefly(explanation)))}`
  })
  await say(io.stdout, ...lines)
}

const inFewerWords = (run: DryRun): DryRun => ({
  ...run,
  refused: run.refused.map((row) => ({ ...row, reason: shortenedSummary(row.reason) }))
})

const briefly = (explanation: Explanation): Explanation =>
  explanation._tag === 'Refused' ? { ...explanation, failure: shortened(explanation.failure) } : explanation

const plain = (explanation: Explanation): object =>
  explanation._tag === 'Refused'
    ? { ...explanation, failure: failureToJson(explanation.failure) }
    : explanation
