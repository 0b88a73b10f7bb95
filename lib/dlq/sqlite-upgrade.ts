/** Letters of older files, as rows of today. */
import type { Database } from 'better-sqlite3'
import type { Failure } from '../core/failure.js'
import { keyOf } from './identity.js'
import { type Row, kindOf } from './row.js'
import { statementsOf } from './sqlite-rows.js'

/** Takes over what lies in `letters_1`. Version 1 had no states, and left the last attempt out. */
export const upgrade = (database: Database): void => {
  const rows = statementsOf(database)
  const old = database.prepare('SELECT * FROM letters_1 ORDER BY seq LIMIT ? OFFSET ?')
  for (let from = 0; ; from += batch) {
    const letters = old.all(batch, from) as readonly Old[]
    for (const letter of letters) rows.insertNew(upgraded(letter))
    if (letters.length < batch) return
  }
}

// helpers

const batch = 500

type Old = Pick<
  Row,
  | 'source'
  | 'id'
  | 'route'
  | 'headers'
  | 'failure'
  | 'attempts'
  | 'deliveryCount'
  | 'receivedAt'
  | 'firstSeenAt'
  | 'lastSeenAt'
  | 'times'
  | 'bytes'
>

const upgraded = (old: Old): Row => {
  const failure = JSON.parse(old.failure) as Failure
  // What was too much to be kept stood as a text in the list.
  const earlier = (JSON.parse(old.attempts) as readonly unknown[]).filter(
    (attempt) => typeof attempt === 'object'
  )
  const attempts = [...earlier, { startedAt: old.lastSeenAt, durationMs: 0, failure }]
  return {
    ...old,
    ...kindOf(failure, old.route ?? undefined),
    key: keyOf(old),
    state: 'dead',
    attempts: JSON.stringify(attempts),
    attemptCount: attempts.length,
    owner: null,
    token: null,
    leaseUntil: null,
    fault: null,
    original: null,
    events: '[]'
  }
}
