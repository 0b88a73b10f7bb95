/** missive dlq replay: gives letters to a processor again. */
import type { Command } from 'commander'
import type { Processor } from '../core/processor.js'
import { right } from '../core/result.js'
import { type ReplayOptions, replay as replaying } from '../interpreters/replay.js'
import { type Event, exitCode } from '../ports/interpreter.js'
import type { DeadLetterStore, LetterFilter } from '../ports/letters.js'
import { renderEvent } from '../ports/rendering.js'
import { answerOf } from './answer.js'
import { type CommonOptions, countOf, declare, keyArgument, keys, queueArgument, rateOf } from './command.js'
import { rehearse } from './explain.js'
import { failures } from './failures.js'
import { type FilterOptions, filterOf, withFilters } from './filters.js'
import { groupLines } from './groups.js'
import { type Io, say, sayAll } from './io.js'
import { jsonText } from './json.js'
import { deadNamed, sayMissing } from './keys.js'
import { throughOption, withProcessor } from './module.js'
import { withQueue } from './open.js'
import { progressOf } from './progress.js'
import { endLines, resultLines, resultOf } from './replay-result.js'
import { styleOf } from './style.js'
import { whoami } from './who.js'

interface Options extends CommonOptions, FilterOptions {
  readonly through: string
  readonly dryRun?: boolean
  readonly rate?: number
  readonly concurrency?: number
  readonly stopAfter?: number
  readonly limit?: number
  readonly newest?: boolean
  readonly by: string
}

export const replay = (dlq: Command, io: Io): void => {
  const command = declare(dlq, {
    name: 'replay',
    summary: 'give dead letters to a processor again, the oldest first',
    examples: [
      'replay shop.db --through ./app.js --dry-run',
      'replay shop.db --through ./app.js --tag Defect --rate 20 --stop-after 5'
    ],
    json: 'one object: { resolved, stillDead, givenBack, lost, untold, elsewhere, ended, groups }'
  })
  withFilters(command.argument('<queue>', queueArgument).argument('[keys...]', keyArgument, keys), io)
    .requiredOption(...throughOption)
    .option('--dry-run', 'only say what would be done, with all letters of the filter')
    .option('--rate <number>', 'at most so many a second', rateOf)
    .option('--concurrency <count>', 'so many handlers at a time', countOf)
    .option('--stop-after <count>', 'stop when so many have failed', countOf)
    .option('-n, --limit <count>', 'at most so many', countOf)
    .option('--newest', 'the newest first')
    .option('--by <who>', "who replays, for the letters' history", `${whoami()}:${process.pid}`)
    .action((queue: string, named: readonly string[], options: Options) =>
      withQueue(io, queue, async (store) => {
        const chosen = named.length === 0 ? [] : await deadNamed(store, named)
        const filter = {
          ...filterOf(options),
          ...(chosen.length > 0 && { key: chosen.map(({ key }) => key) })
        }
        await withProcessor(io, options.through, async (processor) => {
          const done =
            options.dryRun === true
              ? await rehearse(io, store, filter, processor, options)
              : await run(io, store, filter, processor, options)
          await sayMissing(io, Math.min(chosen.length, options.limit ?? Infinity), done)
        })
      })
    )
}

// helpers

/** Resolves with how many letters it found. */
const run = async (
  io: Io,
  store: DeadLetterStore,
  filter: LetterFilter,
  processor: Processor,
  options: Options
): Promise<number> => {
  const { json = false, color, limit = Infinity } = options
  const dead = await answerOf(store.count({ ...filter, state: 'dead' }))
  const progress = progressOf(io, Math.min(dead, limit))
  progress.at(0)
  const failed = failures(io.now, progress.at)
  let lost = 0
  const onEvent = (event: Event): void => {
    if (event._tag === 'Lost') lost += 1
    const text = told.has(event._tag) ? renderEvent(event) : undefined
    if (text === undefined) return
    progress.end()
    void say(io.stderr, text).catch(() => undefined)
  }
  const report = await stoppable(io, (signal) =>
    replaying(store, filter, replayOptions(options))(failed.watched(processor))(signal, onEvent)()
  )
  progress.end()
  const others = limit < Infinity ? right(0) : await store.count({ ...filter, state: 'replaying' })()
  const elsewhere = others._tag === 'Right' ? others.right : 0
  const result = resultOf(report, lost, elsewhere)
  if (result.stillDead + result.givenBack + lost + elsewhere > 0 || exitCode(report) !== 0) io.end(1)
  if (report.ended._tag === 'Aborted') io.end(1)
  const groups = failed.groups()
  const style = styleOf(io.stdout, io, color)
  if (json) {
    await sayAll(io.stderr, endLines(report.ended))
    await say(io.stdout, jsonText({ ...result, ended: report.ended._tag, groups }))
  } else
    await sayAll(io.stdout, [
      ...resultLines(result, report),
      ...(groups.length === 0 ? [] : ['', ...groupLines(groups, io.now(), io.stdout, style)])
    ])
  // That the queue cannot be asked for those is told last, after what was done.
  await answerOf(async () => others)
  return report.ended._tag === 'Drained' ? report.received + elsewhere : Infinity
}

const told: ReadonlySet<Event['_tag']> = new Set([
  'Unready',
  'Reconnected',
  'Paused',
  'Resumed',
  'Lost',
  'Draining'
])

/** The first signal lets running handlers finish; the second ends the process. */
const stoppable = async <A>(io: Io, work: (signal: AbortSignal) => Promise<A>): Promise<A> => {
  const stopping = new AbortController()
  const listenNoMore = io.onSignal(() => {
    if (stopping.signal.aborted) io.quit(1)
    stopping.abort()
  })
  try {
    return await work(stopping.signal)
  } finally {
    listenNoMore()
  }
}

const replayOptions = (options: Options): ReplayOptions => {
  const { rate, concurrency, stopAfter, limit, newest = false, by } = options
  return {
    by,
    order: newest ? 'newest' : 'oldest',
    ...(rate !== undefined && { rate }),
    ...(concurrency !== undefined && { concurrency }),
    ...(stopAfter !== undefined && { stopAfter }),
    ...(limit !== undefined && { limit })
  }
}
