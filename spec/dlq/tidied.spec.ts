import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { left } from '../../lib/core/result.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { tidied } from '../../lib/dlq/tidied.js'
import type { Pruned, Retention } from '../../lib/ports/letters.js'
import { turn, virtualClock } from '../support/clock.js'
import { letter } from '../support/letters.js'

const tidies = suite('a store that is tidied')

/** What the process is warned of meanwhile. */
const warnings = async (use: () => Promise<unknown>): Promise<readonly string[]> => {
  const found: string[] = []
  const hear = ({ message }: Error): void => void found.push(message)
  process.on('warning', hear)
  await use()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', hear)
  return found
}

tidies('removes what is too old where the number of letters has no end', async () => {
  const clock = virtualClock()
  const pruned: Pruned[] = []
  const retention: Retention = { maxLetters: Infinity, maxAgeMs: 1_000 }
  const store = tidied(memoryDlq({ clock }), { retention, onPruned: (one) => void pruned.push(one) }, clock)
  await store.put(letter())()
  await clock.advance(3_600_000)
  await store.put(letter({ id: '2' }))()
  await turn()
  assert.equal(pruned, [{ dead: 1, tombstones: 0, emptied: 0 }])
})

tidies('warns of what it could not remove, and stores all the same', async () => {
  const clock = virtualClock()
  const queue = memoryDlq({ clock })
  const store = tidied({ ...queue, prune: () => async () => left({ reason: 'the disk is full' }) }, {}, clock)
  const told = await warnings(() => store.put(letter())())
  assert.equal(told, ['what is no longer to be kept is still there: the disk is full'])
  assert.is(queue.letters().length, 1)
})

tidies.run()
