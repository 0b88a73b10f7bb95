/** Routes: a matcher with the handler of what it takes. */
import type { Task } from 'fp-ts/lib/Task.js'
import type { Matcher } from './matcher.js'
import type { Verdict } from './outcome.js'
import type { Processor } from './processor.js'

// model

/** The user's work. Called only when the processor's Task runs, so an `async` function is as lazy as a Task. */
export type Handler<A, C> = (input: A, context: C) => Task<Verdict> | Promise<Verdict>

/** A matcher with its handler; what `route` and `otherwise` make. */
export interface Route<B, C> {
  /** `undefined`: takes what no route takes. */
  readonly matcher: Matcher<B, any> | undefined
  /** What was given as the matcher. */
  readonly given: unknown
  readonly handler: Handler<any, C>
  /** Laid around this route alone; `undefined`: nothing is. */
  readonly around: ((processor: Processor) => Processor) | undefined
}
