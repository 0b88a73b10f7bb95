/** Content types: what a request says that its body is. */

// readers

/** Without its parameters, in lower case; empty where none is said. */
export const mediaTypeOf = (contentType = ''): string =>
  contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''

/** Is the body an event of CloudEvents, or several? */
export const isOfEvents = (contentType = ''): boolean => /^\s*application\/cloudevents/i.test(contentType)

/** Is it several? */
export const isBatch = (contentType?: string): boolean =>
  mediaTypeOf(contentType) === 'application/cloudevents-batch+json'
