/** Failures as JSON, in which queues keep them: bounded, and so that each can be read back. */
import type { Captured } from '../core/captured.js'
import { type Failure, isFailure, matchFailure } from '../core/failure.js'
import { type Json, cut, toJson } from '../core/json.js'

/**
 * The JSON form in which queues keep failures. Lists and texts that are too long are cut, so that whatever user code
 * put into a failure it can be written, and read back.
 *
 * @since 0.1.0
 */
export const failureToJson = (failure: Failure): Json => {
  try {
    if (isFailure(failure)) return formOf(failure)
  } catch {
    // reading it throws
  }
  return { _tag: 'Defect', where: 'the failure', name: 'TypeError', message: 'what was given is no failure' }
}

// helpers

const maxItems = 100
const maxText = 1_024
const maxStack = 8_192
/** Errors with all their causes. */
const maxErrors = 24

const short = (text: string): string => cut(text, maxText)

const formOf: (failure: Failure) => Json = matchFailure<Json>({
  NoMatch: ({ _tag, routes, more = 0 }) => {
    const left = Math.max(0, routes.length - maxItems) + more
    const named = routes
      .slice(0, maxItems)
      .map(({ route, reason }) => ({ route: short(route), reason: short(reason) }))
    return { _tag, routes: named, ...(left > 0 && { more: left }) }
  },
  MultipleMatches: ({ _tag, routes }) => ({ _tag, routes: routes.slice(0, maxItems).map(short) }),
  Malformed: ({ _tag, issues }) => ({
    _tag,
    issues: issues
      .slice(0, maxItems)
      .map(({ path, message }) => ({ path: short(path), message: short(message) }))
  }),
  Rejected: ({ _tag, code, details }) => ({
    _tag,
    code: short(code),
    ...(details !== undefined && { details: toJson(details) })
  }),
  Defect: ({ _tag, where, ...thrown }) => ({ _tag, where: short(where), ...errorForm(thrown) }),
  HookFailed: ({ _tag, hook, phase, error }) => ({
    _tag,
    hook: short(hook),
    phase: phase === 'release' ? phase : 'acquire',
    error: errorForm(error)
  }),
  TimedOut: ({ _tag, afterMs, abandoned }) => ({ _tag, afterMs: finite(afterMs), abandoned }),
  TooManyDeliveries: ({ _tag, count }) => ({ _tag, count: finite(count) }),
  DlqUnavailable: ({ _tag, reason, failure }) => ({
    _tag,
    reason: short(reason),
    failure: failureToJson(failure)
  })
})

const errorForm = (error: Captured, budget = { errors: maxErrors }): { readonly [key: string]: Json } => {
  budget.errors -= 1
  const { name, message, stack, causes } = error
  const kept: Json[] = []
  for (const cause of Array.isArray(causes) ? (causes as readonly Captured[]) : []) {
    if (budget.errors <= 0) break
    kept.push(errorForm(cause, budget))
  }
  return {
    name: textOf(name, maxText),
    message: textOf(message, 2 * maxText),
    ...(typeof stack === 'string' && { stack: cut(stack, maxStack) }),
    ...(kept.length > 0 && { causes: kept })
  }
}

/** Causes are not checked as deep as they go. */
const textOf = (value: unknown, most: number): string =>
  typeof value === 'string' ? cut(value, most) : 'unreadable'

const finite = (value: number): number => (Number.isFinite(value) ? value : 0)
