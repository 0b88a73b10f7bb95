/** missive dlq tail: the last letters, and then those that come. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { StoredLetter } from '../core/letter.js'
import { cursor, cursorOf } from '../dlq/engine.js'
import { printable } from '../failures/render.js'
import type { DeadLetterStore, LetterFilter } from '../ports/letters.js'
import { answerOf, walk } from './answer.js'
import { type CommonOptions, declare, queueArgument, wholeNumber } from './command.js'
import { type Io, sayAll } from './io.js'
import { letterJson } from './json.js'
import { short } from './keys.js'
import { whyOf } from './letter-table.js'
import { type MaskingOptions, maskingOption, revealOption, withMasking } from './masking.js'
import { withQueue } from './open.js'
import { lettersOf } from './pages.js'
import { type Style, styleOf } from './style.js'
import { columnsOf, cutTo, widthOf } from './table.js'
import { iso } from './time.js'

interface Options extends CommonOptions, MaskingOptions {
  readonly lines: number
}

export const tail = (dlq: Command, io: Io): void =>
  void declare(dlq, {
    name: 'tail',
    summary: 'show the last letters, and then new ones as they come, until Ctrl-C',
    examples: ['tail shop.db', 'tail shop.db -n 0 --json'],
    json: 'a letter for each line'
  })
    .argument('<queue>', queueArgument)
    .option('-n, --lines <count>', 'so many of those that are there', wholeNumber, 10)
    .option(maskingOption[0], `with --json: ${maskingOption[1]}`)
    .option(...revealOption)
    .action((queue: string, options: Options) =>
      withQueue(io, queue, (store) =>
        withMasking(io, options, (mask) => follow(io, store, options, (letter) => letterJson(mask(letter))))
      )
    )

// helpers

const everyMs = 500

const follow = async (
  io: Io,
  store: DeadLetterStore,
  options: Options,
  jsonOf: (letter: StoredLetter) => string
): Promise<void> => {
  const stopping = new AbortController()
  const listenNoMore = io.onSignal(() => {
    if (stopping.signal.aborted) io.quit(0)
    stopping.abort()
  })
  const style = styleOf(io.stdout, io, options.color)
  const show = (letters: readonly StoredLetter[]): Promise<void> =>
    sayAll(
      io.stdout,
      letters.map((letter) => (options.json === true ? jsonOf(letter) : lineOf(letter, io, style)))
    )
  try {
    const arrivals = arrivalsOf(store)
    await arrivals.skip()
    await show(await arrivals.last(options.lines))
    while (!stopping.signal.aborted) {
      await show(await arrivals.next())
      await delay(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  } finally {
    listenNoMore()
  }
}

/**
 * Letters in the order in which they arrived. What was there is told from what comes by its place, as letters that
 * were met may be removed.
 */
const arrivalsOf = (store: DeadLetterStore) => {
  const met = new Set<string>()
  let position = 0
  const meet = (letters: readonly StoredLetter[]): void => {
    for (const { key } of letters) met.add(key)
    for (const key of [...met].slice(0, Math.max(0, met.size - maxMet))) met.delete(key)
  }
  /** The last letter, and its place, which is told only where there is another before it. */
  const newest = async () => {
    const { letters, next } = await answerOf(store.page({ order: 'newest', limit: 1 }))
    return { letters, last: next === undefined ? undefined : cursorOf(next, 0).last }
  }
  const between = async (from: number, last: number): Promise<readonly StoredLetter[]> => {
    const found: StoredLetter[] = []
    await walk(store, { after: cursor(from, last) }, async (letters) => void found.push(...letters))
    return found
  }
  return {
    skip: async (): Promise<void> => {
      const { letters, last = 0 } = await newest()
      meet(letters)
      position = last
    },
    last: async (count: number): Promise<readonly StoredLetter[]> => {
      if (count === 0) return []
      const filter: LetterFilter = { state: ['dead', 'replaying'] }
      const { letters } = await lettersOf(store, { filter, order: 'newest', limit: count })
      const ordered = letters.toReversed()
      meet(ordered)
      return ordered
    },
    next: async (): Promise<readonly StoredLetter[]> => {
      const { letters, last } = await newest()
      const found = last === undefined ? letters : last > position ? await between(position, last) : []
      position = Math.max(position, last ?? 0)
      const fresh = found.filter(({ key }) => !met.has(key))
      meet(fresh)
      return fresh
    }
  }
}

const maxMet = 1_000

const lineOf = (letter: StoredLetter, { stdout }: Io, { dim, yellow, red }: Style): string => {
  const { key, id, firstSeenAt, failure, route } = letter
  const parts = [
    [iso(firstSeenAt), dim],
    [short(key), yellow],
    [printable(id), String],
    [failure._tag, red],
    [printable(route ?? '-'), String],
    [printable(whyOf(letter)), String]
  ] as const
  let left = widthOf(stdout)
  return parts
    .flatMap(([text, paint]) => {
      const cut = cutTo(text, Math.max(0, left))
      left -= columnsOf(text) + 2
      return cut === '' ? [] : [paint(cut)]
    })
    .join('  ')
}
