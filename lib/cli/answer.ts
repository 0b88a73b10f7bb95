/** What stores and resources answer; what they cannot do ends the command with their reason. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { DlqError, StoredLetter } from '../core/letter.js'
import { eachLetter } from '../dlq/each-letter.js'
import { printable } from '../failures/render.js'
import type { DeadLetterStore, LetterQuery } from '../ports/letters.js'
import type { Resource } from '../ports/resource.js'
import { type ExitCode, Stop } from './io.js'

export const answerOf = async <A>(task: TaskEither<DlqError, A>): Promise<A> => {
  const answered = await task()
  if (answered._tag === 'Left') throw new Stop(1, printable(answered.left.reason))
  return answered.right
}

/** `unopened`: the exit code if it cannot be opened. It is closed whatever happens. */
export const using = async <A, B>(
  resource: Resource<A>,
  unopened: ExitCode,
  use: (value: A) => Promise<B>
): Promise<B> => {
  const opened = await resource.open()
  if (opened._tag === 'Left') throw new Stop(unopened, saying(opened.left))
  let used: B
  try {
    used = await use(opened.right.value)
  } catch (thrown) {
    await opened.right.close()
    throw thrown
  }
  const closed = await opened.right.close()
  if (closed._tag === 'Left') throw new Stop(1, saying(closed.left))
  return used
}

/** Goes through letters page by page; what `use` throws is thrown. */
export const walk = async (
  store: DeadLetterStore,
  query: LetterQuery,
  use: (letters: readonly StoredLetter[]) => Promise<void>
): Promise<number> => {
  let thrown: unknown
  const count = eachLetter(store, query, async (letters) => {
    try {
      await use(letters)
    } catch (error) {
      thrown = error
      throw error
    }
  })
  const walked = await count()
  if (thrown !== undefined) throw thrown
  return answerOf(async () => walked)
}

// helpers

const saying = ({ resource, message }: { readonly resource: string; readonly message: string }): string =>
  printable(/^(?:sqlite|redis)Dlq$/.test(resource) ? message : `${resource}: ${message}`)
