/** missive dlq tail: the last letters, and then those that come. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { DeadLetterStore, StoredLetter } from '../core/letter.js'
import { printable } from '../core/render.js'
import { answerOf } from './answer.js'
import { type CommonOptions, declare, queueArgument, wholeNumber } from './command.js'
import { type Io, say } from './io.js'
import { letterJson } from './json.js'
import { short } from './keys.js'
import { whyOf } from './letter-table.js'
import { type MaskingOptions, maskingOption, revealOption, withMasking } from './masking.js'
import { withQueue } from './open.js'
import { type Style, styleOf } from './style.js'
import { cutTo, widthOf } from './table.js'
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
    say(
      io.stdout,
      ...letters.map((letter) => (options.json === true ? jsonOf(letter) : lineOf(letter, io, style)))
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

/** Letters in the order in which they arrived, from the last one back to those that were met before. */
const arrivalsOf = (store: DeadLetterStore) => {
  const met = new Set<string>()
  const isMet = ({ key }: StoredLetter): boolean => met.has(key)
  const meet = (letters: readonly StoredLetter[]): void => {
    for (const { key } of letters) met.add(key)
    for (const key of [...met].slice(0, Math.max(0, met.size - maxMet))) met.delete(key)
  }
  const newest = (limit: number, filter = {}, after?: string) =>
    answerOf(store.page({ filter, order: 'newest', limit, after }))
  return {
    skip: async (): Promise<void> => meet((await newest(1)).letters),
    last: async (count: number): Promise<readonly StoredLetter[]> => {
      if (count === 0) return []
      const { letters } = await newest(count, { state: ['dead', 'replaying'] })
      const ordered = letters.toReversed()
      meet(ordered)
      return ordered
    },
    next: async (): Promise<readonly StoredLetter[]> => {
      const found: StoredLetter[] = []
      let page = await newest(pageLimit)
      found.push(...untilMet(page.letters, isMet))
      while (page.next !== undefined && !page.letters.some(isMet)) {
        page = await newest(pageLimit, {}, page.next)
        found.push(...untilMet(page.letters, isMet))
      }
      const ordered = found.toReversed()
      meet(ordered)
      return ordered
    }
  }
}

const pageLimit = 100
const maxMet = 1_000

const untilMet = (
  letters: readonly StoredLetter[],
  isMet: (letter: StoredLetter) => boolean
): readonly StoredLetter[] => {
  const index = letters.findIndex(isMet)
  return index < 0 ? letters : letters.slice(0, index)
}

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
      left -= text.length + 2
      return cut === '' ? [] : [paint(cut)]
    })
    .join('  ')
}
