/** What is done in a file of claims: many things in one transaction, in the order in which they were asked for. */
import type { Database } from 'better-sqlite3'
import type { Either } from 'fp-ts/lib/Either.js'
import { capture } from '../core/captured.js'
import { left, right } from '../core/result.js'
import type {
  IdempotencyClaim,
  IdempotencyError,
  IdempotencyHold,
  IdempotencyState
} from '../ports/idempotency.js'
import { fromStorable, toStorable } from '../ports/storable.js'
import { isOfOneRow } from '../sqlite/errors.js'
import { type Entry, stateOf } from './entry.js'

// model

export type Asked =
  | ({ readonly name: 'begin' } & IdempotencyClaim)
  | ({ readonly name: 'renew' } & IdempotencyHold & Pick<IdempotencyClaim, 'leaseMs'>)
  | ({ readonly name: 'finish' } & IdempotencyHold & { readonly result: string })
  | ({ readonly name: 'abandon' } & IdempotencyHold)

/** A state to who begins; to others whether it was theirs. */
export type Answer = IdempotencyState | boolean

export interface EngineOptions {
  readonly ttlMs: number
  readonly maxKeys: number
}

export interface Engine {
  /** One transaction, begun as a writer's, so that it waits for others before it reads. */
  readonly all: (asked: readonly Asked[], now: number) => readonly Either<IdempotencyError, Answer>[]
}

// constructors

export const engineOf = (database: Database, { ttlMs, maxKeys }: EngineOptions): Engine => {
  const select = database.prepare<[string], Row>(
    'SELECT fingerprint, token, leaseMs, until, result FROM claims WHERE key = ?'
  )
  const take = database.prepare(
    `INSERT INTO claims (key, fingerprint, token, leaseMs, until, isFinished) VALUES (?, ?, ?, ?, ?, 0)
     ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, token = excluded.token,
       leaseMs = excluded.leaseMs, until = excluded.until, isFinished = 0, result = NULL`
  )
  const shorten = database.prepare('UPDATE claims SET until = ? WHERE key = ?')
  const theirs = 'key = ? AND token = ? AND isFinished = 0'
  const renew = database.prepare(`UPDATE claims SET leaseMs = ?, until = ? WHERE ${theirs}`)
  const finish = database.prepare(`UPDATE claims SET isFinished = 1, result = ?, until = ? WHERE ${theirs}`)
  const abandon = database.prepare(`DELETE FROM claims WHERE ${theirs}`)
  const count = database.prepare<[], number>('SELECT keys FROM totals').pluck()
  const forget = database.prepare(
    `DELETE FROM claims WHERE seq IN
       (SELECT seq FROM claims WHERE isFinished = ? AND until <= ? ORDER BY until LIMIT ?)`
  )

  /** Forgets at most two, also if there are more than there may be by now: so it gets there in small steps. */
  const hasRoom = (now: number): boolean => {
    const wanted = Math.min(2, Number(count.get()) - maxKeys + 1)
    if (wanted <= 0) return true
    const ended = forget.run(0, now, wanted).changes
    return forget.run(1, Number.MAX_VALUE, wanted - ended).changes + ended > 0
  }

  const begun = (claim: IdempotencyClaim, now: number): Either<IdempotencyError, IdempotencyState> => {
    const key = toStorable(claim.key)
    const row = select.get(key)
    const entry = row && entryOf(row)
    const state = stateOf(entry, claim, now)
    if (state._tag === 'Begun') {
      if (entry === undefined && !hasRoom(now))
        return left({ reason: `all of its ${maxKeys} keys are in flight; allow more with maxKeys` })
      const { fingerprint, token, leaseMs } = claim
      take.run(key, toStorable(fingerprint), toStorable(token), leaseMs, now + leaseMs)
    } else if (entry?.result === undefined && entry !== undefined && entry.until - now > entry.leaseMs) {
      // The clock was set back: nobody can have been given so long.
      shorten.run(now + entry.leaseMs, key)
    }
    return right(state)
  }

  const done = (asked: Asked, now: number): Either<IdempotencyError, Answer> => {
    if (asked.name === 'begin') return begun(asked, now)
    const whose = [toStorable(asked.key), toStorable(asked.token)]
    switch (asked.name) {
      case 'renew':
        return right(renew.run(asked.leaseMs, now + asked.leaseMs, ...whose).changes > 0)
      case 'finish':
        return right(finish.run(toStorable(asked.result), now + ttlMs, ...whose).changes > 0)
      case 'abandon':
        return right(abandon.run(...whose).changes > 0)
    }
  }

  /** A fault of one alone has undone its own statement; any other has ended the transaction. */
  const answered = (asked: Asked, now: number): Either<IdempotencyError, Answer> => {
    try {
      return done(asked, now)
    } catch (error) {
      if (!database.inTransaction || !isOfOneRow(error)) throw error
      return left({ reason: capture(error).message })
    }
  }

  return {
    all: (asked, now) =>
      database
        .transaction(() => {
          const answers = asked.map((one) => answered(one, now))
          const begins = asked.filter(({ name }) => name === 'begin').length
          const limit = Math.min(2 * begins, manyForgotten)
          if (begins > 0) for (const isFinished of [0, 1]) forget.run(isFinished, now, limit)
          return answers
        })
        .immediate()
  }
}

// helpers

/** In one transaction, so that nobody waits long for it; as many again that are finished. */
const manyForgotten = 64

interface Row {
  readonly fingerprint: string
  readonly token: string
  readonly leaseMs: number
  readonly until: number
  readonly result: string | null
}

const entryOf = ({ fingerprint, token, leaseMs, until, result }: Row): Entry => ({
  fingerprint: fromStorable(fingerprint),
  token: fromStorable(token),
  leaseMs,
  until,
  result: result === null ? undefined : fromStorable(result)
})
