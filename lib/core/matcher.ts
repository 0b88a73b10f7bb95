/** Matchers: whether a route takes a message, and what its handler gets. */
import type { Issue } from './failure.js'
import { type Keys, holds, missed } from './key.js'
import type { SensitivePath } from './masked.js'
import type { Message } from './message.js'

// model

/** A matcher's answer. `Malformed`: the message is meant for this route, and does not decode. */
export type Match<A> =
  | { readonly _tag: 'Taken'; readonly input: A }
  | { readonly _tag: 'Passed'; readonly reason: string }
  | { readonly _tag: 'Malformed'; readonly issues: readonly Issue[] }

/** Says whether a route takes a message, and what its handler gets; what `byField`, `and` and `named` make. */
export interface Matcher<B, A> {
  readonly _tag: 'Matcher'
  readonly label: string
  /** Asked only if one of these alternatives holds; `undefined`: asked of every message. */
  readonly keys: readonly Keys[] | undefined
  /** Do the keys alone decide whether the message is meant for this route? */
  readonly decided: boolean
  /** Where a body that it takes is sensitive. */
  readonly sensitive?: () => readonly SensitivePath[]
  /** Pure. */
  readonly match: (message: Message<B>) => Match<A>
}

// constructors

export const taken = <A>(input: A): Match<A> => ({ _tag: 'Taken', input })

export const passed = (reason: string): Match<never> => ({ _tag: 'Passed', reason })

// readers

/** What a matcher says of a message: the keys first, and the matcher where one of them holds. */
export const ask = (matcher: Matcher<any, any>, message: Message): Match<any> => {
  const { keys, sensitive } = matcher
  return keys === undefined || keys.some((alternative) => holds(alternative)(message))
    ? matcher.match(message)
    : passed(missed(keys, message, sensitive?.()))
}

/** Why it was not taken. */
export const reasonOf = (match: Match<unknown>): string =>
  match._tag === 'Passed' ? match.reason : match._tag
