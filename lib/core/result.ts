/**
 * The constructors of fp-ts's Either and Option. Loading those modules takes 45 ms, a third of a short program's
 * time, and these are all that is used of them here.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Option } from 'fp-ts/lib/Option.js'

export const left = <E>(left: E): Either<E, never> => ({ _tag: 'Left', left })

export const right = <A>(right: A): Either<never, A> => ({ _tag: 'Right', right })

export const some = <A>(value: A): Option<A> => ({ _tag: 'Some', value })

export const none: Option<never> = { _tag: 'None' }
