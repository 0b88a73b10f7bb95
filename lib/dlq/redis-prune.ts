/** Forgetting: what of a queue in Redis is removed, or left without its bytes. */
import type { LetterFilter, Pruned, Retention } from '../ports/letters.js'
import type { Decide } from './decisions.js'
import { defaultTombstonesMs } from './engine.js'
import type { Decided } from './redis-decided.js'
import type { Entry } from './redis-record.js'
import type { Rows } from './redis-rows.js'
import type { Walk } from './redis-walk.js'
import { emptied } from './transitions.js'

export const pruning = async (
  { rows, decided, walk }: { readonly rows: Rows; readonly decided: Decided; readonly walk: Walk },
  retention: Retention,
  now: number
): Promise<Pruned> => {
  const { keepSettledMs = 0, keepTombstonesMs = defaultTombstonesMs } = retention
  const { maxAgeMs, maxLetters = Infinity, maxBytes = Infinity } = retention
  const { last } = await rows.totals([])

  const each = async (
    filter: LetterFilter,
    use: (entries: readonly Entry[]) => Promise<number>
  ): Promise<number> => {
    let count = 0
    for await (const entries of walk.through(filter, { last }))
      for (let rest = entries; rest.length > 0; rest = rest.slice(atOnce))
        count += await use(rest.slice(0, atOnce))
    return count
  }

  const removed = (filter: LetterFilter): Promise<number> => each(filter, rows.remove)

  /** What is settled for so long, each state by itself, as those of one are removed together. */
  const settledFor = (ms: number): readonly LetterFilter[] =>
    (['resolved', 'discarded'] as const).map((state) => ({ state, seenBefore: now - ms }))

  const emptying: Decide<number> = (row) =>
    row === undefined || !/^(?:resolved|discarded)$/.test(row.state)
      ? { answer: 0 }
      : { answer: 1, after: emptied(row) }

  const empty = async (entries: readonly Entry[]): Promise<number> => {
    const full = entries.filter(({ isFull }) => isFull).map(({ seq }) => seq)
    const stored = full.length === 0 ? [] : await rows.read(full, false)
    const counts = await Promise.all(stored.map((before) => decided(before.row.key, emptying, { before })))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** The oldest of the dead, as far as there are too many. */
  const removedOver = async (): Promise<number> => {
    if (maxLetters === Infinity && maxBytes === Infinity) return 0
    const totals = await rows.totals(['dead'])
    let letters = totals.counts[0] ?? 0
    let bytes = 0
    if (maxBytes < Infinity)
      await each({}, async (entries) => {
        for (const { size } of entries) bytes += size
        return 0
      })
    const isOver = (): boolean => letters > maxLetters || bytes > maxBytes
    let count = 0
    for await (const entries of walk.through({ state: 'dead' }, { last })) {
      if (!isOver()) break
      for (let rest = entries; rest.length > 0; rest = rest.slice(atOnce)) {
        const over = rest.slice(0, atOnce).filter(({ size }) => {
          if (!isOver()) return false
          letters -= 1
          bytes -= size
          return true
        })
        count += await rows.remove(over)
      }
    }
    return count
  }

  let tombstones = 0
  for (const filter of settledFor(Math.max(keepSettledMs, keepTombstonesMs)))
    tombstones += await removed(filter)
  let full = 0
  for (const filter of settledFor(keepSettledMs)) full += await each(filter, empty)
  const old = maxAgeMs === undefined ? 0 : await removed({ state: 'dead', seenBefore: now - maxAgeMs })
  const dead = old + (await removedOver())
  await rows.sweep()
  return { dead, tombstones, emptied: full }
}

// helpers

const atOnce = 256
