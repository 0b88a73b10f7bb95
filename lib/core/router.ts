/** Routers: which one of many routes takes a message, at a cost that does not grow with them. */
import { hush } from './captured.js'
import {
  type Defect,
  type Failure,
  type Miss,
  defect,
  isFailure,
  malformed,
  multipleMatches,
  noMatch
} from './failure.js'
import { type Key, type Scalar, holds, reader } from './key.js'
import { type Matcher, ask, reasonOf } from './matcher.js'
import type { Message } from './message.js'

// model

export interface Routable {
  readonly label: string
  readonly matcher: Matcher<any, any>
}

/**
 * `Claimed`: this route alone takes the message, and gets the input; `failure`: it is meant for it but does not decode.
 * Why none could be chosen is found out only if somebody wants to know: an `otherwise` does not.
 */
export type Routed<R> =
  | {
      readonly _tag: 'Claimed'
      readonly route: R
      readonly input: unknown
      readonly failure: Failure | undefined
    }
  | { readonly _tag: 'Unclaimed' | 'Undecided'; readonly failure: () => Failure }

// constructors

/** Keyed routes are found by value, whatever their number; the others are asked one after the other. */
export const router = <R extends Routable>(routes: readonly R[]): ((message: Message) => Routed<R>) => {
  const lookups = lookupsOf(routes)
  const asked = routes.filter(({ matcher }) => matcher.keys === undefined)
  return (message) => {
    let claims: Claims<R>
    try {
      for (const { read, byValue } of lookups) {
        let candidate = byValue.get(read(message) as Scalar)
        for (; candidate !== undefined; candidate = candidate.next) {
          const { route, rest } = candidate
          if (rest === undefined || rest(message)) claims = claimed(claims, route, message)
        }
      }
      for (const route of asked) claims = claimed(claims, route, message)
    } catch (thrown) {
      return undecided(unreadable(thrown))
    }
    return claims === undefined
      ? { _tag: 'Unclaimed', failure: () => missing(routes, message) }
      : decided(claims, routes)
  }
}

// helpers

/** How many routes a failure names. */
export const maxMisses = 20

type Claimed<R> = Extract<Routed<R>, { readonly _tag: 'Claimed' }>

/** The one that claimed the message so far, several, or what a matcher threw. */
type Claims<R> = Claimed<R> | { readonly _tag: 'Several'; readonly routes: readonly R[] } | Defect | undefined

const claimed = <R extends Routable>(claims: Claims<R>, route: R, message: Message): Claims<R> => {
  if (claims?._tag === 'Defect') return claims
  // A route with alternatives may be looked up by more than one of them.
  if (claims?._tag === 'Claimed' && claims.route === route) return claims
  const claim = claimOf(route, message)
  if (claims === undefined || claim === undefined || claim._tag === 'Defect') return claim ?? claims
  return {
    _tag: 'Several',
    routes: claims._tag === 'Several' ? [...claims.routes, route] : [claims.route, route]
  }
}

const claimOf = <R extends Routable>(route: R, message: Message): Claimed<R> | Defect | undefined => {
  try {
    const match = route.matcher.match(message)
    if (match._tag === 'Taken') return { _tag: 'Claimed', route, input: match.input, failure: undefined }
    if (match._tag === 'Passed') return undefined
    if (isFailure(match))
      return { _tag: 'Claimed', route, input: undefined, failure: malformed(match.issues) }
    hush(match)
    throw new TypeError('gave something that is no match')
  } catch (thrown) {
    return defect(`the matcher of ${route.label}`, thrown)
  }
}

const decided = <R extends Routable>(
  claims: Exclude<Claims<R>, undefined>,
  routes: readonly R[]
): Routed<R> => {
  if (claims._tag !== 'Several') return claims._tag === 'Defect' ? undecided(claims) : claims
  const inOrder = routes.filter((route) => claims.routes.includes(route))
  return undecided(multipleMatches(inOrder.map(({ label }) => label)))
}

const undecided = (failure: Failure): Routed<never> => ({ _tag: 'Undecided', failure: () => failure })

const unreadable = (thrown: unknown): Failure => defect('the reading of the message', thrown)

interface Lookup<R> {
  readonly read: (message: Message) => unknown
  readonly byValue: Map<Scalar, Candidate<R>>
}

interface Candidate<R> {
  readonly route: R
  /** Do the route's other keys hold, if there are any? */
  readonly rest: ((message: Message) => boolean) | undefined
  /** Another one for the same value. */
  readonly next: Candidate<R> | undefined
}

/** One lookup for each place that routes look at first. */
const lookupsOf = <R extends Routable>(routes: readonly R[]): readonly Lookup<R>[] => {
  const lookups = new Map<string, Lookup<R>>()
  for (const route of routes) {
    for (const keys of route.matcher.keys ?? []) {
      const first = mostShared(keys, lookups)
      const name = placeName(first)
      const lookup = lookups.get(name) ?? { read: reader(first.on, first.path), byValue: new Map() }
      lookups.set(name, lookup)
      const rest = keys.length === 1 ? undefined : holds(keys)
      lookup.byValue.set(first.value, { route, rest, next: lookup.byValue.get(first.value) })
    }
  }
  return [...lookups.values()]
}

/** A place that other routes look at already, so that few places are read for each message. */
const mostShared = (keys: readonly Key[], lookups: ReadonlyMap<string, unknown>): Key =>
  keys.find((key) => lookups.has(placeName(key))) ?? (keys[0] as Key)

const placeName = ({ on, path }: Key): string => `${on} ${path}`

const missing = (routes: readonly Routable[], message: Message): Failure => {
  try {
    const misses = routes
      .slice(0, maxMisses)
      .map(({ label, matcher }): Miss => ({ route: label, reason: reasonOf(ask(matcher, message)) }))
    return noMatch(misses, routes.length - misses.length)
  } catch (thrown) {
    return unreadable(thrown)
  }
}
