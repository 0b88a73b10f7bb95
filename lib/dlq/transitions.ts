/** What may become of a letter. Every store makes these changes and no others. */
import type { LetterEvent } from '../core/letter.js'
import type { Replayed } from '../ports/letters.js'
import { type Row, attemptsText, failureText, kindOf, maxHistory } from './row.js'

// putting

/**
 * A letter put again. Under its lease it goes back to the dead with what the replay tried; without one it was
 * brought back by its source, and whoever replays it keeps it. What was settled is dead again: it came anew.
 */
export const putAgain = (row: Row, put: Row): Row => {
  const isReplayed = put.token !== null && isHeldBy(row, put.token)
  const merged = withAttempts(row, put.attempts, put.attemptCount, isReplayed)
  if (merged === row && put.attempts !== '[]') return row
  const failed: Row = {
    ...merged,
    ...pick(put, 'tag', 'route', 'summary', 'fingerprint', 'failure'),
    lastSeenAt: put.lastSeenAt
  }
  if (isReplayed) return withEvent(ended(failed), replayedBy(row, put.lastSeenAt, put.summary))
  // Told of a replay that lost its lease: the letter is somebody else's by now, or was settled.
  if (put.token !== null) return row.state === 'dead' ? failed : row
  const again: Row = {
    ...failed,
    times: row.times + 1,
    ...pick(put, 'deliveryCount', 'receivedAt', 'headers')
  }
  if (isWithSource(row)) return { ...ended(again), token: null }
  if (row.state === 'dead' || row.state === 'replaying') return again
  const revived: Row = { ...again, state: 'dead', bytes: put.bytes, original: put.original, fault: put.fault }
  return withEvent(revived, { at: put.lastSeenAt, by: 'its source', what: 'revived' })
}

// replaying

export const claimed = (row: Row, token: string, owner: string, leaseUntil: number): Row => ({
  ...row,
  state: 'replaying',
  token,
  owner,
  leaseUntil
})

export const isHeldBy = (row: Row, token: string): boolean => row.state === 'replaying' && row.token === token

/** Was this lease ended already, by `put` or by an answer that got lost? Then all has been said. */
export const wasEnded = (row: Row, token: string): boolean => row.state !== 'replaying' && row.token === token

export const settled = (row: Row, { result }: Replayed, now: number): Row => {
  switch (result._tag) {
    case 'Released':
      return ended(row)
    case 'Resolved':
      return resolved(row, ownerOf(row), result.note, now)
    case 'Failed': {
      const { failure, route, attempts } = result
      const failed: Row = {
        ...withAttempts(row, attemptsText(attempts), attempts.length, true),
        ...kindOf(failure, route),
        failure: failureText(failure),
        lastSeenAt: now
      }
      return withEvent(ended(failed), replayedBy(row, now, failed.summary))
    }
  }
}

/** The lease is over, and its token is worth nothing any more. */
export const expired = (row: Row): Row => ({ ...ended(row), token: null })

/** The source has brought the message back, and it runs: for so long no replay runs its letter beside it. */
export const broughtBack = (row: Row, now: number): Row =>
  claimed(row, sourceToken, 'its source', now + sourceLeaseMs)

/** May its source run it? A source has one delivery of a message at a time. */
export const isForSource = (row: Row): boolean => row.state === 'dead' || isWithSource(row)

// settling

export const resolved = (row: Row, by: string, note: string | undefined, now: number): Row => ({
  ...withEvent(ended(row), { at: now, by, what: 'resolved', note }),
  state: 'resolved',
  lastSeenAt: now
})

export const discarded = (row: Row, by: string, note: string, now: number): Row => ({
  ...withEvent(ended(row), { at: now, by, what: 'discarded', note: note === '' ? undefined : note }),
  state: 'discarded',
  lastSeenAt: now
})

/** What is left of a letter that was settled: enough to know it again. */
export const emptied = (row: Row): Row => ({
  ...row,
  bytes: new Uint8Array(),
  original: null,
  headers: '{}'
})

/** Has it what is then taken away? */
export const isFull = ({ bytes, original, headers }: Row): boolean =>
  bytes.length > 0 || original !== null || headers !== '{}'

// editing

export const edited = (row: Row, to: Uint8Array, by: string, note: string | undefined, now: number): Row => ({
  ...withEvent(row, { at: now, by, what: 'edited', note }),
  original: row.original ?? row.bytes,
  bytes: to,
  // What the source found wrong was wrong with the bytes that are replaced.
  fault: null
})

// helpers

const sourceToken = 'its source'
const sourceLeaseMs = 60_000

const isWithSource = (row: Row): boolean => isHeldBy(row, sourceToken)

/** Without its lease, but with the token, by which an answer that comes twice is known again. */
const ended = (row: Row): Row => ({ ...row, state: 'dead', owner: null, leaseUntil: null })

const ownerOf = ({ owner }: Row): string => owner ?? 'somebody'

const replayedBy = (row: Row, at: number, note: string): LetterEvent => ({
  at,
  by: ownerOf(row),
  what: 'replayed',
  note
})

/**
 * The same row if it has these attempts already: a commit that was thought to have failed is made twice. `count`:
 * how many they were before the oldest were left out. `isFresh`: they are known to be made by nobody else.
 */
const withAttempts = (row: Row, added: string, count: number, isFresh: boolean): Row => {
  const before = JSON.parse(row.attempts) as readonly Tried[]
  const starts = new Set(before.map(({ startedAt, durationMs }) => `${startedAt} ${durationMs}`))
  const tried = JSON.parse(added) as readonly Tried[]
  const fresh = tried.filter(
    ({ startedAt, durationMs }) => isFresh || !starts.has(`${startedAt} ${durationMs}`)
  )
  if (fresh.length === 0) return row
  const leftOut = fresh.length === tried.length ? count - tried.length : 0
  return {
    ...row,
    attempts: JSON.stringify([...before, ...fresh].slice(-maxHistory)),
    attemptCount: row.attemptCount + fresh.length + leftOut
  }
}

interface Tried {
  readonly startedAt: number
  readonly durationMs: number
}

const withEvent = (row: Row, event: LetterEvent): Row => ({
  ...row,
  events: JSON.stringify([...(JSON.parse(row.events) as readonly LetterEvent[]), event].slice(-maxHistory))
})

const pick = <K extends keyof Row>(row: Row, ...names: readonly K[]): Pick<Row, K> =>
  Object.fromEntries(names.map((name) => [name, row[name]])) as Pick<Row, K>
