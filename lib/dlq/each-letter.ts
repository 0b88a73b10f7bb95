/** Going through the letters of a store, page by page. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { capture } from '../core/captured.js'
import type { DlqError, StoredLetter } from '../core/letter.js'
import { left, right } from '../core/result.js'
import type { DeadLetterStore, LetterQuery } from '../ports/letters.js'

/**
 * Gives all letters that a query means, a page at a time, and tells how many there were. `use` is awaited before the
 * next page is read; what it throws ends the walk.
 *
 * @example
 * const queue = memoryDlq()
 * const seen: string[] = []
 * await pipe(receive(json), handle(), withDlq(queue))(message('[1]', { id: '17' }))()
 * const walked = await eachLetter(queue, {}, (letters) => void seen.push(...letters.map(({ id }) => id)))()
 * assert.equal([walked, seen], [right(1), ['17']])
 *
 * @since 0.1.0
 */
export const eachLetter =
  (
    store: DeadLetterStore,
    query: LetterQuery,
    use: (letters: readonly StoredLetter[]) => void | Promise<void>
  ): TaskEither<DlqError, number> =>
  async () => {
    let count = 0
    let after = query.after
    const { limit = Infinity } = query
    try {
      do {
        const page = await store.page({ ...query, after, limit: Math.min(pageLimit, limit - count) })()
        if (page._tag === 'Left') return page
        count += page.right.letters.length
        after = page.right.next
        await use(page.right.letters)
      } while (after !== undefined && count < limit)
      return right(count)
    } catch (thrown) {
      return left({ reason: capture(thrown).message })
    }
  }

// helpers

const pageLimit = 200
