/** missive dlq groups: the kinds of failure. */
import type { Command } from 'commander'
import type { LetterGroup } from '../ports/letters.js'
import { answerOf } from './answer.js'
import { type CommonOptions, countOf, declare, queueArgument } from './command.js'
import {
  type FilterOptions,
  type StateOptions,
  filterOf,
  statesOf,
  withFilters,
  withStates
} from './filters.js'
import { type Io, type Output, say, sayAll } from './io.js'
import { jsonText } from './json.js'
import { shortenedSummary } from './misses.js'
import { withQueue } from './open.js'
import { type Style, styleOf } from './style.js'
import { tableOf } from './table.js'
import { ago, counted, iso } from './time.js'

interface Options extends CommonOptions, FilterOptions, StateOptions {
  readonly limit: number
}

export const groups = (dlq: Command, io: Io): void => {
  const command = declare(dlq, {
    name: 'groups',
    summary: 'count letters by the kind of their failure, the largest group first',
    examples: ['groups shop.db', 'groups shop.db --since 1d --route order.placed'],
    json: 'a group for each line'
  })
  withFilters(withStates(command.argument('<queue>', queueArgument)), io)
    .option('-n, --limit <count>', 'at most so many', countOf, 100)
    .action((queue: string, options: Options) => list(io, queue, options))
}

/** Groups as lines of a table. */
export const groupLines = (
  groups: readonly LetterGroup[],
  now: number,
  output: Output,
  style: Style
): readonly string[] =>
  tableOf<LetterGroup>(
    [
      { title: 'COUNT', of: ({ count }) => counted(count), isNumber: true, paint: style.bold },
      { title: 'FAILURE', of: ({ tag }) => tag, paint: style.red },
      { title: 'ROUTE', of: ({ route = '' }) => route, most: 24 },
      { title: 'FIRST SEEN', of: ({ firstSeenAt }) => ago(firstSeenAt, now), paint: style.dim },
      { title: 'LAST SEEN', of: ({ lastSeenAt }) => ago(lastSeenAt, now), paint: style.dim },
      { title: 'GROUP', of: ({ fingerprint }) => fingerprint, paint: style.yellow },
      { title: 'WHY', of: ({ message }) => shortenedSummary(message) }
    ],
    groups,
    output,
    style
  )

// helpers

const list = (io: Io, queue: string, options: Options): Promise<void> =>
  withQueue(io, queue, async (store) => {
    const { json = false, color, limit } = options
    const filter = { ...statesOf(options), ...filterOf(options) }
    const found = await answerOf(store.groups({ filter, limit }))
    if (json) await sayAll(io.stdout, found.map(groupJson))
    else if (found.length === 0) await say(io.stderr, 'no letters')
    else await sayAll(io.stdout, groupLines(found, io.now(), io.stdout, styleOf(io.stdout, io, color)))
  })

const groupJson = (group: LetterGroup): string =>
  jsonText({ ...group, firstSeen: iso(group.firstSeenAt), lastSeen: iso(group.lastSeenAt) })
