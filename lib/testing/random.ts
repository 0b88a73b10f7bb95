/** What looks random, and is the same in each run. */

// constructors

/**
 * Numbers from 0 to 1 that look random, the same for the same seed (mulberry32, by Tommy Ettinger).
 *
 * @example
 * const [one, same, other] = [seededRandom(7), seededRandom(7), seededRandom(8)].map((random) => random())
 * assert.is(one, same)
 * assert.is.not(one, other)
 *
 * @since 0.1.0
 */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

// combinators

/**
 * The same in another order, drawn by `random` (Fisher and Yates): like `seededRandom(7)`, so that each run is like
 * the last.
 *
 * @example
 * const orders = ['placed', 'paid', 'sent']
 * const arrived = pipe(orders, shuffled(seededRandom(7)))
 * assert.equal(arrived.toSorted(), orders.toSorted())
 *
 * @since 0.1.0
 */
export const shuffled =
  (random: () => number) =>
  <A>(all: Iterable<A>): readonly A[] => {
    const order = Array.from(all)
    for (let end = order.length - 1; end > 0; end -= 1) {
      const drawn = Math.floor(random() * (end + 1))
      const last = order[end] as A
      order[end] = order[drawn] as A
      order[drawn] = last
    }
    return order
  }
