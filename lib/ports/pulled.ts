/** What a source answers a pull with, as it may have been written without types. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Pulled, SourceError } from './source.js'

/** An error, or a batch with its items, or an end. */
export const isPulled = (given: unknown): given is Either<SourceError, Pulled> => {
  const { left: error, right: pulled } = (given ?? {}) as { readonly left?: any; readonly right?: any }
  return error === undefined
    ? pulled?._tag === 'End' || (pulled?._tag === 'Batch' && Array.isArray(pulled.items))
    : error?._tag === 'Transient' || error?._tag === 'Fatal'
}
