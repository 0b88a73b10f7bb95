/** missive dlq ls: the letters, a page of them. */
import type { Command } from 'commander'
import type { StoredLetter } from '../core/letter.js'
import { type CommonOptions, countOf, cursorText, declare, queueArgument } from './command.js'
import {
  type FilterOptions,
  type StateOptions,
  filterOf,
  statesOf,
  withFilters,
  withStates
} from './filters.js'
import { type Io, say, sayAll } from './io.js'
import { jsonText, letterJson } from './json.js'
import { letterColumns } from './letter-table.js'
import { type MaskingOptions, maskingOption, revealOption, withMasking } from './masking.js'
import { withQueue } from './open.js'
import { eachPage } from './pages.js'
import { styleOf } from './style.js'
import { tableOf } from './table.js'

interface Options extends CommonOptions, FilterOptions, StateOptions, MaskingOptions {
  readonly limit: number
  readonly after?: string
  readonly oldest?: boolean
}

export const ls = (dlq: Command, io: Io): void => {
  const command = declare(dlq, {
    name: 'ls',
    summary: 'list letters, the newest first',
    examples: ['ls shop.db', 'ls shop.db --tag Malformed --since 2h --field customer.id=17'],
    json: 'a letter for each line; on stderr where the next page begins'
  })
  withFilters(withStates(command.argument('<queue>', queueArgument)), io)
    .option('-n, --limit <count>', 'at most so many', countOf, 50)
    .option('--after <cursor>', 'the page that begins there', cursorText)
    .option('--oldest', 'the oldest first')
    .option(maskingOption[0], `with --json: ${maskingOption[1]}`)
    .option(...revealOption)
    .action((queue: string, options: Options) => list(io, queue, options))
}

// helpers

const list = (io: Io, queue: string, options: Options): Promise<void> =>
  withQueue(io, queue, async (store) => {
    const { json = false, color, limit, after, oldest = false } = options
    const filter = { ...statesOf(options), ...filterOf(options) }
    const order = oldest ? 'oldest' : 'newest'
    const pages = (use: (letters: readonly StoredLetter[]) => Promise<void>): Promise<string | undefined> =>
      eachPage(store, { filter, order, limit, after }, use)
    let next: string | undefined
    if (json)
      next = await withMasking(io, options, (mask) =>
        pages((letters) =>
          sayAll(
            io.stdout,
            letters.map((letter) => letterJson(mask(letter)))
          )
        )
      )
    else {
      const found: (readonly StoredLetter[])[] = []
      next = await pages(async (letters) => void found.push(letters.map(asListed)))
      const rows = found.flat()
      const style = styleOf(io.stdout, io, color)
      if (rows.length === 0) await say(io.stderr, 'no letters')
      else await sayAll(io.stdout, tableOf(letterColumns(io.now(), style), rows, io.stdout, style))
    }
    if (next !== undefined) await say(io.stderr, json ? jsonText({ next }) : `more: --after ${next}`)
  })

/** What a table does not show is not to be held for all of its rows. */
const asListed = (letter: StoredLetter): StoredLetter => ({
  ...letter,
  bytes: none,
  original: undefined,
  headers: {},
  attempts: [],
  events: []
})

const none = new Uint8Array()
