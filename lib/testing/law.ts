/** What laws of stores are made of: letters, and a store that is asked and must answer. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type Failure, rejected } from '../core/failure.js'
import type { Attempt, DeadLetter, DlqError, LetterIdentity, StoredLetter } from '../core/letter.js'
import type { DeadLetterStore, Held, LetterPage, LetterQuery } from '../ports/letters.js'
import { BrokenLaw, broken, shown } from './comparing.js'
import type { SettableClock } from './settable-clock.js'

export { expect, expectEqual } from './comparing.js'

// model

export interface Law {
  /** A sentence that begins with what a store does. */
  readonly name: string
  readonly check: (bench: Bench) => Promise<void>
}

/** An empty store, and its clock. */
export interface Bench {
  readonly store: DeadLetterStore
  /** The same store, where every answer must be `Right`. */
  readonly ask: Asked
  readonly clock: SettableClock
  /** Closes the store. */
  readonly close: () => Promise<void>
}

type Functions = Omit<DeadLetterStore, 'location'>

export type Asked = {
  readonly [K in keyof Functions]: (
    ...parts: Parameters<Functions[K]>
  ) => Promise<Functions[K] extends (...parts: any[]) => TaskEither<DlqError, infer A> ? A : never>
}

// asking

export const law = (name: string, check: Law['check']): Law => ({ name, check })

export const askedOf = (store: DeadLetterStore): Asked =>
  new Proxy({} as Asked, {
    get:
      (_, name) =>
      async (...parts: readonly unknown[]) => {
        const ask = Reflect.get(store, name) as (
          ...parts: readonly unknown[]
        ) => TaskEither<DlqError, unknown>
        const answer = await answerOf(String(name), () => ask(...parts))
        return answer._tag === 'Right'
          ? answer.right
          : broken(`${String(name)}: it answered ${shown(answer)}`)
      }
  })

/** What a store answers, which must be `Left` or `Right` whatever it was asked. */
export const answerOf = async <A>(
  name: string,
  ask: () => TaskEither<DlqError, A>
): Promise<Either<DlqError, A>> => {
  try {
    const answer = await ask()()
    if (answer._tag === 'Right') return answer
    if (answer._tag === 'Left' && typeof answer.left.reason === 'string') return answer
    return broken(`${name}: it answered ${shown(answer)}, which is neither Left with a reason nor Right`)
  } catch (thrown) {
    if (thrown instanceof BrokenLaw) throw thrown
    return broken(`${name}: it threw or rejected: ${shown(thrown)}`)
  }
}

/** Asks for page after page, up to the last. */
export const eachPage = async (
  ask: (after: string | undefined) => Promise<LetterPage>,
  use: (page: LetterPage) => void | Promise<void>
): Promise<void> => {
  let after: string | undefined
  for (let pages = 0; pages < maxPages; pages += 1) {
    const page = await ask(after)
    await use(page)
    if (page.next === undefined) return
    after = page.next
  }
  return broken(`pages: after ${maxPages} of them there is still a next one`)
}

/** All that a query finds. */
export const allOf = async (ask: Asked, query: LetterQuery = {}): Promise<readonly StoredLetter[]> => {
  const letters: StoredLetter[] = []
  await eachPage(
    (after) => ask.page({ ...query, after }),
    (page) => void letters.push(...page.letters)
  )
  return letters
}

/** The letter with this id, of which there must be one. */
export const theLetter = async (ask: Asked, id = '1'): Promise<StoredLetter> => {
  const letters = await allOf(ask, { filter: { id } })
  const [letter] = letters
  return letter !== undefined && letters.length === 1
    ? letter
    : broken(`page: expected one letter with the id ${id}, found ${letters.length}`)
}

/** Leases the letter with this id. */
export const held = async (ask: Asked, id = '1', leaseMs = 60_000): Promise<Held> => {
  const { letters } = await ask.claim({ owner: 'ann', leaseMs, filter: { id } })
  const [letter] = letters
  if (letter?.lease === undefined || letters.length !== 1)
    return broken(`claim: expected one leased letter with the id ${id}, found ${shown(letters)}`)
  return { key: letter.key, id: letter.id, token: letter.lease.token }
}

/** What names a lease. */
export const heldOf = ({ key, id, lease }: StoredLetter): Held => ({ key, id, token: lease?.token ?? '' })

// letters

export const late = rejected('late')

export const attempt = (startedAt: number, failure: Failure = late): Attempt => ({
  startedAt,
  durationMs: 5,
  failure
})

/** A letter whose last attempt began then. */
export const letter = (fields: Partial<DeadLetter> = {}, startedAt = 1): DeadLetter => ({
  id: '1',
  source: 'laws',
  bytes: utf8('{"total":3}'),
  headers: { tenant: 'a' },
  route: 'order',
  failure: late,
  attempts: [attempt(startedAt, fields.failure)],
  deliveryCount: 1,
  receivedAt: 1,
  original: undefined,
  fault: undefined,
  lease: undefined,
  ...fields
})

export const identityOf = ({ source, id, bytes }: DeadLetter): LetterIdentity => ({ source, id, bytes })

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

export const idsOf = (letters: readonly { readonly id: string }[]): readonly string[] =>
  letters.map(({ id }) => id)

/** Whole numbers as ids. */
export const ids = (count: number, from = 1): readonly string[] =>
  Array.from({ length: count }, (_, index) => String(from + index))

// helpers

/** No law stores letters for more. */
const maxPages = 100
