/** What laws of dead letter stores are made of: letters, and how they are asked for. */
import { type Failure, rejected } from '../core/failure.js'
import type { Attempt, DeadLetter, LetterIdentity, StoredLetter } from '../core/letter.js'
import type { DeadLetterStore, Held, LetterPage, LetterQuery, Replayed } from '../ports/letters.js'
import { broken, shown } from './comparing.js'
import type { Asked as AskedOf, Trial } from './store-trial.js'

export { expect, expectEqual } from './comparing.js'
export { answerOf } from './store-trial.js'

// model

export interface Law {
  /** A sentence that begins with what a store does. */
  readonly name: string
  readonly check: (bench: Bench) => Promise<void>
}

export type Bench = Trial<DeadLetterStore>

export type Asked = AskedOf<DeadLetterStore>

// constructors

export const law = (name: string, check: Law['check']): Law => ({ name, check })

// asking

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

export const resolvedBy = (lease: Held): Replayed => ({ ...lease, result: { _tag: 'Resolved' } })

export const identityOf = ({ source, id, bytes }: DeadLetter): LetterIdentity => ({ source, id, bytes })

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

export const idsOf = (letters: readonly { readonly id: string }[]): readonly string[] =>
  letters.map(({ id }) => id)

export const sorted = (letters: readonly StoredLetter[]): readonly StoredLetter[] =>
  letters.toSorted((a, b) => Number(a.id) - Number(b.id))

/** Whole numbers as ids. */
export const ids = (count: number, from = 1): readonly string[] =>
  Array.from({ length: count }, (_, index) => String(from + index))

// helpers

/** No law stores letters for more. */
const maxPages = 100
