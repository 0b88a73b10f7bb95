/** What laws of idempotency are made of: claims, and what is expected of the states that they find. */
import type {
  IdempotencyClaim,
  IdempotencyHold,
  IdempotencyState,
  IdempotencyStore
} from '../ports/idempotency.js'
import { broken, expectEqual, shown } from './comparing.js'
import type { Trial } from './store-trial.js'

// model

export interface Law {
  /** A sentence that begins with what a store does. */
  readonly name: string
  readonly check: (bench: Bench) => Promise<void>
}

export interface Bench extends Trial<IdempotencyStore> {
  /** How long the store remembers what is finished. */
  readonly ttlMs: number
}

// constructors

export const law = (name: string, check: Law['check']): Law => ({ name, check })

// expecting

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
