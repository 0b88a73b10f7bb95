/** Letters as rows: the flat form in which stores keep them and hand them from one thread to another. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Failure } from '../core/failure.js'
import { cut } from '../core/json.js'
import type { Attempt, DeadLetter, LetterEvent, LetterState, StoredLetter } from '../core/letter.js'
import { failureToJson } from '../failures/to-json.js'
import { fromStorable, toStorable } from '../ports/storable.js'
import { fingerprintOf, maxSummary, summaryOf } from './fingerprint.js'
import { keyOf, storableHeaders } from './identity.js'

// model

/** What was JSON stays text, so that a row is moved and changed without being read. */
export interface Row {
  readonly key: string
  readonly source: string
  readonly id: string
  readonly state: LetterState
  readonly tag: Failure['_tag']
  readonly route: string | null
  readonly fingerprint: string
  readonly summary: string
  readonly firstSeenAt: number
  readonly lastSeenAt: number
  readonly times: number
  readonly attemptCount: number
  readonly deliveryCount: number
  readonly receivedAt: number
  readonly owner: string | null
  readonly token: string | null
  readonly leaseUntil: number | null
  readonly headers: string
  readonly failure: string
  readonly fault: string | null
  readonly attempts: string
  readonly events: string
  readonly original: Uint8Array | null
  readonly bytes: Uint8Array
}

// constructors

export const rowOf = (letter: DeadLetter, now: number, isStoredHeader: (name: string) => boolean): Row => {
  const { failure, route, attempts, original, fault, lease } = letter
  const plain = plainFailure(failure)
  const text = JSON.stringify(plain)
  return {
    key: keyOf({ ...letter, bytes: original ?? letter.bytes }),
    source: toStorable(letter.source),
    id: toStorable(letter.id),
    state: 'dead',
    // Of what is kept of the failure, so that it is of the same kind wherever the letter is carried.
    ...kindOf(plain, route),
    firstSeenAt: whole(now),
    lastSeenAt: whole(now),
    times: 1,
    attemptCount: attempts.length,
    deliveryCount: whole(letter.deliveryCount),
    receivedAt: whole(letter.receivedAt),
    owner: lease?.owner ?? null,
    token: lease?.token ?? null,
    leaseUntil: lease === undefined ? null : whole(lease.until),
    headers: JSON.stringify(storableHeaders(letter.headers, isStoredHeader)),
    failure: text,
    fault: fault === undefined ? null : failureText(fault),
    attempts: attemptsText(attempts, failure, text),
    events: '[]',
    original: original ?? null,
    bytes: letter.bytes
  }
}

/** A stored letter as it is, but for its lease, which is another store's. */
export const rowOfStored = (letter: StoredLetter): Row => {
  const { state } = letter
  const attempts = letter.attempts.slice(-maxHistory)
  return {
    ...rowOf(letter, letter.firstSeenAt, () => true),
    key: letter.key,
    state: state === 'replaying' ? 'dead' : state,
    lastSeenAt: whole(letter.lastSeenAt),
    times: whole(letter.times),
    attemptCount: Math.max(whole(letter.attemptCount), attempts.length),
    owner: null,
    token: null,
    leaseUntil: null,
    attempts: attemptsText(attempts),
    events: JSON.stringify(letter.events.slice(-maxHistory))
  }
}

// conversions

export type ReadFailure = (json: unknown) => Either<unknown, Failure>

/** Throws if the row was not written by this library. */
export const letterOf = (row: Row, readFailure: ReadFailure): StoredLetter => {
  const parsed = (name: 'attempts' | 'events' | 'failure' | 'fault' | 'headers'): unknown => {
    try {
      return JSON.parse(row[name] ?? '')
    } catch {
      throw new Error(`letter ${row.key}: its ${name} cannot be read: ${cut(row[name] ?? '', 200)}`)
    }
  }
  const failureOf = (json: unknown): Failure => {
    const failure = readFailure(json)
    return failure._tag === 'Right' ? failure.right : unreadable(json)
  }
  const { owner, token, leaseUntil } = row
  const isHeld = row.state === 'replaying' && owner !== null && token !== null && leaseUntil !== null
  return {
    key: row.key,
    id: fromStorable(row.id),
    source: fromStorable(row.source),
    state: row.state,
    route: row.route ?? undefined,
    failure: failureOf(parsed('failure')),
    fingerprint: row.fingerprint,
    firstSeenAt: row.firstSeenAt,
    lastSeenAt: row.lastSeenAt,
    times: row.times,
    attempts: (parsed('attempts') as readonly Attempt[]).map((attempt) => ({
      ...attempt,
      failure: failureOf(attempt.failure)
    })),
    attemptCount: row.attemptCount,
    deliveryCount: row.deliveryCount,
    receivedAt: row.receivedAt,
    fault: row.fault === null ? undefined : failureOf(parsed('fault')),
    lease: isHeld ? { token, owner, until: leaseUntil } : undefined,
    headers: parsed('headers') as StoredLetter['headers'],
    events: parsed('events') as readonly LetterEvent[],
    original: row.original === null ? undefined : ownBytes(row.original),
    bytes: ownBytes(row.bytes)
  }
}

/** What makes failures one kind, as a row has it. */
export const kindOf = (
  failure: Failure,
  route: string | undefined
): Pick<Row, 'tag' | 'route' | 'summary' | 'fingerprint'> => {
  const summary = cut(summaryOf(failure), maxSummary)
  return {
    tag: failure._tag,
    route: route ?? null,
    summary,
    fingerprint: fingerprintOf(failure._tag, route, summary)
  }
}

/** The JSON form of a failure is one, of the same tag; its type says less. */
export const plainFailure = (failure: Failure): Failure => failureToJson(failure) as unknown as Failure

export const failureText = (failure: Failure): string => JSON.stringify(failureToJson(failure))

/** `known`: a failure whose text is there already. */
export const attemptsText = (attempts: readonly Attempt[], known?: Failure, text?: string): string => {
  const texts = attempts.slice(-maxHistory).map(({ startedAt, durationMs, failure }) => {
    const said = text !== undefined && failure === known ? text : failureText(failure)
    return `{"startedAt":${whole(startedAt)},"durationMs":${whole(durationMs)},"failure":${said}}`
  })
  return `[${texts.join()}]`
}

/** How many attempts and events a letter keeps. */
export const maxHistory = 50

// helpers

/** Stands in for what was written by something else, so that the letter can be read all the same. */
const unreadable = (json: unknown): Failure => ({
  _tag: 'Defect',
  where: 'the store',
  name: 'TypeError',
  message: `the failure cannot be read: ${cut(JSON.stringify(json) ?? 'nothing', 200)}`
})

/** Milliseconds and counts as integers that are kept exactly, whatever was given. */
const whole = (value: number): number =>
  Number.isFinite(value) ? Math.min(Math.max(Math.round(value), -most), most) : 0

const most = Number.MAX_SAFE_INTEGER

/** Bytes that are nothing else's: what a driver gives may lie in a larger buffer. */
const ownBytes = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes)
