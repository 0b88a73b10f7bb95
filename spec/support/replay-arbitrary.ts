/** Letters of any kind, as properties want them. */
import * as fc from 'fast-check'
import {
  type Failure,
  dlqUnavailable,
  malformed,
  multipleMatches,
  noMatch,
  rejected,
  timedOut,
  tooManyDeliveries
} from '../../lib/core/failure.js'
import type { LetterEvent, StoredLetter } from '../../lib/core/letter.js'
import { keyOf } from '../../lib/dlq/identity.js'
import { isReadable, isReadableJson } from './json-names.js'

/** Text with control characters, what ends lines or comments in programs, and halves of characters. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 })
    .map((units) => String.fromCharCode(...units)),
  fc.array(fc.integer({ min: 0, max: 0xff }), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    '*/',
    '${1}',
    '`',
    '"',
    "'",
    '\\',
    '\u2028',
    '\u2029',
    '\u202e',
    '\r\n',
    '\u001b[2J',
    '__proto__'
  )
)

const time = fc.integer({ min: 0, max: 2_000_000_000_000 })

/** What JSON gives back as it was. */
const details = fc
  .jsonValue({ maxDepth: 2 })
  .map((value) => JSON.stringify(value))
  .filter(isReadableJson)
  .map((text) => JSON.parse(text) as null)

const captured = fc.record(
  {
    name: anyText,
    message: anyText,
    stack: anyText,
    causes: fc.constant([{ name: 'Error', message: 'inner' }])
  },
  { requiredKeys: ['name', 'message'], noNullPrototype: true }
)

const plainFailure: fc.Arbitrary<Failure> = fc.oneof(
  fc
    .array(fc.record({ route: anyText, reason: anyText }, { noNullPrototype: true }), { maxLength: 3 })
    .map((routes) => noMatch(routes)),
  fc.array(anyText, { maxLength: 3 }).map(multipleMatches),
  fc
    .array(fc.record({ path: anyText, message: anyText }, { noNullPrototype: true }), { maxLength: 3 })
    .map(malformed),
  fc.tuple(anyText, fc.option(details, { nil: undefined })).map(([code, given]) => rejected(code, given)),
  fc.tuple(anyText, captured).map(([where, thrown]): Failure => ({ _tag: 'Defect', where, ...thrown })),
  fc
    .tuple(anyText, fc.constantFrom('acquire' as const, 'release' as const), captured)
    .map(([hook, phase, error]): Failure => ({ _tag: 'HookFailed', hook, phase, error })),
  fc.tuple(time, fc.boolean()).map(([afterMs, abandoned]) => timedOut(afterMs, abandoned)),
  time.map(tooManyDeliveries)
)

export const anyFailure: fc.Arbitrary<Failure> = fc.oneof(
  plainFailure,
  fc.tuple(anyText, plainFailure).map(([reason, failure]) => dlqUnavailable(reason, failure))
)

export const anyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  anyText.map((text) => new TextEncoder().encode(text)),
  anyText.map((text) => new TextEncoder().encode(`\ufeff${text}`))
)

const event: fc.Arbitrary<LetterEvent> = fc.record(
  {
    at: time,
    by: anyText,
    what: fc.constantFrom('replayed', 'edited', 'discarded', 'resolved', 'revived'),
    note: anyText
  },
  { requiredKeys: ['at', 'by', 'what'], noNullPrototype: true }
)

const attempt = fc.record(
  { startedAt: time, durationMs: time, failure: plainFailure },
  { noNullPrototype: true }
)

/** Letters as stores give them, that have no lease. */
export const anyLetter: fc.Arbitrary<StoredLetter> = fc
  .record({
    id: anyText,
    source: anyText,
    headers: fc.dictionary(anyText.filter(isReadable), anyText, { maxKeys: 3, noNullPrototype: true }),
    route: fc.option(anyText, { nil: undefined }),
    failure: anyFailure,
    fault: fc.option(plainFailure, { nil: undefined }),
    attempts: fc.array(attempt, { maxLength: 3 }),
    attemptCount: time,
    deliveryCount: time,
    receivedAt: time,
    firstSeenAt: time,
    lastSeenAt: time,
    times: time,
    fingerprint: fc.constant('0123456789ab'),
    events: fc.array(event, { maxLength: 3 }),
    state: fc.constantFrom('dead', 'replaying', 'resolved', 'discarded'),
    bytes: anyBytes,
    original: fc.option(anyBytes, { nil: undefined })
  })
  .map(({ id, source, bytes, original, ...fields }) => ({
    ...fields,
    id,
    source,
    bytes,
    original,
    key: keyOf({ id, source, bytes: original ?? bytes }),
    lease: undefined
  }))
