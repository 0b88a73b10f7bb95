/** The store over an engine, wherever that runs: letters become rows, and rows letters. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { capture } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import type { DlqError, LetterIdentity } from '../core/letter.js'
import { left, right } from '../core/result.js'
import { isHarmless } from '../matchers/credentials.js'
import type {
  Claim,
  DeadLetterStore,
  LetterFilter,
  LetterName,
  LetterPage,
  Replayed
} from '../ports/letters.js'
import { toStorable } from '../ports/storable.js'
import {
  type Bounds,
  choiceRefusal,
  filterRefusal,
  limited,
  refusalOf,
  wholeLease,
  wholeLimit,
  wholeRetention
} from './bounds.js'
import { inParts } from './discarding.js'
import type { Engine, EngineCall, RowPage } from './engine.js'
import { listOf } from './filter.js'
import { keyOf } from './identity.js'
import { type ReadFailure, type Row, letterOf, plainFailure, rowOf, rowOfStored } from './row.js'

// model

/** Calls an engine. */
export type Call = <K extends EngineCall>(
  name: K,
  ...parts: Parameters<Engine[K]>
) => Promise<Either<DlqError, ReturnType<Engine[K]>>>

export interface StoreNeeds {
  readonly location: string
  readonly call: Call
  /** Stores one row, together with others if that is better; `raw` as in `Dlq.put`. */
  readonly put: (row: Row, raw?: unknown) => Promise<Either<DlqError, void>>
  readonly clock: Clock
  readonly isStoredHeader?: ((name: string, isHarmless: boolean) => boolean) | undefined
  /** Loaded when letters are first read, if it is not given. */
  readonly readFailure?: ReadFailure
}

// constructors

export const storeOver = ({
  location,
  call,
  put,
  clock,
  isStoredHeader = (_, byDefault) => byDefault,
  readFailure
}: StoreNeeds): DeadLetterStore => {
  const now = (): number => Math.round(clock.now())
  const isStored = (name: string): boolean => isStoredHeader(name, isHarmless(name))
  const pageOf = pagesBy(readFailure)
  return {
    location,
    put: (letter, raw) => () => guarded(() => put(rowOf(letter, now(), isStored), raw)),
    recall: (identity) => () => guarded(() => call('recall', nameOf(identity), now())),
    resolve: (identity) => () => guarded(() => call('resolve', nameOf(identity), identity.source, now())),
    page: (query = {}) =>
      pageOf(
        filtered(query.filter, { limit: query.limit }, () => call('page', limited(asStored(query)), now()))
      ),
    groups: ({ filter = {}, limit = defaultGroups } = {}) =>
      filtered(filter, { limit }, () => call('groups', chosenBy(filter), wholeLimit(limit), now())),
    count: (filter = {}) => filtered(filter, {}, () => call('count', chosenBy(filter), now())),
    arrivals: (filter = {}) => filtered(filter, {}, () => call('arrivals', chosenBy(filter), now())),
    claim: (claim) => {
      const { filter, limit, leaseMs } = claim
      const leasing = (): Claim => limited({ ...asStored(claim), leaseMs: wholeLease(leaseMs) })
      const claimed = async () =>
        meansDead(filter) ? call('claim', leasing(), now()) : right({ rows: [], next: undefined })
      return pageOf(chosen(filter, { limit, leaseMs }, claimed))
    },
    renew: (held, leaseMs) =>
      filtered({}, { leaseMs }, () => call('renew', held.map(named), now() + wholeLease(leaseMs))),
    settle: (replayed) => () => guarded(() => call('settle', replayed.map(plain).map(named), now())),
    edit: (edit) => () => guarded(() => call('edit', named(edit), now())),
    discard: ({ filter, by, note }) =>
      chosen(filter, {}, async () =>
        meansDead(filter)
          ? inParts((part) => call('discard', { ...part, filter: chosenBy(filter) }, by, note, now()))
          : right(0)
      ),
    add: (letters) => () => guarded(() => call('add', letters.map(rowOfStored))),
    prune: (retention = {}) =>
      filtered({}, { ...retention }, () => call('prune', wholeRetention(retention), now()))
  }
}

// helpers

const defaultGroups = 100

const nameOf = (identity: LetterIdentity): LetterName => named({ key: keyOf(identity), id: identity.id })

/** By the name that its row has. */
const named = <N extends LetterName>(one: N): N => ({ ...one, id: toStorable(one.id) })

const chosenBy = (filter: LetterFilter): LetterFilter => {
  const { id, source } = filter
  return {
    ...filter,
    ...(id !== undefined && { id: listOf(id).map(toStorable) }),
    ...(source !== undefined && { source: listOf(source).map(toStorable) })
  }
}

const asStored = <Q extends { readonly filter?: LetterFilter }>(query: Q): Q =>
  query.filter === undefined ? query : { ...query, filter: chosenBy(query.filter) }

/** Is anything meant that can be claimed or discarded? */
const meansDead = ({ state }: LetterFilter = {}): boolean =>
  state === undefined || listOf(state).includes('dead')

/** Failures hold what user code put into them, which may not go from one thread to another. */
const plain = (replayed: Replayed): Replayed => {
  const { result } = replayed
  if (result._tag !== 'Failed') return replayed
  const { failure, attempts } = result
  return {
    ...replayed,
    result: {
      ...result,
      failure: plainFailure(failure),
      attempts: attempts.map((attempt) => ({ ...attempt, failure: plainFailure(attempt.failure) }))
    }
  }
}

/** Whoever asks may have given anything. */
const guarded = async <A>(ask: () => Promise<Either<DlqError, A>>): Promise<Either<DlqError, A>> => {
  try {
    return await ask()
  } catch (thrown) {
    return left({ reason: capture(thrown).message })
  }
}

/** Asks only with a filter that is one, and bounds that are numbers. */
const unlessRefused =
  (refusal: (filter: LetterFilter | undefined) => string | undefined) =>
  <A>(
    filter: LetterFilter | undefined,
    bounds: Bounds,
    ask: () => Promise<Either<DlqError, A>>
  ): TaskEither<DlqError, A> =>
  () =>
    guarded(async () => {
      const reason = refusal(filter) ?? refusalOf(bounds)
      return reason === undefined ? ask() : left({ reason, isRefused: true })
    })

const filtered = unlessRefused(filterRefusal)
const chosen = unlessRefused(choiceRefusal)

const pagesBy =
  (given: ReadFailure | undefined) =>
  (ask: () => Promise<Either<DlqError, RowPage>>): TaskEither<DlqError, LetterPage> =>
  () =>
    guarded(async () => {
      const page = await ask()
      if (page._tag === 'Left') return page
      const readFailure = given ?? (await loadReader())
      const { rows, next } = page.right
      return right({ letters: rows.map((row) => letterOf(row, readFailure)), next })
    })

/** io-ts is loaded by those alone who read letters, not by each program that may have to write one. */
const loadReader = async (): Promise<ReadFailure> =>
  (await import('../failures/from-json.js')).failureFromJson
