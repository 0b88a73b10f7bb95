/** What routes say of a message that none of them takes, in fewer words: most say the same but for a value. */
import type { Failure, Miss } from '../core/failure.js'

/** Routes that stand together and miss by the value of one place alone are told as one. */
export const shortened = (failure: Failure): Failure =>
  failure._tag === 'NoMatch' ? { ...failure, routes: merged(failure.routes) } : failure

/** The same of a summary: `no route matches: .a is 1, not 2; .a is 1, not 3` ends with `.a is 1, not 2 or 3`. */
export const shortenedSummary = (summary: string): string => {
  if (!summary.startsWith(opening)) return summary
  const reasons = summary.slice(opening.length).split('; ')
  const misses = merged(reasons.map((reason) => ({ route: '', reason })))
  return `${opening}${misses.map(({ reason }) => reason).join('; ')}`
}

// helpers

const opening = 'no route matches: '

const merged = (misses: readonly Miss[]): readonly Miss[] => {
  const told: { readonly routes: string[]; readonly found: string; readonly wanted: string[] }[] = []
  for (const { route, reason } of misses) {
    const [, found = reason, value] = /^(.*), not (.*)$/s.exec(reason) ?? []
    const last = told.at(-1)
    if (value !== undefined && last?.found === found) {
      last.routes.push(route)
      last.wanted.push(value)
    } else told.push({ routes: [route], found, wanted: value === undefined ? [] : [value] })
  }
  return told.map(({ routes, found, wanted }) => ({
    route: routes.join(', '),
    reason: wanted.length === 0 ? found : `${found}, not ${eitherOf(wanted)}`
  }))
}

/** `1`, `1 or 2`, `1, 2 or 3`. */
const eitherOf = (values: readonly string[]): string =>
  [values.slice(0, -1).join(', '), ...values.slice(-1)].filter((text) => text !== '').join(' or ')
