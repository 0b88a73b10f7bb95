/** Routers: which one of many routes takes a message, at a cost that does not grow with them. */
import { type Failure, type Miss, defect, malformed, multipleMatches, noMatch } from './failure.js'
import { type Key, type Scalar, holds, missed, reader } from './key.js'
import type { Matcher } from './matcher.js'
import type { Message } from './message.js'

// model

export interface Routable {
  readonly label: string
  readonly matcher: Matcher<any, any>
}

/** `Claimed`: this route alone takes the message, and gets the input; `failure`: it is meant for it but does not decode. */
export type Routed<R> =
  | { readonly _tag: 'Claimed'; readonly route: R; readonly input: unknown; readonly failure?: Failure }
  | { readonly _tag: 'Unclaimed'; readonly failure: Failure }
  | { readonly _tag: 'Undecided'; readonly failure: Failure }

// constructors

/** Keyed routes are found by value, whatever their number; the others are asked one after the other. */
export const router = <R extends Routable>(routes: readonly R[]): ((message: Message) => Routed<R>) => {
  const lookups = lookupsOf(routes)
  const asked = routes.filter(({ matcher }) => matcher.keys === undefined)
  return (message) => {
    let claimed: Claim<R> | undefined
    let others: R[] | undefined
    const consider = (route: R): Failure | undefined => {
      if (claimed?.route === route || others?.includes(route) === true) return undefined
      try {
        const match = route.matcher.match(message)
        if (match._tag === 'Passed') return undefined
        if (claimed !== undefined) (others ??= []).push(route)
        else if (match._tag === 'Taken') claimed = { _tag: 'Claimed', route, input: match.input }
        else claimed = { _tag: 'Claimed', route, input: undefined, failure: malformed(match.issues) }
        return undefined
      } catch (thrown) {
        return defect(`the matcher of ${route.label}`, thrown)
      }
    }
    for (const { read, byValue } of lookups) {
      for (const { route, rest } of byValue.get(read(message) as Scalar) ?? []) {
        const failure = rest(message) ? consider(route) : undefined
        if (failure !== undefined) return { _tag: 'Undecided', failure }
      }
    }
    for (const route of asked) {
      const failure = consider(route)
      if (failure !== undefined) return { _tag: 'Undecided', failure }
    }
    if (others !== undefined && claimed !== undefined) {
      const labels = routes.filter((route) => route === claimed?.route || others?.includes(route))
      return { _tag: 'Undecided', failure: multipleMatches(labels.map(({ label }) => label)) }
    }
    return claimed ?? { _tag: 'Unclaimed', failure: missing(routes, message) }
  }
}

// helpers

const maxMisses = 20

type Claim<R> = Extract<Routed<R>, { readonly _tag: 'Claimed' }>

interface Lookup<R> {
  readonly read: (message: Message) => unknown
  readonly byValue: Map<Scalar, Candidate<R>[]>
}

interface Candidate<R> {
  readonly route: R
  /** Do the route's other keys hold? */
  readonly rest: (message: Message) => boolean
}

const always = () => true

/** One lookup for each place that routes look at first. */
const lookupsOf = <R extends Routable>(routes: readonly R[]): readonly Lookup<R>[] => {
  const lookups = new Map<string, Lookup<R>>()
  for (const route of routes) {
    for (const keys of route.matcher.keys ?? []) {
      const first = mostShared(keys, lookups)
      const name = placeName(first)
      const lookup = lookups.get(name) ?? { read: reader(first.on, first.path), byValue: new Map() }
      lookups.set(name, lookup)
      const candidates = lookup.byValue.get(first.value) ?? []
      lookup.byValue.set(first.value, candidates)
      candidates.push({ route, rest: keys.length === 1 ? always : holds(keys) })
    }
  }
  return [...lookups.values()]
}

/** A place that other routes look at already, so that few places are read for each message. */
const mostShared = (keys: readonly Key[], lookups: ReadonlyMap<string, unknown>): Key =>
  keys.find((key) => lookups.has(placeName(key))) ?? (keys[0] as Key)

const placeName = ({ on, path }: Key): string => `${on} ${path}`

const missing = (routes: readonly Routable[], message: Message): Failure => {
  const misses = routes
    .slice(0, maxMisses)
    .map(({ label, matcher }): Miss => ({ route: label, reason: reasonOf(matcher, message) }))
  return noMatch(misses, routes.length - misses.length)
}

const reasonOf = ({ keys, match }: Matcher<any, any>, message: Message): string => {
  if (keys !== undefined && !keys.some((alternative) => holds(alternative)(message)))
    return missed(keys, message)
  const answer = match(message)
  return answer._tag === 'Passed' ? answer.reason : answer._tag
}
