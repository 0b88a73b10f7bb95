/** Failures for people: one text for the log, one that may be shown to whoever sent the message. */
import type { Captured } from '../core/captured.js'
import { type Failure, type Issue, matchFailure } from '../core/failure.js'
import { toJson } from '../core/json.js'

/**
 * All that is known of a failure, for the log: the first line sums it up, further lines hold stacks. Control
 * characters are shown escaped, so that a payload cannot write to a terminal.
 *
 * @example
 * const failure = malformed([{ path: '.total', message: 'expected number' }])
 * assert.equal(renderFailure(failure), 'malformed: .total expected number')
 *
 * @since 0.1.0
 */
export const renderFailure: (failure: Failure) => string = matchFailure<string>({
  NoMatch: ({ routes, more = 0 }) => {
    if (routes.length === 0 && more === 0) return 'no route matches, as there is none'
    const said = routes.map(({ route, reason }) => `${route}: ${reason}`)
    return printable(`no route matches (${[...said, ...(more > 0 ? [`${more} more`] : [])].join('; ')})`)
  },
  MultipleMatches: ({ routes }) => printable(`several routes match: ${routes.join(', ')}`),
  Malformed: ({ issues }) => printable(`malformed: ${renderIssues(issues)}`),
  Rejected: ({ code, details }) =>
    printable(`rejected: ${code}${details === undefined ? '' : ` ${JSON.stringify(toJson(details))}`}`),
  Defect: (defect) => `defect in ${printable(defect.where)}: ${renderCaptured(defect)}`,
  HookFailed: ({ hook, phase, error }) =>
    `hook ${printable(hook)} failed to ${phase}: ${renderCaptured(error)}`,
  TimedOut: ({ afterMs, abandoned }) =>
    `timed out after ${afterMs} ms${abandoned ? ', and the handler may still be running' : ''}`,
  TooManyDeliveries: ({ count }) => `started ${count} times and never finished`,
  DlqUnavailable: ({ reason, failure }) =>
    `the dead letter queue could not store it: ${printable(reason)}; it holds: ${renderFailure(failure)}`
})

/**
 * What may be shown to whoever sent the message: what is wrong with it, and nothing of the inside.
 *
 * @example
 * const failures = [
 *   malformed([{ path: '.total', message: 'expected number' }]),
 *   defect('the handler', new Error('secret'))
 * ]
 * assert.equal(failures.map(publicMessage), [
 *   'the payload is malformed: .total expected number',
 *   'the message could not be handled'
 * ])
 *
 * @since 0.1.0
 */
export const publicMessage: (failure: Failure) => string = matchFailure<string>({
  NoMatch: () => 'nothing here takes this message',
  MultipleMatches: () => 'it is not clear what this message is for',
  Malformed: ({ issues }) => printable(`the payload is malformed: ${renderIssues(issues)}`),
  Rejected: ({ code }) => printable(`rejected: ${code}`),
  otherwise: () => 'the message could not be handled'
})

// helpers

const renderIssues = (issues: readonly Issue[]): string =>
  issues.map(({ path, message }) => `${path} ${message}`.trim()).join(', ')

/** Lines after the first are indented, so that no message can pass for a line of the log. User code may have made it. */
const renderCaptured = (captured: Partial<Captured>, depth = 8): string => {
  const { name, message, stack, causes } = captured
  const frames = typeof stack === 'string' ? stack.split('\n').filter((line) => /^\s+at /.test(line)) : []
  const known: readonly (Partial<Captured> | null | undefined)[] =
    Array.isArray(causes) && depth > 0 ? causes : []
  const lines = [
    `${String(name)}: ${String(message)}`,
    ...frames,
    ...known.map((cause) => `caused by ${renderCaptured(cause ?? {}, depth - 1)}`)
  ]
  const [first = '', ...rest] = lines.flatMap((line) => line.split('\n')).map(printable)
  return [first, ...rest.map(indented)].join('\n')
}

const indented = (line: string): string => (/^\s*caused by /.test(line) ? '  ' : '    ') + line.trimStart()

/** Escapes everything that a terminal would act on. */
export const printable = (text: string): string =>
  text.replace(
    /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
  )
