/** missive dlq prune: removes what is no longer to be kept. */
import type { Command } from 'commander'
import type { DeadLetterStore } from '../ports/letters.js'
import { answerOf } from './answer.js'
import { type CommonOptions, declare, lasting, queueArgument, sized, wholeNumber } from './command.js'
import { confirmed, mustAsk } from './confirm.js'
import { type Io, Stop, say } from './io.js'
import { jsonText } from './json.js'
import { withQueue } from './open.js'
import { counted, letters } from './time.js'

interface Options extends CommonOptions {
  readonly olderThan?: number
  readonly maxLetters?: number
  readonly maxBytes?: number
  readonly tombstonesOlderThan?: number
  readonly yes?: boolean
}

export const prune = (dlq: Command, io: Io): void =>
  void declare(dlq, {
    name: 'prune',
    summary: 'remove old traces of settled letters and, if that is said, dead letters',
    examples: ['prune shop.db', 'prune shop.db --older-than 30d --max-bytes 1GB'],
    json: 'one object: { dead, tombstones, emptied }'
  })
    .argument('<queue>', queueArgument)
    .option('--older-than <duration>', 'dead letters last seen longer ago, like 30d', lasting)
    .option('--max-letters <count>', 'the oldest dead letters while there are more', wholeNumber)
    .option('--max-bytes <size>', 'the oldest dead letters while all payloads are more, like 1GB', sized)
    .option(
      '--tombstones-older-than <duration>',
      'what is left of letters that were settled longer ago (default: as long as its queue says, or 7d)',
      lasting
    )
    .option('--yes', 'without asking')
    .action((queue: string, options: Options) => withQueue(io, queue, (store) => run(io, store, options)))

// helpers

const run = async (io: Io, store: DeadLetterStore, options: Options): Promise<void> => {
  const { olderThan, maxLetters, maxBytes, tombstonesOlderThan, yes = false, json = false } = options
  const startedAt = io.now()
  const what = await plan(store, options, startedAt)
  if (what !== undefined && !yes) {
    mustAsk(io, `this would remove ${what}`)
    if (!(await confirmed(io, `Remove ${what}?`))) throw new Stop(2, 'nothing was removed')
  }
  const pruned = await answerOf(
    store.prune({
      ...(tombstonesOlderThan !== undefined && { keepTombstonesMs: tombstonesOlderThan }),
      // What grew old since it was counted stays.
      ...(olderThan !== undefined && { maxAgeMs: olderThan + io.now() - startedAt }),
      ...(maxLetters !== undefined && { maxLetters }),
      ...(maxBytes !== undefined && { maxBytes })
    })
  )
  const { dead, tombstones } = pruned
  await say(
    io.stdout,
    json ? jsonText(pruned) : `removed ${letters(dead)} and what was left of ${letters(tombstones)}`
  )
}

/** Which dead letters would be removed, in words; `undefined` for none. */
const plan = async (
  store: DeadLetterStore,
  { olderThan, maxLetters, maxBytes }: Options,
  now: number
): Promise<string | undefined> => {
  const countOf = (filter = {}): Promise<number> => answerOf(store.count({ ...filter, state: 'dead' }))
  const old = olderThan === undefined ? 0 : await countOf({ seenBefore: now - olderThan })
  const dead = await countOf()
  const over = maxLetters === undefined ? 0 : Math.max(0, dead - maxLetters)
  const known = Math.max(old, over)
  const text = `${counted(known)} of ${counted(dead)} dead ${dead === 1 ? 'letter' : 'letters'}`
  if (maxBytes === undefined || dead === 0) return known === 0 ? undefined : text
  return `${known === 0 ? '' : `${text}, and `}the oldest dead letters until all payloads are ${maxBytes} bytes`
}
