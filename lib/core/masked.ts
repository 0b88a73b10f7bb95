/** Where something sensitive lies, and what stands in its place. */

// model

/**
 * Where something sensitive lies: names of fields, numbers of items, and `*` for each field or item there is. The empty
 * path is all of a body.
 */
export type SensitivePath = readonly string[]

/** Stands in a path for each field or item there is. */
export const each = '*'

/** What stands where something sensitive was. */
export const masked = '[sensitive]'

// readers

/** Does something sensitive lie in this place, above it, or within it? */
export const touches =
  (place: SensitivePath) =>
  (path: SensitivePath): boolean =>
    path.slice(0, place.length).every((step, index) => step === each || step === place[index])
