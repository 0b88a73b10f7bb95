/** Fingerprints: what failures of one kind have in common. */
import { hash } from 'node:crypto'
import type { Captured } from '../core/captured.js'
import { type Failure, matchFailure } from '../core/failure.js'
import { cut } from '../core/json.js'

/** The failure without what varies from one message to the next: ids, numbers, quoted values, places in a list. */
export const summaryOf: (failure: Failure) => string = matchFailure<string>({
  NoMatch: ({ routes }) =>
    routes.length === 0
      ? 'no route matches'
      : `no route matches: ${distinct(routes.map(({ reason }) => withoutNumbers(reason))).join('; ')}`,
  MultipleMatches: ({ routes }) => `several routes match: ${routes.join(', ')}`,
  Malformed: ({ issues }) =>
    distinct(
      issues.map(({ path, message }) => `${path.replace(/\[\d+\]/g, '[#]')} ${normalised(message)}`.trim())
    )
      .toSorted()
      .join(', '),
  Rejected: ({ code }) => normalised(code),
  Defect: ({ where, ...thrown }) => `${where}: ${withoutStack(thrown)}`,
  HookFailed: ({ hook, phase, error }) => `hook ${hook} failed to ${phase}: ${withoutStack(error)}`,
  TimedOut: ({ afterMs }) => `timed out after ${afterMs} ms`,
  TooManyDeliveries: () => 'started too many times',
  DlqUnavailable: ({ failure }) => summaryOf(failure)
})

/** Names a kind of failure: 12 hexadecimal digits, made of its tag, the route and what `summaryOf` says of it. */
export const fingerprintOf = (tag: string, route: string | undefined, summary: string): string =>
  hash('sha256', JSON.stringify([tag, route ?? null, summary])).slice(0, 12)

/** Longer ones are cut, and are then the same if their beginnings are. */
export const maxSummary = 300

/** Text without what is likely to be somebody's: quoted values, ids, numbers. */
export const normalised = (text: string): string =>
  withoutNumbers(cut(text, 2_048).replace(/"[^"]*"|'[^'\n]*'(?!\w)|`[^`]*`/g, '"…"'))

// helpers

const withoutNumbers = (text: string): string =>
  cut(
    cut(text, 2_048)
      .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '#')
      .replace(/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, '#')
      .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, '#')
      .replace(/\d+(?:[.,:_-]\d+)*/g, '#')
      .replace(/\s+/g, ' '),
    maxSummary
  )

const withoutStack = ({ name, message }: Captured): string => `${name}: ${normalised(message)}`

const distinct = (texts: readonly string[]): readonly string[] => [...new Set(texts)]
