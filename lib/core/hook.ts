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

export type Acquire<R, A> = (context: R) => TaskEither<Failure, A> | Promise<A>

export type Release<A> = (
  value: A,
  outcome: Outcome,
  info: ReleaseInfo
) => TaskEither<Failure, void> | Promise<void>

export interface Hook {
  readonly name: string
  readonly acquire: Acquire<any, any>
  readonly release: Release<any> | undefined
}

export type HookContext = Readonly<Record<string, unknown>> & { readonly message: Message<any> }

// combinators

/**
 * Acquires the hooks in order, uses the context they make, and releases what was acquired in reverse, whatever
 * happened. `use` must not reject. A release that fails replaces `Acked` alone.
 */
export const withHooks = async (
  hooks: readonly Hook[],
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
export const refuseNamesake = (hooks: readonly Hook[], name: string): void => {
  if (name === 'message') throw new TypeError("hook: the name 'message' is the message's own; choose another")
  const index = hooks.findIndex((hook) => hook.name === name)
  if (index === -1) return
  throw new TypeError(`hook ${index + 1} and hook ${hooks.length + 1} are both named '${name}'; rename one`)
}

// helpers

const run = async (
  { name }: Hook,
  phase: 'acquire' | 'release',
  call: () => Task<Either<Failure, unknown>> | Promise<unknown>
): Promise<Either<Failure, unknown>> => {
  try {
    const result = call()
    if (typeof result !== 'function') return right(await result)
    const either = await result()
    if (either?._tag === 'Right') return right(either.right)
    if (either?._tag === 'Left' && isFailure(either.left)) return left(either.left)
    throw new TypeError('its Task gave something that is no Either')
  } catch (thrown) {
    return left(hookFailed(name, phase, thrown))
  }
}
