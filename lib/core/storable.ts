/** Text in a form that any store keeps as it is: half a character has no UTF-8, and would become what another half becomes, too. */

// conversions

/** The same text, unless it has half a character in it or looks like what such a one becomes. */
export const toStorable = (text: string): string =>
  /\p{Surrogate}/u.test(text) || text.startsWith(mark) ? mark + JSON.stringify(text) : text

export const fromStorable = (stored: string): string =>
  stored.startsWith(mark) ? (JSON.parse(stored.slice(mark.length)) as string) : stored

// helpers

const mark = 'json:'
