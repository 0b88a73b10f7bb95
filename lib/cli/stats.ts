/** missive dlq stats: how full the queue is, and how fast it fills. */
import { statSync } from 'node:fs'
import type { Command } from 'commander'
import type { LetterState } from '../core/letter.js'
import type { Arrivals, DeadLetterStore, LetterFilter } from '../ports/letters.js'
import { answerOf } from './answer.js'
import { type CommonOptions, declare, queueArgument } from './command.js'
import { type FilterOptions, filterOf, withFilters } from './filters.js'
import { type Io, say } from './io.js'
import { jsonText } from './json.js'
import { withQueue } from './open.js'
import { isRedis } from './redis.js'
import { styleOf } from './style.js'
import { ago, counted, iso, size } from './time.js'

interface Options extends CommonOptions, FilterOptions {}

export const stats = (dlq: Command, io: Io): void => {
  const command = declare(dlq, {
    name: 'stats',
    summary: 'count letters by state and by hour of arrival',
    examples: ['stats shop.db', 'stats shop.db --route order.placed --json'],
    json: 'one object'
  })
  withFilters(command.argument('<queue>', queueArgument), io).action((queue: string, options: Options) =>
    withQueue(io, queue, async (store) => {
      const found = await statsOf(store, filterOf(options), io.now())
      const lines = options.json === true ? [jsonText(found)] : linesOf(found, io, options)
      await say(io.stdout, ...lines)
    })
  )
}

// helpers

interface Stats {
  readonly states: Readonly<Record<LetterState, number>>
  /** Of the file, whatever the filter; a queue in Redis has none. */
  readonly fileBytes: number | undefined
  /** When the oldest and the newest of the letters that are left were first seen. */
  readonly oldest: string | undefined
  readonly newest: string | undefined
  readonly groups: number
  /** The last 24 hours, by the hour in which letters arrived. */
  readonly arrivals: readonly { readonly hour: string; readonly count: number }[]
}

const statsOf = async (store: DeadLetterStore, filter: LetterFilter, now: number): Promise<Stats> => {
  const countOf = (state: LetterState): Promise<number> => answerOf(store.count({ ...filter, state }))
  const left: LetterFilter = { ...filter, state: ['dead', 'replaying'] }
  const endOf = async (order: 'oldest' | 'newest'): Promise<string | undefined> => {
    const [letter] = (await answerOf(store.page({ filter: left, order, limit: 1 }))).letters
    return letter === undefined ? undefined : iso(letter.firstSeenAt)
  }
  return {
    states: {
      dead: await countOf('dead'),
      replaying: await countOf('replaying'),
      resolved: await countOf('resolved'),
      discarded: await countOf('discarded')
    },
    fileBytes: bytesOfFile(store.location),
    oldest: await endOf('oldest'),
    newest: await endOf('newest'),
    groups: (await answerOf(store.groups({ filter: left, limit: maxGroups }))).length,
    arrivals: lastDay(await answerOf(store.arrivals(sinceYesterday(filter, now))), now)
  }
}

const maxGroups = 1_000_000
const hourMs = 3_600_000

/** With the log that is not yet in the file itself. */
const bytesOfFile = (location: string): number | undefined =>
  isRedis(location)
    ? undefined
    : ['', '-wal'].reduce(
        (sum, suffix) => sum + (statSync(`${location}${suffix}`, { throwIfNoEntry: false })?.size ?? 0),
        0
      )

const firstHour = (now: number): number => Math.floor(now / hourMs) * hourMs - 23 * hourMs

/** What arrived since then was seen since then. */
const sinceYesterday = (filter: LetterFilter, now: number): LetterFilter => ({
  ...filter,
  seenFrom: Math.max(filter.seenFrom ?? -Infinity, firstHour(now))
})

const lastDay = (arrivals: readonly Arrivals[], now: number): Stats['arrivals'] => {
  const counts = new Map(arrivals.map(({ hour, count }) => [hour, count]))
  return Array.from({ length: 24 }, (_, index) => {
    const hour = firstHour(now) + index * hourMs
    return { hour: iso(hour), count: counts.get(hour) ?? 0 }
  })
}

const linesOf = (found: Stats, io: Io, { color }: Options): readonly string[] => {
  const { states, fileBytes, oldest, newest, groups, arrivals } = found
  const { dim, bold } = styleOf(io.stdout, io, color)
  const field = (name: string, text: string): string => `${dim(name.padEnd(10))} ${text}`
  const time = (at: string | undefined): string =>
    at === undefined ? 'none' : `${at} (${ago(Date.parse(at), io.now())})`
  const total = arrivals.reduce((sum, { count }) => sum + count, 0)
  const most = arrivals.reduce((highest, arrival) => (arrival.count > highest.count ? arrival : highest))
  return [
    ...Object.entries(states).map(([state, count]) => field(state, bold(counted(count)))),
    field('groups', counted(groups)),
    field('oldest', time(oldest)),
    field('newest', time(newest)),
    ...(fileBytes === undefined ? [] : [field('file', size(fileBytes))]),
    field(
      'arrivals',
      `${sparkline(arrivals.map(({ count }) => count))} the last 24 hours: ${counted(total)}`
    ),
    ...(total === 0
      ? []
      : [field('', `most in an hour: ${counted(most.count)} at ${most.hour.slice(0, 16)}Z`)])
  ]
}

const sparkline = (counts: readonly number[]): string => {
  const most = Math.max(...counts)
  return counts.map((count) => (count === 0 ? '·' : (bars[Math.ceil((count / most) * 8) - 1] ?? ''))).join('')
}

const bars = '▁▂▃▄▅▆▇█'
