/** Letters counted by kind of failure and by hour of arrival, where no database does it. */
import type { Arrivals, LetterGroup } from '../ports/letters.js'
import { hourMs } from './engine.js'
import type { Row } from './row.js'

// model

/** What letters are counted by. */
export type Countable = Pick<Row, 'fingerprint' | 'tag' | 'route' | 'summary' | 'firstSeenAt' | 'lastSeenAt'>

/** Counts one letter after the other; `counted` tells what there is by then. */
export interface Counting<A> {
  readonly add: (letter: Countable) => void
  readonly counted: () => A
}

// constructors

/** The largest groups first, at most `limit`. */
export const groupsUpTo = (limit: number): Counting<readonly LetterGroup[]> => {
  const groups = new Map<string, Group>()
  return {
    add: ({ fingerprint, tag, route, summary, firstSeenAt, lastSeenAt }) => {
      const group = groups.get(fingerprint)
      if (group === undefined) {
        groups.set(fingerprint, {
          fingerprint,
          tag,
          route: route ?? undefined,
          message: summary,
          count: 1,
          firstSeenAt,
          lastSeenAt
        })
        return
      }
      group.count += 1
      if (firstSeenAt < group.firstSeenAt) group.firstSeenAt = firstSeenAt
      if (lastSeenAt > group.lastSeenAt) group.lastSeenAt = lastSeenAt
    },
    counted: () =>
      [...groups.values()]
        .toSorted((a, b) => b.count - a.count || (a.fingerprint < b.fingerprint ? -1 : 1))
        .slice(0, limit)
  }
}

/** Hours in which letters arrived, oldest first. */
export const arrivalsByHour = (): Counting<readonly Arrivals[]> => {
  const hours = new Map<number, number>()
  return {
    add: ({ firstSeenAt }) => {
      const hour = Math.floor(firstSeenAt / hourMs) * hourMs
      hours.set(hour, (hours.get(hour) ?? 0) + 1)
    },
    counted: () => [...hours].map(([hour, count]) => ({ hour, count })).toSorted((a, b) => a.hour - b.hour)
  }
}

// helpers

type Group = { -readonly [K in keyof LetterGroup]: LetterGroup[K] }
