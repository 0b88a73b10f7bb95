/** Laws of reading: page after page, each letter once. */
import { type Law, allOf, eachPage, expect, expectEqual, ids, idsOf, law, letter } from './store-law.js'

export const readingLaws: readonly Law[] = [
  law('gives an empty answer to every question where nothing is stored', async ({ ask }) => {
    const answers = [await ask.page(), await ask.groups(), await ask.count(), await ask.arrivals()]
    expectEqual('page, groups, count and arrivals', answers, [{ letters: [] }, [], 0, []])
  }),

  law('gives the oldest 50 letters if nothing else is said, and the rest after them', async ({ ask }) => {
    await Promise.all(ids(53).map((id) => ask.put(letter({ id }))))
    const first = await ask.page()
    const second = await ask.page({ after: first.next })
    expectEqual(
      'the sizes of the pages',
      [first, second].map(({ letters }) => letters.length),
      [50, 3]
    )
    expectEqual('what comes after the last page', second.next, undefined)
    const all = idsOf([...first.letters, ...second.letters])
    expectEqual('all of them', all.toSorted(), ids(53).toSorted())
    expectEqual('all of them, newest first', idsOf(await allOf(ask, { order: 'newest' })), all.toReversed())
  }),

  law('gives each letter once along its pages, in order of arrival, while others come', async ({ ask }) => {
    for (const order of ['oldest', 'newest'] as const) {
      const there = ids(11).map((id) => letter({ id, source: order }))
      for (const each of there) await ask.put(each)
      const found: string[] = []
      const filter = { source: order }
      await eachPage(
        (after) => ask.page({ filter, order, limit: 3, after }),
        async ({ letters }) => {
          found.push(...idsOf(letters))
          const start = found.length
          await ask.put(letter({ id: `new ${start}`, source: order }))
          // Letters that come again keep their places.
          await ask.put(letter({ id: '1', source: order }, 100 + start))
          await ask.put(letter({ id: '11', source: order }, 100 + start))
        }
      )
      const before = found.filter((id) => !id.startsWith('new'))
      expectEqual(`${order} first`, before, order === 'oldest' ? ids(11) : ids(11).toReversed())
      expectEqual(`what came meanwhile, at most once`, new Set(found).size, found.length)
    }
  }),

  law('gives no page of more than about 16 MiB, unless a single letter is larger', async ({ ask }) => {
    const sizes = [9, 9, 20, 1, 2].map((size) => size * 1_048_576)
    for (const [index, size] of sizes.entries())
      await ask.put(letter({ id: String(index), bytes: new Uint8Array(size) }))
    const found: string[] = []
    await eachPage(
      (after) => ask.page({ after }),
      ({ letters }) => {
        const bytes = letters.reduce((sum, each) => sum + each.bytes.length, 0)
        const isSmall = letters.length === 1 || bytes <= 17 * 1_048_576
        expect('a page of one letter, or of up to 17 MiB', isSmall, bytes)
        found.push(...idsOf(letters))
      }
    )
    expectEqual('the letters', found, ids(sizes.length, 0))
    const { letters } = await ask.claim({ owner: 'ann', leaseMs: 60_000 })
    expectEqual('the letters of a claim', idsOf(letters), ['0'])
  })
]
