/** Pipelines: a format and hooks, waiting for routes. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Failure } from './failure.js'
import type { Format } from './format.js'
import { type HookAcquire, type HookRelease, type PipelineHook, refuseNamesake } from './hook.js'
import type { Message } from './message.js'
import type { Verdict } from './outcome.js'

// model

/** What a handler gets beside its input: the message, and what each hook acquired, by the hook's name. */
export interface Context<B> {
  readonly message: Message<B>
}

/** A format and hooks, waiting for routes; what `receive` makes. */
export interface Pipeline<B, C extends Context<B>> {
  readonly format: Format<B>
  /** In the order in which they acquire. */
  readonly hooks: readonly PipelineHook[]
  /** Carries, in types alone, what the hooks so far provide. */
  readonly _provides?: C
  /** Carries, in types alone, the names that are taken. */
  readonly _names?: C
  /** Carries, in types alone, what its handlers may ask for. */
  readonly _needs?: (context: C) => C
}

/**
 * What `hook` makes: adds a value `A` named `N` to a pipeline whose context has what `R` asks for, and no hook of that
 * name.
 */
export interface Hook<N extends string, R, A> {
  <B, C extends Context<B>>(
    pipeline: Pipeline<B, C> & {
      readonly _provides?: R & { readonly message: unknown }
      readonly _names?: { readonly [K in N]?: 'this name is taken' }
    }
  ): Pipeline<B, C & { readonly [K in N]: A }>
}

/** What is left as a hook's value: without what fails the message, which no handler gets to see. */
export type Acquired<A> = Exclude<A, Either<Failure, never> | Verdict>

// constructors

/**
 * Begins a pipeline: messages are decoded by this format.
 *
 * @example
 * const processor = pipe(receive(json), handle(otherwise(async () => ack)))
 * const outcome = await processor(message('not JSON'))()
 * assert.equal(outcome, failed(malformed([{ path: '', message: 'not JSON' }])))
 *
 * @since 0.1.0
 */
export const receive = <B>(format: Format<B>): Pipeline<B, Context<B>> => ({ format, hooks: [] })

// combinators

/**
 * Adds something that lives for one message: acquired once a route has taken the message, found by `name` in the
 * context of later hooks and handlers, and released when the outcome is known. A `Left` with a failure or a
 * `failed(…)`, which acquire gives in a Task or in a Promise, becomes the failure and the handler is not run; what throws
 * or rejects becomes `HookFailed`. A `Right` in a Promise is a value like any other: write `async () => value`. A release
 * that fails replaces `Acked` alone. Without a pipeline in front it is a value of its own that can be used in many.
 *
 * @example
 * const log: string[] = []
 * const logged = hook('log', async () => log, async (lines, outcome) => void lines.push(outcome._tag))
 * const processor = pipe(receive(text), logged, handle(otherwise(async (_, { log }) => {
 *   log.push('handled')
 *   return ack
 * })))
 * await processor(message('Hello'))()
 * assert.equal(log, ['handled', 'Acked'])
 *
 * @throws TypeError if the pipeline has a hook of that name already, it is `message`, or there is no pipeline before it
 * @since 0.1.0
 */
export const hook =
  <N extends string, R = Context<unknown>, A = unknown>(
    name: N,
    acquire: HookAcquire<R, A>,
    release?: HookRelease<Acquired<A>>
  ): Hook<N, R, Acquired<A>> =>
  (pipeline) => {
    if (!Array.isArray(pipeline?.hooks))
      throw new TypeError(`hook: '${name}' has its place between receive(...) and handle(...)`)
    refuseNamesake(pipeline.hooks, name)
    return { format: pipeline.format, hooks: [...pipeline.hooks, { name, acquire, release }] }
  }
