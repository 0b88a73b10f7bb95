/** Pipelines: a format and hooks, waiting for routes. */
import type { Format } from './format.js'
import { type Acquire, type Hook, type Release, refuseNamesake } from './hook.js'
import type { Message } from './message.js'

// model

/** What a handler gets beside its input: the message, and what each hook acquired, by the hook's name. */
export interface Context<B> {
  readonly message: Message<B>
}

/** Carries, in types alone, what the hooks so far provide. */
export interface Provides<out R> {
  readonly _provides?: R
}

/** A context in which no hook has taken this name. */
export type Unused<N extends string> = { readonly message: unknown } & { readonly [K in N]?: never }

/** A format and hooks, waiting for routes. */
export interface Pipeline<B, C extends Context<B>> extends Provides<C> {
  readonly format: Format<B>
  readonly hooks: readonly Hook[]
  /** Carries, in types alone, what its handlers may ask for. */
  readonly _needs?: (context: C) => C
}

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
 * context of later hooks and handlers, and released when the outcome is known. A `Left` of acquire becomes the
 * failure and the handler is not run; what throws or rejects becomes `HookFailed`. A release that fails replaces
 * `Acked` alone. Without a pipeline in front it is a value of its own that can be used in many.
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
 * @since 0.1.0
 */
export const hook =
  <N extends string, R, A>(name: N, acquire: Acquire<R, A>, release?: Release<A>) =>
  <B, C extends Context<B>>(
    pipeline: Pipeline<B, C> & Provides<R & Unused<N>>
  ): Pipeline<B, C & { readonly [K in N]: A }> => {
    refuseNamesake(pipeline.hooks, name)
    return { format: pipeline.format, hooks: [...pipeline.hooks, { name, acquire, release }] }
  }
