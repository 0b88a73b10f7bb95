/** Processors: the finished pipeline, a function from a message to what became of it. */
import type { Task } from 'fp-ts/lib/Task.js'
import { noTask } from './captured.js'
import { type Failure, defect } from './failure.js'
import type { Matcher } from './matcher.js'
import { type Message, restored } from './message.js'
import { type Outcome, failed, toOutcome, unlessInterrupted } from './outcome.js'
import { type Run, concluded } from './run.js'

// model

/**
 * A message's way to its outcome. The Task never rejects. A processor may carry a description, which explains
 * it without running anything; what it does never depends on that.
 */
export interface Processor {
  (message: Message): Task<Outcome>
  readonly description?: Description
}

/**
 * A processor whose failures are stored: what needs failures must come before it, and does not compile after it.
 * Annotate with this what gives one; `: Processor` forgets it.
 */
export interface Settled extends Processor {
  readonly settled: true
}

/** A processor whose failures are still to be had. What the mark would have to be is what the compiler says then. */
export type Unsettled = Processor & {
  readonly settled?: 'withRetry, withTimeout and withMaxDeliveries stand before withDlq'
}

/** What can be said of a processor without running it. */
export interface Description {
  /** The names of the combinators around the pipeline, innermost first. */
  readonly combinators: readonly string[]
  readonly routes: readonly DescribedRoute[]
  /** Which route takes a message; runs formats and matchers, never a hook, a handler or a queue. */
  readonly select: (message: Message) => Selection
}

/** What can be said of a route without running it. */
export interface DescribedRoute {
  /** As failures, letters and logs call it. */
  readonly label: string
  /** Where it stands, like `route 2`. */
  readonly place: string
  /** `undefined` for an `otherwise`. */
  readonly matcher: Matcher<any, any> | undefined
  /** What was given as the matcher: a codec, a schema, a predicate. */
  readonly given: unknown
  /** How its handler gathers messages; `undefined` where it gets each by itself. */
  readonly batch?: BatchLimits | undefined
}

/** When a batch is started: with `max` messages, or `withinMs` milliseconds after the first of them. */
export interface BatchLimits {
  readonly max: number
  readonly withinMs: number
}

/**
 * `Taken`: one route takes the message (`failure`: and it will not decode). `Passed`: none does.
 * `Undecided`: it cannot be said, because several do, or a format or matcher threw.
 */
export type Selection =
  | {
      readonly _tag: 'Taken'
      readonly route: string
      readonly otherwise: boolean
      readonly failure?: Failure
    }
  | { readonly _tag: 'Passed'; readonly failure: Failure }
  | { readonly _tag: 'Undecided'; readonly failure: Failure }

// constructors

export const fromRun = (run: Run, description: Description | undefined): Processor => {
  const processor: Processor = (message) => async () => concluded(run(restored(message)))
  const plan: Plan = { owner: processor, run }
  return Object.assign(processor, { [planOf]: plan }, description === undefined ? {} : { description })
}

// combinators

/**
 * Makes a combinator of your own that keeps the description and the settled mark, and in which nothing thrown
 * gets lost. `wrap` gets a processor that never rejects.
 *
 * @example
 * const seen: string[] = []
 * const audited = combinator('audited', (processor) => (message) => {
 *   seen.push(message.id)
 *   return processor(message)
 * })
 * const processor = pipe(receive(text), handle(otherwise(async () => ack)), audited)
 * assert.equal([await processor(message('Hello'))(), seen], [ack, ['test']])
 *
 * @since 0.1.0
 */
export const combinator =
  (name: string, wrap: (processor: Processor) => (message: Message) => Task<Outcome>) =>
  <P extends Processor>(processor: P): P => {
    const wrapped = wrap(fromRun(runOf(processor), processor.description))
    // All that a P can say beyond Processor is the settled mark, and it is carried on.
    return marked(processor, fromRun(guarded(wrapped, name), described(processor, name))) as P
  }

/** The description of a processor with one more combinator around it. */
export const described = ({ description }: Processor, name: string): Description | undefined =>
  description === undefined ? undefined : { ...description, combinators: [...description.combinators, name] }

/** The settled mark of one processor, carried on to another. */
export const marked = (from: Processor, to: Processor): Processor =>
  isSettled(from) ? Object.assign(to, { settled: true as const }) : to

// readers

export const isSettled = (processor: Processor): processor is Settled =>
  (processor as Partial<Settled>).settled === true

/**
 * How to run a processor whatever it does. A plan counts only on the very processor it was made for: a user's
 * wrapper that copied properties is run as what it is.
 */
export const runOf = (processor: Processor): Run => {
  if (typeof processor !== 'function') throw new TypeError('end the pipeline with handle(...)')
  const plan = (processor as { readonly [planOf]?: Plan })[planOf]
  return plan?.owner === processor ? plan.run : guarded(processor, processor.name || 'a processor')
}

// helpers

interface Plan {
  readonly owner: Processor
  readonly run: Run
}

const planOf: unique symbol = Symbol.for('missive-ts/plan') as never

const guarded =
  (processor: (message: Message) => Task<Outcome>, name: string): Run =>
  async (message) => {
    try {
      const task: unknown = processor(message)
      const outcome = toOutcome(typeof task === 'function' ? await task() : noTask(task))
      if (outcome !== undefined) return unlessInterrupted(message, outcome)
      throw new TypeError('gave something that is no outcome')
    } catch (thrown) {
      return unlessInterrupted(message, failed(defect(name, thrown)))
    }
  }
