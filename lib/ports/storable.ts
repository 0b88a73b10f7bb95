/** Text in a form that any store keeps as it is: half a character has no UTF-8, and would become what another half becomes, too. */

// conversions

/** The same text, unless it has half a character in it or looks like what such a one becomes. */
export const toStorable = (text: string): string =>
  /\p{Surrogate}/u.test(text) || text.startsWith(mark) ? mark + JSON.stringify(text) : text

/** What was not made by `toStorable` is what it is. */
export const fromStorable = (stored: string): string => {
  if (!stored.startsWith(mark)) return stored
  const text = tryParse(stored.slice(mark.length))
  return typeof text === 'string' ? text : stored
}

// helpers

const mark = 'json:'

const tryParse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
