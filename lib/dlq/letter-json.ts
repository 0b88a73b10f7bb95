/** Letters as lines of JSON, to be carried from one store to another. */
import { Buffer } from 'node:buffer'
import type { Either } from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { Failure } from '../core/failure.js'
import type { StoredLetter } from '../core/letter.js'
import { left, right } from '../core/result.js'
import { failureFromJson } from '../failures/from-json.js'
import { printable } from '../failures/render.js'
import { failureToJson } from '../failures/to-json.js'
import { codecDecode } from '../matchers/codec.js'
import { keyOf } from './identity.js'

/**
 * A letter as one line of JSON, without a line's end. Bytes are text where they are UTF-8, and base64 where they
 * are not; both come back exactly. Characters that a terminal would act on are escaped.
 *
 * @since 0.1.0
 */
export const letterToJson = (letter: StoredLetter): string => {
  const { bytes, original, failure, fault, attempts, lease, ...fields } = letter
  return printable(
    JSON.stringify({
      ...fields,
      lease: lease && { owner: lease.owner, until: lease.until },
      failure: failureToJson(failure),
      fault: fault && failureToJson(fault),
      attempts: attempts.map((attempt) => ({ ...attempt, failure: failureToJson(attempt.failure) })),
      original: original && payloadOf(original),
      payload: payloadOf(bytes)
    })
  )
}

/**
 * Reads a letter back from its line. `Left` says what is wrong with the line.
 *
 * @example
 * const queue = memoryDlq()
 * await pipe(receive(json), handle(), withDlq(queue))(message(Uint8Array.from([255, 0]), { id: '17' }))()
 * const [letter] = queue.letters()
 * assert.equal(letter && letterFromJson(letterToJson(letter)), letter && right(letter))
 *
 * @since 0.1.0
 */
export const letterFromJson = (line: string): Either<string, StoredLetter> => {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    return left('it is no JSON')
  }
  const decoded = decode(json)
  if (decoded._tag === 'Left')
    return left(decoded.left.map(({ path, message }) => `${path} ${message}`.trim()).join(', '))
  const { payload, original, route, fault, ...fields } = decoded.right
  const letter: StoredLetter = {
    ...fields,
    route,
    fault,
    bytes: bytesOf(payload),
    original: original && bytesOf(original),
    lease: undefined
  }
  const isEmptied = letter.state === 'resolved' || letter.state === 'discarded'
  const expected = keyOf({ ...letter, bytes: letter.original ?? letter.bytes })
  return letter.key === expected || isEmptied
    ? right(letter)
    : left(`its key is ${letter.key}, and its source, id and bytes say ${expected}: it was changed`)
}

// helpers

type Payload = { readonly text: string } | { readonly base64: string }

const payloadOf = (bytes: Uint8Array): Payload => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const text = buffer.toString('utf8')
  return Buffer.from(text, 'utf8').equals(buffer) ? { text } : { base64: buffer.toString('base64') }
}

const bytesOf = (payload: Payload): Uint8Array =>
  Uint8Array.from(isText(payload) ? Buffer.from(payload.text, 'utf8') : Buffer.from(payload.base64, 'base64'))

const AnyFailure = new t.Type<Failure>(
  'Failure',
  (value): value is Failure => failureFromJson(value)._tag === 'Right',
  (value, context) => {
    const failure = failureFromJson(value)
    return failure._tag === 'Right'
      ? t.success(failure.right)
      : t.failure(value, context, 'expected a failure')
  },
  t.identity
)

const Text = t.type({ text: t.string })

/** A line may say both, and one of them may be anything. */
const isText = (payload: Payload): payload is { readonly text: string } => Text.is(payload)

const Payload = t.union([Text, t.type({ base64: t.string })])

const checked = <A>(type: t.Type<A>, expected: string, isFit: (value: A) => boolean) =>
  new t.Type<A>(
    expected,
    (value): value is A => type.is(value) && isFit(value),
    (value, context) =>
      type.is(value) && isFit(value) ? t.success(value) : t.failure(value, context, `expected ${expected}`),
    t.identity
  )

/** What every store takes. A key that is none would act on terminals, and Redis refuses all that comes with it. */
const Key = checked(t.string, 'a key of 40 hexadecimal digits', (key) => /^[0-9a-f]{40}$/.test(key))
const Whole = checked(t.number, 'a whole number', Number.isSafeInteger)

const Letter = t.intersection([
  t.type({
    key: Key,
    id: t.string,
    source: t.string,
    state: t.union([
      t.literal('dead'),
      t.literal('replaying'),
      t.literal('resolved'),
      t.literal('discarded')
    ]),
    failure: AnyFailure,
    fingerprint: t.string,
    firstSeenAt: Whole,
    lastSeenAt: Whole,
    times: Whole,
    attempts: t.readonlyArray(t.type({ startedAt: t.number, durationMs: t.number, failure: AnyFailure })),
    attemptCount: Whole,
    deliveryCount: Whole,
    receivedAt: Whole,
    headers: t.record(t.string, t.string),
    events: t.readonlyArray(
      t.intersection([
        t.type({
          at: t.number,
          by: t.string,
          what: t.union([
            t.literal('replayed'),
            t.literal('edited'),
            t.literal('discarded'),
            t.literal('resolved'),
            t.literal('revived')
          ])
        }),
        t.partial({ note: t.string })
      ])
    ),
    payload: Payload
  }),
  t.partial({ route: t.string, fault: AnyFailure, original: Payload })
])

const decode = codecDecode(Letter)
