/** The tokens of a text that is JSON. */

/** Strings whole, with their quotes. Long ones, too, for which one expression over all of a string has no room. */
export function* tokensOf(json: string): Iterable<string> {
  const beginning = /[[\]{},:"]|[^\s[\]{},:"]+/g
  for (let found = beginning.exec(json); found !== null; found = beginning.exec(json)) {
    if (found[0] === '"') beginning.lastIndex = endOfString(json, beginning.lastIndex)
    yield json.slice(found.index, beginning.lastIndex)
  }
}

// helpers

/** Behind its last quote. */
const endOfString = (json: string, from: number): number => {
  let end = from
  while (end < json.length && json[end] !== '"') end += json[end] === '\\' ? 2 : 1
  return end + 1
}
