/** Hooks: resources that live for one message. */
import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { type Failure, hookFailed, isFailure } from './failure.js'
import type { Message } from './message.js'
import { type Outcome, failed, unlessInterrupted } from './outcome.js'
import { left, right } from './result.js'

// model

/** What a release is told. `abandoned`: the handler may still be using the value, so destroy it, do not pool it. */
export interface ReleaseInfo {
  readonly abandoned: boolean
}

/**
 * Acquires the value of a hook for one message, from the context of the hooks before it. A `Left` with a failure is the
 * message's failure, whether a Task or a Promise gives it, and so is a `Failed`; what it throws or rejects with becomes
 * `HookFailed`. A `Right` in a Promise is a value like any other.
 */
export type HookAcquire<R, A> = (context: R) => TaskEither<Failure, A> | Promise<A>

/**
 * Releases the value of a hook once the outcome is known. A `Left` with a failure, given in a Task or in a Promise, or
 * what it throws or rejects with (`HookFailed`), replaces `Acked` alone.
 */
export type HookRelease<A> = (
  value: A,
  outcome: Outcome,
  info: ReleaseInfo
) => TaskEither<Failure, void> | Promise<void>

/** A hook as a pipeline keeps it. */
export interface PipelineHook {
  readonly name: string
  readonly acquire: HookAcquire<any, any>
  /** `undefined`: there is nothing to release. */
  readonly release: HookRelease<any> | undefined
}

export type HookContext = Readonly<Record<string, unknown>> & { readonly message: Message<any> }

// combinators

/**
 * Acquires the hooks in order, uses the context they make, and releases what was acquired in reverse, whatever
 * happened. `use` must not reject. A release that fails replaces `Acked` alone.
 */
export const withHooks = async (
  hooks: readonly PipelineHook[],
  context: HookContext,
  use: (context: HookContext) => Outcome | Promise<Outcome>,
  isAbandoned: () => boolean
): Promise<Outcome> => {
  const [hook, ...rest] = hooks
  if (hook === undefined) return use(context)
  const acquired = await run(hook, 'acquire', () => hook.acquire(context))
  if (acquired._tag === 'Left') return unlessInterrupted(context.message, failed(acquired.left))
  const outcome = await withHooks(rest, { ...context, [hook.name]: acquired.right }, use, isAbandoned)
  if (hook.release === undefined) return outcome
  const { release } = hook
  const done = await run(hook, 'release', () =>
    release(acquired.right, outcome, { abandoned: isAbandoned() })
  )
  return done._tag === 'Left' && outcome._tag === 'Acked'
    ? unlessInterrupted(context.message, failed(done.left))
    : outcome
}

/** @throws TypeError that names both hooks, if one takes another's name */
export const refuseNamesake = (hooks: readonly PipelineHook[], name: string): void => {
  if (name === 'message') throw new TypeError("hook: the name 'message' is the message's own; choose another")
  const index = hooks.findIndex((hook) => hook.name === name)
  if (index === -1) return
  throw new TypeError(`hook ${index + 1} and hook ${hooks.length + 1} are both named '${name}'; rename one`)
}

// helpers

/** What may have come of a hook's call. */
interface Given {
  readonly _tag?: unknown
  readonly left?: unknown
  readonly right?: unknown
  readonly failure?: unknown
}

const run = async (
  { name }: PipelineHook,
  phase: 'acquire' | 'release',
  call: () => Task<Either<Failure, unknown>> | Promise<unknown>
): Promise<Either<Failure, unknown>> => {
  try {
    const result = call()
    const isTask = typeof result === 'function'
    const given = (await (isTask ? result() : result)) as Given | undefined
    // Whatever it was given in: a failure that is taken for a value would let the message pass.
    const failure = given?.left ?? given?.failure
    if ((given?._tag === 'Left' || given?._tag === 'Failed') && isFailure(failure)) return left(failure)
    if (!isTask) return right(given)
    if (given?._tag === 'Right') return right(given.right)
    throw new TypeError('gave something that is no Either')
  } catch (thrown) {
    return left(hookFailed(name, phase, thrown))
  }
}
