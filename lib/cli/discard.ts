/** missive dlq discard: gives letters up. */
import { type Command } from 'commander'
import type { StoredLetter } from '../core/letter.js'
import type { DeadLetterStore, LetterFilter } from '../ports/letters.js'
import { answerOf } from './answer.js'
import { type CommonOptions, declare, keyArgument, keys, queueArgument } from './command.js'
import { confirmed, mustAsk } from './confirm.js'
import { type FilterOptions, filterOf, isFiltered, withFilters } from './filters.js'
import { groupLines } from './groups.js'
import { type Io, Stop, say } from './io.js'
import { jsonText } from './json.js'
import { deadNamed, sayMissing } from './keys.js'
import { withQueue } from './open.js'
import { styleOf } from './style.js'
import { letters } from './time.js'
import { whoami } from './who.js'

interface Options extends CommonOptions, FilterOptions {
  readonly note: string
  readonly by: string
  readonly all?: boolean
  readonly yes?: boolean
}

export const discard = (dlq: Command, io: Io): void => {
  const command = declare(dlq, {
    name: 'discard',
    summary:
      'give dead letters up; payloads and headers are dropped, at once or after keepSettledMs of the queue',
    examples: [
      "discard shop.db 2f9c01 --note 'a test order'",
      "discard shop.db --group 8c1b2a --until 2h --note 'sent again by hand' --yes"
    ],
    json: 'one object: { discarded }'
  })
  withFilters(command.argument('<queue>', queueArgument).argument('[keys...]', keyArgument, keys), io)
    .requiredOption('--note <text>', "why, for the letters' history")
    .option('--by <who>', "who discards, for the letters' history", whoami())
    .option('--all', 'all dead letters, where neither a key nor a filter is given')
    .option('--yes', 'without asking')
    .action((queue: string, named: readonly string[], options: Options) => {
      if (named.length === 0 && !isFiltered(options) && options.all !== true)
        throw new Stop(2, 'give keys or filters, or --all to discard every dead letter')
      return withQueue(io, queue, (store) => run(io, store, named, options))
    })
}

// helpers

const run = async (
  io: Io,
  store: DeadLetterStore,
  named: readonly string[],
  options: Options
): Promise<void> => {
  const { note, by, json = false, yes = false } = options
  const chosen = named.length === 0 ? [] : await deadNamed(store, named)
  const seenBefore = Math.min(shownBefore(chosen, io), options.until ?? Infinity)
  const filter: LetterFilter = {
    ...filterOf(options),
    ...(chosen.length > 0 && { key: chosen.map(({ key }) => key) }),
    state: 'dead',
    seenBefore
  }
  const count = await answerOf(store.count(filter))
  if (count > 0) {
    if (!yes) mustAsk(io, `this would discard ${letters(count)}`)
    await preview(io, store, filter, options)
    if (!yes && !(await confirmed(io, `Discard ${letters(count)}?`)))
      throw new Stop(2, 'nothing was discarded')
  }
  const discarded = count === 0 ? 0 : await answerOf(store.discard({ filter, by, note }))
  await say(io.stdout, json ? jsonText({ discarded }) : `${letters(discarded)} discarded`)
  await sayMissing(io, chosen.length, discarded)
  if (chosen.length === 0) await sayAhead(io, store, options)
}

/** What is of a time to come was not shown, and would be left without a word. What is of the next moments came just now. */
const sayAhead = async (io: Io, store: DeadLetterStore, options: Options): Promise<void> => {
  const filter = filterOf(options)
  const seenFrom = Math.max(filter.seenFrom ?? 0, io.now() + momentsMs)
  const count = await answerOf(store.count({ ...filter, state: 'dead', seenFrom }))
  if (count === 0) return
  io.end(1)
  await say(
    io.stderr,
    `${letters(count)} more: the clock of who stored them is ahead; name them by their keys to discard them`
  )
}

/** What arrives or fails again from now on was in no preview. The clocks of those who stored letters may be ahead. */
const shownBefore = (chosen: readonly StoredLetter[], { now }: Io): number =>
  chosen.length === 0 ? now() : Math.max(...chosen.map(({ lastSeenAt }) => lastSeenAt)) + 1

const preview = async (
  io: Io,
  store: DeadLetterStore,
  filter: LetterFilter,
  { color }: Options
): Promise<void> => {
  const groups = await answerOf(store.groups({ filter, limit: shownGroups + 1 }))
  const lines = groupLines(groups.slice(0, shownGroups), io.now(), io.stderr, styleOf(io.stderr, io, color))
  await say(io.stderr, ...lines, ...(groups.length > shownGroups ? ['… and more groups'] : []))
}

const shownGroups = 20
const momentsMs = 60_000
