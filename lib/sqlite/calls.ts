/** What a thread with a file is asked, and answers. */
import type { Either } from 'fp-ts/lib/Either.js'

/** The functions that are asked for by name. */
export type Calls<C> = { readonly [K in keyof C]: (...parts: any[]) => any }

export type CallOf<C> = keyof C & string

/** `isBusy`: another process holds the file locked, and it may be asked again. */
export interface Refused {
  readonly reason: string
  readonly isBusy?: boolean
}

/** `close` ends the thread; everything else is answered under its number. */
export interface Asked {
  readonly number: number
  readonly name: string
  readonly parts: readonly unknown[]
}

export interface Answered {
  readonly number: number
  readonly answer: Either<Refused, unknown>
}

/** What lives in the thread. */
export interface Host<C extends Calls<C>> {
  /** Never rejects. */
  readonly call: <K extends CallOf<C>>(
    name: K,
    parts: Parameters<C[K]>
  ) => Promise<Either<Refused, ReturnType<C[K]>>>
  /** Once all that was asked is answered. */
  readonly close: () => Promise<void>
}
