/** When a fault strikes: predicates that count how often they are asked, or draw. */

// model

/** Asked once for each value, in the order in which they come. A predicate of your own will do. */
export type When<A = any> = (value: A) => boolean

// constructors

/**
 * Every `n`th time it is asked, whatever it is asked about. It counts by itself: make one for each place.
 *
 * @example
 * assert.equal(['a', 'b', 'c', 'd'].map(every(2)), [false, true, false, true])
 *
 * @throws RangeError if `n` is no whole number of at least 1
 * @since 0.1.0
 */
export const every = (n: number): When => {
  checkCounts('every', [n])
  let asked = 0
  return () => (asked += 1) % n === 0
}

/**
 * These times it is asked, counted from 1, and never again: `nth(1, 2)` is twice, and then no more.
 *
 * @example
 * assert.equal(['a', 'b', 'c', 'd'].map(nth(1, 3)), [true, false, true, false])
 *
 * @throws RangeError if one of them is no whole number of at least 1
 * @since 0.1.0
 */
export const nth = (...counts: readonly number[]): When => {
  checkCounts('nth', counts)
  let asked = 0
  return () => counts.includes((asked += 1))
}

/**
 * With this probability, as `random` draws: `seededRandom(7)`, so that each run is like the last.
 *
 * @example
 * const struck = Array.from({ length: 1_000 }).filter(randomly(0.1, seededRandom(7)))
 * assert.ok(struck.length > 50 && struck.length < 150)
 *
 * @throws RangeError if the probability is not from 0 to 1
 * @since 0.1.0
 */
export const randomly = (probability: number, random: () => number): When => {
  if (!(probability >= 0 && probability <= 1))
    throw new RangeError(`randomly: give a probability from 0 to 1, not ${probability}`)
  return () => random() < probability
}

// helpers

const checkCounts = (name: string, counts: readonly number[]): void => {
  const wrong = counts.find((count) => !(Number.isInteger(count) && count >= 1))
  if (wrong !== undefined) throw new RangeError(`${name}: give whole numbers of at least 1, not ${wrong}`)
}
