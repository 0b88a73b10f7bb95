/** Putting together the tags that a codec's or schema's parts select by. */
import type { Keys } from '../core/key.js'

const maxAlternatives = 64

/** Everything that holds when all parts hold; parts without tags add nothing. `undefined` without any tags. */
export const product = (parts: readonly (readonly Keys[] | undefined)[]): readonly Keys[] | undefined => {
  const tagged = parts.filter((part) => part !== undefined)
  if (tagged.length === 0) return undefined
  const all = tagged.reduce<readonly Keys[]>(
    (left, right) =>
      left.flatMap((keys) => right.map((more) => [...keys, ...more])).slice(0, maxAlternatives + 1),
    [[]]
  )
  return all.length > maxAlternatives ? undefined : all
}
