/** Mistakes that can be seen when a pipeline is built: routes of which one could never be alone. */
import { type Key, type Keys, place as placeOf, wanted } from './key.js'
import type { DescribedRoute } from './processor.js'

/** @throws TypeError that names both routes, if two must take the same messages */
export const refuseOverlaps = (routes: readonly DescribedRoute[]): void => {
  const byMatcher = new Map<unknown, DescribedRoute>()
  const byKeys = new Map<string, DescribedRoute>()
  for (const route of routes) {
    if (route.matcher === undefined) continue
    const same = byMatcher.get(route.given)
    if (same !== undefined) throw overlap(same, route, 'have the same matcher')
    byMatcher.set(route.given, route)
    if (!route.matcher.decided) continue
    for (const keys of route.matcher.keys ?? [])
      byKeys.set(signature(keys), byKeys.get(signature(keys)) ?? route)
  }
  for (const route of routes) {
    for (const keys of route.matcher?.keys ?? []) {
      for (const part of partsOf(keys)) {
        const other = byKeys.get(signature(part))
        if (other !== undefined && other !== route)
          throw overlap(other, route, `both take ${part.map(shown).join(' and ')}`)
      }
    }
  }
  const [first, second] = routes.filter(({ matcher }) => matcher === undefined)
  if (first !== undefined && second !== undefined) throw overlap(first, second, 'are both `otherwise`')
}

// helpers

const overlap = (one: DescribedRoute, other: DescribedRoute, what: string): TypeError =>
  new TypeError(
    `${name(one)} and ${name(other)} ${what}, so no message could be for one of them alone; remove or narrow one`
  )

/** A label that is not the route's alone has its place in it already. */
const name = ({ place, label }: DescribedRoute): string =>
  label === place ? place : `${place} (${label.replace(` (${place})`, '')})`

const shown = (key: Key): string => `${placeOf(key)} = ${wanted(key)}`

/** The same for the same keys, in whatever order they are. */
const signature = (keys: Keys): string =>
  JSON.stringify(keys.map(({ on, path, value }) => JSON.stringify([on, path, value])).toSorted())

/** Every non-empty part of a few keys: what takes a part takes the whole, too. */
const partsOf = (keys: Keys): readonly Keys[] =>
  keys
    .slice(0, 6)
    .reduce<readonly Keys[]>((parts, key) => [...parts, ...parts.map((part) => [...part, key]), [key]], [])
