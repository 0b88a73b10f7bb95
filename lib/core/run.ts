/**
 * Runs: the form in which processors call each other, without a Task and a frame for each layer. A handler's call
 * goes out to whoever runs the processor and is awaited there, so that a message costs one frame.
 */
import { defect } from './failure.js'
import type { Message } from './message.js'
import { type Outcome, type Verdict, failed, toVerdict, unlessInterrupted } from './outcome.js'

// model

/** Never throws, and what it gives never rejects. */
export type Run = (message: Message) => Begun

export type Begun = Outcome | Promise<Outcome> | Call

/** What is to become of an outcome. Never throws, and what it gives never rejects. */
export type Step = (message: Message, outcome: Outcome) => Outcome | Promise<Outcome>

/** A handler's call under way. Whoever awaits `verdict` hands what comes of it to `conclude` or to `fail`. */
export class Call {
  private step: Step | undefined = undefined
  constructor(
    readonly verdict: PromiseLike<unknown>,
    private readonly message: Message,
    private readonly label: string
  ) {}

  get _tag() {
    return 'Call' as const
  }

  conclude(given: unknown): Outcome | Promise<Outcome> {
    let verdict: Verdict | undefined
    try {
      verdict = toVerdict(given)
    } catch (thrown) {
      return this.fail(thrown)
    }
    return verdict === undefined ? this.fail(noVerdict(given)) : this.end(verdict)
  }

  fail(thrown: unknown): Outcome | Promise<Outcome> {
    return this.end(failed(defect(handlerOf(this.label), thrown)))
  }

  /** The same call, with one more step at its end. */
  followedBy(step: Step): Call {
    const { step: first } = this
    this.step =
      first === undefined ? step : (message, outcome) => stepped(first(message, outcome), message, step)
    return this
  }

  private end(outcome: Outcome): Outcome | Promise<Outcome> {
    const { message, step } = this
    const seen = unlessInterrupted(message, outcome)
    return step === undefined ? seen : step(message, seen)
  }
}

// guards

/** By its tag, as another copy of this module may have made it. */
export const isCall = (begun: Begun): begun is Call => (begun as Partial<Call>)._tag === 'Call'

// combinators

/** Goes on with the outcome, where there is one already without a turn of the event loop. */
export const stepped: {
  (begun: Outcome | Promise<Outcome>, message: Message, step: Step): Outcome | Promise<Outcome>
  (begun: Begun, message: Message, step: Step): Begun
} = (begun: Begun, message: Message, step: Step): any => {
  if (isCall(begun)) return begun.followedBy(step)
  return begun instanceof Promise ? begun.then((outcome) => step(message, outcome)) : step(message, begun)
}

/** The outcome of what was begun. */
export const concluded = (begun: Begun): Outcome | Promise<Outcome> =>
  isCall(begun) ? awaited(begun) : begun

// helpers

export const handlerOf = (label: string): string => `the handler of ${label}`

/** What a handler gave is not shown, as it may be a secret of its message. */
const noVerdict = (given: unknown): TypeError => {
  const what = given === undefined ? 'nothing' : `a value of type ${typeof given} that is no verdict`
  return new TypeError(`gave ${what}; give ack, nack() or failed(...)`)
}

const awaited = async (call: Call): Promise<Outcome> => {
  let verdict: unknown
  try {
    verdict = await call.verdict
  } catch (thrown) {
    return call.fail(thrown)
  }
  return call.conclude(verdict)
}
