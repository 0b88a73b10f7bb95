/** Which names of fields properties may draw, so that they fail for us and not for the engine. */

/**
 * V8 of Node 24 may read a name that is written with an escape as one with a backslash that it has read before, after
 * the same fields (nodejs/node#63785).
 */
const isMisread = (): boolean => {
  JSON.parse(String.raw`{"misread":0,"\\":0}`)
  return !('\n' in (JSON.parse(String.raw`{"misread":0,"\n":0}`) as object))
}

const withBackslash = !isMisread()

/** On an engine that reads JSON as it is, every name. */
export const isReadable = (name: string): boolean => withBackslash || !name.includes('\\')

/** The same of each name in a text of JSON, and of its other strings; an escape of something else is no backslash. */
export const isReadableJson = (text: string): boolean => isReadable(text.replace(/\\[^\\]/g, ''))
