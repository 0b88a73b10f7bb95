/** Resources: what lives as long as the process. (What lives for one message is a hook.) */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { capture } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { left, right } from '../core/result.js'
import { within } from './waiting.js'

// model

/** Why a resource could not be opened or closed, in words that say what to do. */
export interface ResourceError {
  readonly _tag: 'ResourceError'
  readonly resource: string
  readonly message: string
}

/** What was opened, and how to close it. */
export interface Opened<A> {
  readonly value: A
  /** Runs once, however often it is called. */
  readonly close: TaskEither<ResourceError, void>
}

/** Something that is opened before its use and closed after; nothing is open before `open` runs. */
export interface Resource<A> {
  readonly open: TaskEither<ResourceError, Opened<A>>
}

// constructors

/** Says why a resource could not be opened or closed. */
export const resourceError = (resource: string, message: string): ResourceError => ({
  _tag: 'ResourceError',
  resource,
  message
})

/** A resource from what acquires it and what releases it; whatever these throw becomes a `ResourceError`. */
const make = <A>(
  name: string,
  acquire: TaskEither<ResourceError, A>,
  release: (value: A) => Promise<void>
): Resource<A> => ({
  open: async () => {
    const acquired = await caught(name, acquire)
    if (acquired._tag === 'Left') return acquired
    const value = acquired.right
    return right({ value, close: once(() => caught(name, async () => right(await release(value)))) })
  }
})

/** A value that needs no closing. */
const of = <A>(value: A): Resource<A> => ({
  open: async () => right({ value, close: async () => right(undefined) })
})

// combinators

/** What `f` makes of the value; if `f` throws, the resource is closed. */
const map = <A, B>(f: (value: A) => B): ((resource: Resource<A>) => Resource<B>) =>
  flatMap((value) => of(f(value)))

/** Opens one after the other, and closes them in reverse. What is open already is closed if the next fails. */
const flatMap =
  <A, B>(f: (value: A) => Resource<B>) =>
  (resource: Resource<A>): Resource<B> => ({
    open: async () => {
      const first = await caught('resource', resource.open)
      if (first._tag === 'Left') return first
      const second = await caught('resource', async () => f(first.right.value).open())
      if (second._tag === 'Left') {
        await caught('resource', first.right.close)
        return second
      }
      const { value, close } = second.right
      return right({
        value,
        close: once(async () => {
          const closed = await caught('resource', close)
          const closedFirst = await caught('resource', first.right.close)
          return closed._tag === 'Left' ? closed : closedFirst
        })
      })
    }
  })

/** Opens all of a record in its order, and closes them in reverse. */
const all = <R extends Readonly<Record<string, Resource<any>>>>(
  resources: R
): Resource<{ readonly [K in keyof R]: R[K] extends Resource<infer A> ? A : never }> =>
  Object.entries(resources).reduce<Resource<any>>(
    (opened, [name, resource]) =>
      flatMap((values: object) => map((value) => ({ ...values, [name]: value }))(resource))(opened),
    of({})
  )

/** Opens it, uses it, and closes it whatever happened. */
const use =
  <A, B>(f: (value: A) => Task<B>) =>
  (resource: Resource<A>): TaskEither<ResourceError, B> =>
  async () => {
    const opened = await caught('resource', resource.open)
    if (opened._tag === 'Left') return opened
    const used = await caught('resource', async () => right(await f(opened.right.value)()))
    const closed = await caught('resource', opened.right.close)
    return used._tag === 'Right' && closed._tag === 'Left' ? closed : used
  }

/**
 * Resources: a database, a queue, a connection. `make` makes one, `map`, `flatMap` and `all` put them together,
 * `use` opens one, runs a Task with it and closes it. Everything opened is closed once, in reverse.
 *
 * @example
 * const log: string[] = []
 * const named = (name: string) =>
 *   Resource.make(name, async () => right(name), async () => void log.push(`closed ${name}`))
 * const both = Resource.all({ db: named('db'), queue: named('queue') })
 * const used = await pipe(both, Resource.use(({ db, queue }) => async () => `${db} and ${queue}`))()
 * assert.equal([used, log], [right('db and queue'), ['closed queue', 'closed db']])
 *
 * @since 0.1.0
 */
export const Resource = { make, of, map, flatMap, all, use }

// guards

export const isResource = (value: unknown): value is Resource<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Partial<Resource<unknown>>).open === 'function'

// closing

/** Closes it, and says what went wrong; `late` if it takes longer than `graceMs`, and `undefined` if nothing did. */
export const closeProblem = async (
  close: TaskEither<ResourceError, void>,
  graceMs: number,
  clock: Clock,
  late: string
): Promise<string | undefined> => {
  try {
    const closed = await within(clock, graceMs, close())
    if (closed === undefined) return late
    return closed._tag === 'Left' ? closed.left.message : undefined
  } catch (thrown) {
    return capture(thrown).message
  }
}

// helpers

const caught = async <A>(
  name: string,
  task: TaskEither<ResourceError, A>
): Promise<Either<ResourceError, A>> => {
  try {
    const given = await task()
    if (given?._tag === 'Left' || given?._tag === 'Right') return given
    throw new TypeError('gave something that is no Either; give right(value)')
  } catch (thrown) {
    const error = capture(thrown)
    return left(resourceError(name, `${error.name}: ${error.message}`))
  }
}

const once = <A>(task: Task<A>): Task<A> => {
  let running: Promise<A> | undefined
  return () => (running ??= task())
}
