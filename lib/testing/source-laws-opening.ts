/** Laws of opening and closing. */
import type { Resource } from '../ports/resource.js'
import type { Source } from '../ports/source.js'
import { expect, expectEqual } from './comparing.js'
import { type Law, law, texts } from './source-trial.js'

export const openingLaws: readonly Law[] = [
  law(
    'can be opened and closed again and again, and closed twice',
    ['reopens'],
    async ({ open, broker, count, soon }) => {
      for (let time = 0; time < count(5, 50); time += 1) {
        const hand = await open()
        if (time % 2 === 0) await hand.close()
        await hand.close()
      }
      const limits = { maxUnsettled: 8, emit: () => undefined }
      const together = await soon(
        'five sources to be opened and closed at the same time',
        Promise.all(Array.from({ length: 5 }, () => closedTwice(broker.open(limits))))
      )
      expectEqual('what came of opening and closing', [...new Set(together)], ['Right'])
    }
  ),

  law('can be closed while it holds messages', [], async ({ open }) => {
    const hand = await open({ sent: texts(5) })
    await hand.take(2)
    await hand.close()
  }),

  law(
    'can be opened and closed by runs that are stopped before they begin',
    ['reopens'],
    async ({ run, count }) => {
      const all = []
      for (let time = 0; time < count(5, 50); time += 1) {
        const running = await run({ isStopped: time % 2 === 0 })
        all.push(running.stop())
      }
      const ends = (await Promise.all(all)).map(({ ended }) => ended._tag)
      expect(
        'runs that were stopped or had ended',
        ends.every((end) => end === 'Aborted' || end === 'Drained'),
        ends
      )
    }
  )
]

// helpers

const closedTwice = async (resource: Resource<Source>): Promise<string> => {
  const opened = await resource.open()
  if (opened._tag === 'Left') return opened.left.message
  const closed = await Promise.all([opened.right.close(), opened.right.close()])
  return closed.map((answer) => (answer._tag === 'Left' ? answer.left.message : 'Right'))[0] ?? ''
}
