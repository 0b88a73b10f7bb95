/** Laws of filters: what is found, claimed and discarded by each of them is what it means, and nothing else. */
import type { StoredLetter } from '../core/letter.js'
import type { LetterFilter } from '../ports/letters.js'
import { actingCasesOf, casesOf, putLettersToFilter } from './store-filters.js'
import { type Asked, type Bench, type Law, allOf, expectEqual, heldOf, idsOf, law } from './store-law.js'

export const filteringLaws: readonly Law[] = [
  law('finds by each filter, and by several, the letters that it means', async (bench) => {
    const { ask } = bench
    await putLettersToFilter(bench)
    const stored = await allOf(ask)
    for (const { filter, isMeant } of casesOf(stored)) {
      const letters = stored.filter(isMeant)
      const what = `what ${JSON.stringify(filter)} finds`
      expectEqual(what, idsOf(await allOf(ask, { filter, limit: 2 })), idsOf(letters))
      const newest = await allOf(ask, { filter, limit: 2, order: 'newest' })
      expectEqual(`${what}, newest first`, idsOf(newest), idsOf(letters).toReversed())
      expectEqual(`${what}, counted`, await countsOf(ask, filter), letters.length)
    }
  }),

  law('claims by each filter, and by several, the letters that it means', async (bench) => {
    const { ask } = bench
    await putLettersToFilter(bench)
    const stored = await allOf(ask)
    for (const { filter, isMeant } of actingCasesOf(stored)) {
      const { letters } = await ask.claim({ owner: 'ann', leaseMs: 60_000, filter, limit: 100 })
      expectEqual(`what ${JSON.stringify(filter)} claims`, idsOf(letters), idsOf(stored.filter(isMeant)))
      await ask.settle(letters.map((each) => ({ ...heldOf(each), result: { _tag: 'Released' } })))
    }
    expectEqual('the letters after all that', await allOf(ask), stored)
  }),

  law('discards by each filter, and by several, the letters that it means, and no others', async (bench) => {
    const { ask } = bench
    await putLettersToFilter(bench)
    const stored = await allOf(ask)
    const discarded = async () => idsOf(await allOf(ask, { filter: { state: 'discarded' } })).toSorted()
    const before = await discarded()
    for (const { filter, isMeant } of actingCasesOf(stored)) {
      const meant = idsOf(stored.filter(isMeant))
      const what = `what ${JSON.stringify(filter)} discards`
      const count = await ask.discard({ filter, by: 'ann', note: 'no use' })
      expectEqual(what, await discarded(), [...before, ...meant].toSorted())
      expectEqual(`${what}, counted`, count, meant.length)
      if (meant.length > 0) await restored(bench, stored)
    }
  })
]

// helpers

/** Makes the store what it was; what is leased is still there. */
const restored = async ({ ask, clock }: Bench, stored: readonly StoredLetter[]): Promise<void> => {
  clock.pass(1)
  await ask.prune({ maxLetters: 0, keepTombstonesMs: 0 })
  await ask.add(stored)
}

/** How many letters `count`, `groups` and `arrivals` see; they must agree. */
const countsOf = async (ask: Asked, filter: LetterFilter): Promise<number> => {
  const count = await ask.count(filter)
  const sum = (parts: readonly { readonly count: number }[]) =>
    parts.reduce((all, part) => all + part.count, 0)
  const [groups, arrivals] = [sum(await ask.groups({ filter })), sum(await ask.arrivals(filter))]
  expectEqual(`groups and arrivals of ${JSON.stringify(filter)}`, [groups, arrivals], [count, count])
  return count
}
