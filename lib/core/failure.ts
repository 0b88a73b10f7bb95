/** Failures: why a message could not be handled, as plain data. */
import { type Captured, capture } from './captured.js'
import type { Json } from './json.js'
import { type TagCases, matchTag } from './match.js'

// model

/** Where a payload is wrong; the path is written like `.items[0].price`, and is empty for the whole. */
export interface Issue {
  readonly path: string
  readonly message: string
}

/** Why a route did not take a message. */
export interface Miss {
  readonly route: string
  readonly reason: string
}

/** No route takes the message. `more` counts the routes beyond those named. */
export interface NoMatch {
  readonly _tag: 'NoMatch'
  readonly routes: readonly Miss[]
  readonly more?: number
}

/** Several routes take the message, so none was run. */
export interface MultipleMatches {
  readonly _tag: 'MultipleMatches'
  readonly routes: readonly string[]
}

/** The payload cannot be decoded. */
export interface Malformed {
  readonly _tag: 'Malformed'
  readonly issues: readonly Issue[]
}

/** The handler or a hook said no, with a code that does not change. */
export interface Rejected {
  readonly _tag: 'Rejected'
  readonly code: string
  readonly details?: Json
}

/** Code threw, rejected, or returned what it must not. */
export interface Defect extends Captured {
  readonly _tag: 'Defect'
  readonly where: string
}

/** A hook threw or rejected. */
export interface HookFailed {
  readonly _tag: 'HookFailed'
  readonly hook: string
  readonly phase: 'acquire' | 'release'
  readonly error: Captured
}

/** The handler took too long. `abandoned`: it had not stopped when it was given up, so it may still run. */
export interface TimedOut {
  readonly _tag: 'TimedOut'
  readonly afterMs: number
  readonly abandoned: boolean
}

/** The message was started `count` times and never finished. */
export interface TooManyDeliveries {
  readonly _tag: 'TooManyDeliveries'
  readonly count: number
}

/** The dead letter queue could not store the message, whose own failure is `failure`. */
export interface DlqUnavailable {
  readonly _tag: 'DlqUnavailable'
  readonly reason: string
  readonly failure: Failure
}

/** Why a message could not be handled, exactly one reason. */
export type Failure =
  | NoMatch
  | MultipleMatches
  | Malformed
  | Rejected
  | Defect
  | HookFailed
  | TimedOut
  | TooManyDeliveries
  | DlqUnavailable

// constructors

/** The failure of a message that no route takes, with what each route said. */
export const noMatch = (routes: readonly Miss[] = [], more = 0): NoMatch =>
  more === 0 ? { _tag: 'NoMatch', routes } : { _tag: 'NoMatch', routes, more }

/** The failure of a message that several routes take. */
export const multipleMatches = (routes: readonly string[]): MultipleMatches => ({
  _tag: 'MultipleMatches',
  routes
})

/** The failure of a payload that cannot be decoded. */
export const malformed = (issues: readonly Issue[]): Malformed => ({ _tag: 'Malformed', issues })

/**
 * The failure of a handler or hook that says no. `code` is for programs and stays the same; `details` may hold
 * anything that explains this case.
 *
 * @example
 * const outcome = failed(rejected('unknown-customer', { customer: 'c1' }))
 * assert.equal(outcome._tag, 'Failed')
 *
 * @since 0.1.0
 */
export const rejected = (code: string, details?: Json): Rejected =>
  details === undefined ? { _tag: 'Rejected', code } : { _tag: 'Rejected', code, details }

/** What was thrown, at the place named by `where`. */
export const defect = (where: string, thrown: unknown): Defect => ({
  _tag: 'Defect',
  where,
  ...capture(thrown)
})

/** The failure of a hook that threw or rejected. */
export const hookFailed = (hook: string, phase: 'acquire' | 'release', thrown: unknown): HookFailed => ({
  _tag: 'HookFailed',
  hook,
  phase,
  error: capture(thrown)
})

/** The failure of a handler that took longer than `afterMs` milliseconds. */
export const timedOut = (afterMs: number, abandoned = false): TimedOut => ({
  _tag: 'TimedOut',
  afterMs,
  abandoned
})

/** The failure of a message that was started `count` times and never finished. */
export const tooManyDeliveries = (count: number): TooManyDeliveries => ({ _tag: 'TooManyDeliveries', count })

/** The failure of a queue that could not store a message, around the message's own. */
export const dlqUnavailable = (reason: string, failure: Failure): DlqUnavailable => ({
  _tag: 'DlqUnavailable',
  reason,
  failure
})

// destructors

/**
 * Takes a failure apart: one case for each tag, or some and an `otherwise`.
 *
 * @example
 * const code = matchFailure({ Rejected: ({ code }) => code, otherwise: ({ _tag }) => _tag })
 * assert.equal([code(rejected('late')), code(noMatch())], ['late', 'NoMatch'])
 *
 * @since 0.1.0
 */
export const matchFailure =
  <A>(cases: TagCases<Failure, A>) =>
  (failure: Failure): A =>
    matchTag(failure, cases)

// guards

/** Checks a value that may be anything; reading it may throw. */
export const isFailure = (value: unknown, depth = 4): value is Failure => {
  const { _tag, ...fields } = fieldsOf(value)
  switch (_tag) {
    case 'NoMatch':
      return isListOf(fields.routes, (miss) => areTexts(miss, 'route', 'reason'))
    case 'MultipleMatches':
      return isListOf(fields.routes, (route) => typeof route === 'string')
    case 'Malformed':
      return isListOf(fields.issues, (issue) => areTexts(issue, 'path', 'message'))
    case 'Rejected':
      return areTexts(fields, 'code')
    case 'Defect':
      return areTexts(fields, 'where', 'name', 'message')
    case 'HookFailed':
      return areTexts(fields, 'hook', 'phase') && areTexts(fields.error, 'name', 'message')
    case 'TimedOut':
      return typeof fields.afterMs === 'number' && typeof fields.abandoned === 'boolean'
    case 'TooManyDeliveries':
      return typeof fields.count === 'number'
    case 'DlqUnavailable':
      return areTexts(fields, 'reason') && depth > 0 && isFailure(fields.failure, depth - 1)
    default:
      return false
  }
}

// helpers

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

const areTexts = (value: unknown, ...names: readonly string[]): boolean =>
  names.every((name) => typeof fieldsOf(value)[name] === 'string')

const isListOf = (value: unknown, isItem: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(isItem)
