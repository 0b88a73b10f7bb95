/** As many letters as somebody asked for. */
import type { StoredLetter } from '../core/letter.js'
import type { DeadLetterStore, LetterQuery } from '../ports/letters.js'
import { answerOf } from './answer.js'

/**
 * Calls with pages until there are as many letters as were asked for, as a page of large letters has fewer. Resolves
 * with where the next would begin.
 */
export const eachPage = async (
  store: DeadLetterStore,
  { limit, ...query }: LetterQuery & { readonly limit: number },
  use: (letters: readonly StoredLetter[]) => Promise<void>
): Promise<string | undefined> => {
  let { after } = query
  let rest = limit
  do {
    const { letters, next } = await answerOf(
      store.page({ ...query, after, limit: Math.min(rest, lettersAtOnce) })
    )
    await use(letters)
    rest -= letters.length
    after = next
  } while (after !== undefined && rest > 0)
  return after
}

/** All of these at once, and where the next would begin. */
export const lettersOf = async (
  store: DeadLetterStore,
  query: LetterQuery & { readonly limit: number }
): Promise<{ readonly letters: readonly StoredLetter[]; readonly next: string | undefined }> => {
  const pages: (readonly StoredLetter[])[] = []
  const next = await eachPage(store, query, async (letters) => void pages.push(letters))
  return { letters: pages.flat(), next }
}

// helpers

const lettersAtOnce = 10_000
