import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Turns, turns } from '../../lib/interpreters/turns.js'
import { systemClock } from '../../lib/system.js'

const taking = suite('turns')

/** After how many messages that take so long, in milliseconds, a turn is due. */
const dueAfter = ({ dueSparingly }: Turns, take: () => void): number => {
  for (let count = 1; ; count += 1) {
    take()
    if (dueSparingly() !== undefined) return count
  }
}

taking('are due 20 ms after the last, whether messages are fast or slow', () => {
  for (const eachMs of [0.001, 1, 5, 100]) {
    let time = 0
    const turn = turns({ ...systemClock, monotonic: () => time })
    for (let round = 0; round < 3; round += 1) {
      const takenMs = eachMs * dueAfter(turn, () => (time += eachMs))
      // Fast ones are not asked after one by one.
      assert.ok(
        takenMs > 19.9 && takenMs <= 20 + Math.max(16 * Math.min(eachMs, 20), eachMs),
        `${takenMs} ms`
      )
      turn.had()
    }
  }
})

taking('are one for all who ask meanwhile, and then over', async () => {
  let time = 0
  const turn = turns({ ...systemClock, monotonic: () => time })
  assert.is(turn.due(), undefined)
  time = 20
  const due = turn.due()
  assert.is(turn.due(), due)
  assert.is(turn.dueSparingly(), due)
  await due
  assert.is(turn.due(), undefined)
})

taking.run()
