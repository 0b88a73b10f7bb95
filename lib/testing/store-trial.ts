/** Tries a law on a store of its own, whose clock is set by hand, and which must answer whatever it is asked. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Clock } from '../core/clock.js'
import type { DlqError } from '../core/letter.js'
import type { Resource } from '../ports/resource.js'
import { BrokenLaw, broken, shown } from './comparing.js'
import { answered, answering } from './deadline.js'
import { type SettableClock, settableClock } from './settable-clock.js'

// model

/** An empty store, and its clock. */
export interface Trial<S> {
  readonly store: S
  /** The same store, where every answer must be `Right`. */
  readonly ask: Asked<S>
  readonly clock: SettableClock
  /** Closes the store. */
  readonly close: () => Promise<void>
}

export type Asked<S> = {
  readonly [K in keyof S]: S[K] extends (...parts: infer Parts) => TaskEither<Refusal, infer A>
    ? (...parts: Parts) => Promise<A>
    : never
}

/** Why a store of either kind does not do what it is asked to. */
type Refusal = DlqError

// trying

/** Opens a store for this check alone, and closes it whatever comes of it. */
export const tried = async <S extends object>(
  fresh: (clock: Clock) => Resource<S>,
  deadlineMs: number,
  check: (trial: Trial<S>) => Promise<void>
): Promise<void> => {
  const clock = settableClock()
  const opened = await answered('open', fresh(clock).open(), deadlineMs)
  if (opened._tag === 'Left') throw new Error(`the store cannot be opened: ${opened.left.message}`)
  const store = answering(opened.right.value, deadlineMs)
  const close = async (): Promise<void> => {
    const closed = await answered('close', opened.right.close(), deadlineMs)
    if (closed._tag === 'Left') throw new Error(`the store cannot be closed: ${closed.left.message}`)
  }
  try {
    await check({ store, ask: askedOf(store), clock, close })
  } catch (broken) {
    await close().catch(() => undefined)
    throw broken
  }
  await close()
}

/** What a store answers, which must be `Left` or `Right` whatever it was asked. */
export const answerOf = async <A>(
  name: string,
  ask: () => TaskEither<Refusal, A>
): Promise<Either<Refusal, A>> => {
  try {
    const answer = await ask()()
    if (answer._tag === 'Right') return answer
    if (answer._tag === 'Left' && typeof answer.left.reason === 'string') return answer
    return broken(`${name}: it answered ${shown(answer)}, which is neither Left with a reason nor Right`)
  } catch (thrown) {
    if (thrown instanceof BrokenLaw) throw thrown
    return broken(`${name}: it threw or rejected: ${shown(thrown)}`)
  }
}

/** What it answers with, which must be `Right`. */
export const rightOf = async <A>(name: string, ask: () => TaskEither<Refusal, A>): Promise<A> => {
  const answer = await answerOf(name, ask)
  return answer._tag === 'Right' ? answer.right : broken(`${name}: it answered ${shown(answer)}`)
}

// helpers

const askedOf = <S extends object>(store: S): Asked<S> =>
  new Proxy({} as Asked<S>, {
    get:
      (_, name) =>
      (...parts: readonly unknown[]) => {
        const ask = Reflect.get(store, name) as (...parts: readonly unknown[]) => TaskEither<Refusal, unknown>
        return rightOf(String(name), () => ask(...parts))
      }
  })
