/** What laws of idempotency are made of: claims, and a store that is asked and must answer. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type {
  IdempotencyClaim,
  IdempotencyError,
  IdempotencyHold,
  IdempotencyState,
  IdempotencyStore
} from '../ports/idempotency.js'
import { broken, expectEqual, shown } from './comparing.js'
import { answerOf } from './law.js'
import type { SettableClock } from './settable-clock.js'

// model

export interface Law {
  /** A sentence that begins with what a store does. */
  readonly name: string
  readonly check: (bench: Bench) => Promise<void>
}

/** An empty store, and its clock. */
export interface Bench {
  readonly store: IdempotencyStore
  /** The same store, where every answer must be `Right`. */
  readonly ask: Asked
  readonly clock: SettableClock
  /** How long the store remembers what is finished. */
  readonly ttlMs: number
  /** Closes the store. */
  readonly close: () => Promise<void>
}

export type Asked = {
  readonly [K in keyof IdempotencyStore]: (
    asked: Parameters<IdempotencyStore[K]>[0]
  ) => Promise<IdempotencyStore[K] extends (asked: any) => TaskEither<IdempotencyError, infer A> ? A : never>
}

// asking

export const law = (name: string, check: Law['check']): Law => ({ name, check })

export const askedOf = (store: IdempotencyStore): Asked => {
  const must = async <A>(name: string, ask: () => TaskEither<IdempotencyError, A>): Promise<A> => {
    const answer = await answerOf(name, ask)
    return answer._tag === 'Right' ? answer.right : broken(`${name}: it answered ${shown(answer)}`)
  }
  return {
    begin: (claim) => must('begin', () => store.begin(claim)),
    renew: (claim) => must('renew', () => store.renew(claim)),
    finish: (claim) => must('finish', () => store.finish(claim)),
    abandon: (claim) => must('abandon', () => store.abandon(claim))
  }
}

/** That a state is `InFlight`, for more than nothing and no longer than this. */
export const expectInFlight = (what: string, state: IdempotencyState, atMostMs: number): void => {
  if (state._tag !== 'InFlight' || !(state.leftMs > 0 && state.leftMs <= atMostMs))
    broken(`${what}: expected InFlight for more than 0 and at most ${atMostMs} ms, found ${shown(state)}`)
}

export const expectBegun = (what: string, state: IdempotencyState): void =>
  expectEqual(what, state, { _tag: 'Begun' })

// claims

export const leaseMs = 60_000

export const claim = (token: string, fields: Partial<IdempotencyClaim> = {}): IdempotencyClaim => ({
  key: 'order 17',
  fingerprint: 'a1',
  leaseMs,
  ...fields,
  token
})

export const hold = (token: string, key = 'order 17'): IdempotencyHold => ({ key, token })
