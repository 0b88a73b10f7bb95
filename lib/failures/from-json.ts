/** Reading failures back from their JSON form. */
import type { Either } from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { Captured } from '../core/captured.js'
import type { Failure, Issue } from '../core/failure.js'
import type { Json } from '../core/json.js'
import { left } from '../core/result.js'
import { codecDecode } from '../matchers/codec.js'

/**
 * Reads a failure back from its JSON form.
 *
 * @example
 * assert.equal(failureFromJson({ _tag: 'Rejected', code: 'late' }), right(rejected('late')))
 *
 * @since 0.1.0
 */
export const failureFromJson = (json: unknown): Either<readonly Issue[], Failure> => {
  try {
    return decode(json)
  } catch {
    // A RangeError: what can be thrown here is that the stack has no more room.
    return left([{ path: '', message: 'nested too deeply' }])
  }
}

// helpers

const tagged = <Tag extends string, P extends t.Props>(tag: Tag, props: P) =>
  t.intersection([t.type({ _tag: t.literal(tag) }), t.type(props)])

const Captured: t.Type<Captured> = t.recursion('Captured', () =>
  t.intersection([
    t.type({ name: t.string, message: t.string }),
    t.partial({ stack: t.string, causes: t.readonlyArray(Captured) })
  ])
)

const Failure: t.Type<Failure> = t.recursion('Failure', () =>
  t.union([
    t.intersection([
      tagged('NoMatch', { routes: t.readonlyArray(t.type({ route: t.string, reason: t.string })) }),
      t.partial({ more: t.number })
    ]),
    tagged('MultipleMatches', { routes: t.readonlyArray(t.string) }),
    tagged('Malformed', { issues: t.readonlyArray(t.type({ path: t.string, message: t.string })) }),
    t.intersection([tagged('Rejected', { code: t.string }), t.partial({ details: Anything })]),
    t.intersection([tagged('Defect', { where: t.string }), Captured]),
    tagged('HookFailed', {
      hook: t.string,
      phase: t.union([t.literal('acquire'), t.literal('release')]),
      error: Captured
    }),
    tagged('TimedOut', { afterMs: t.number, abandoned: t.boolean }),
    tagged('TooManyDeliveries', { count: t.number }),
    tagged('DlqUnavailable', { reason: t.string, failure: Failure })
  ])
)

/** Whatever `JSON.parse` gave. */
const Anything = t.unknown as t.Type<Json>

const decode = codecDecode(Failure)
