/** Dead letter queues: where a message goes when its processor gives up. */
import type { Left } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { capture, noTask } from './captured.js'
import { type Failure, dlqUnavailable, rejected } from './failure.js'
import { type Attempt, type Message, interruptionOf } from './message.js'
import { type Nacked, type Outcome, deadLettered, failed, released, unlessInterrupted } from './outcome.js'
import { type Processor, type Settled, described, fromRun, isSettled, runOf } from './processor.js'
import { type Run, type Step, stepped } from './run.js'

// model

/** A message that could not be handled, and why. */
export interface DeadLetter {
  readonly id: string
  readonly source: string
  readonly bytes: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  /** The route that took the message, if one did. */
  readonly route: string | undefined
  readonly failure: Failure
  /** The attempts before the last one, where they were tried again. */
  readonly attempts: readonly Attempt[]
  readonly deliveryCount: number
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
}

/** Why a queue did not store a letter, for the log. */
export interface DlqError {
  readonly reason: string
}

export interface Dlq {
  /** Right only once the letter is stored durably. Storing the same letter twice keeps one. */
  readonly put: (letter: DeadLetter) => TaskEither<DlqError, void>
  /** Where the letters lie, for people. */
  readonly location: string
}

// combinators

/**
 * Turns `Failed` into `DeadLettered` once `dlq` has stored the message. `Nacked` is stored too where the source
 * cannot bring the message back, as the rejection `nacked`; other outcomes pass through. If the queue cannot
 * store it the outcome is `Failed(DlqUnavailable)`, so the source keeps the message, and when the same delivery
 * is run again the letter is stored without running the handler a second time. A second `withDlq` around it is
 * a fallback queue.
 *
 * @example
 * const queue = memoryDlq()
 * const processor = pipe(
 *   receive(text),
 *   handle(otherwise(async () => failed(rejected('unknown-customer')))),
 *   withDlq(queue)
 * )
 * assert.equal(await processor(message('Hello'))(), deadLettered(rejected('unknown-customer')))
 * assert.equal(queue.letters().length, 1)
 *
 * @since 0.1.0
 */
export const withDlq =
  (dlq: Dlq) =>
  (processor: Processor): Settled => {
    const inner = runOf(processor)
    const isFallback = isSettled(processor)
    const settle: Step = (message, outcome) => {
      const failure = unhandled(message, outcome)
      return failure === undefined ? outcome : store(dlq, message, failure)
    }
    const run: Run = (message) => {
      const { unstored } = message.trace
      return unstored === undefined || isFallback
        ? stepped(inner(message), message, settle)
        : store(dlq, message, unstored)
    }
    return Object.assign(fromRun(run, described(processor, 'withDlq')), { settled: true as const })
  }

// helpers

const unhandled = (message: Message, outcome: Outcome): Failure | undefined => {
  if (outcome._tag === 'Failed') return outcome.failure
  return outcome._tag === 'Nacked' && !message.redelivers ? nacked(outcome) : undefined
}

const nacked = ({ reason, afterMs }: Nacked): Failure =>
  rejected('nacked', { ...(reason !== undefined && { reason }), ...(afterMs !== undefined && { afterMs }) })

const store = async (dlq: Dlq, message: Message, failure: Failure): Promise<Outcome> => {
  const { trace } = message
  const before = interruptionOf(message)
  if (before !== undefined) return released(before)
  const error = await put(dlq, message, failure)
  if (error === undefined) {
    trace.unstored = undefined
    trace.storedIn = dlq.location
    return deadLettered(failure)
  }
  trace.unstored ??= failure
  return unlessInterrupted(message, failed(dlqUnavailable(error, failure)))
}

/** Why the letter is not stored; only a queue that says so has stored it. */
const put = async (dlq: Dlq, message: Message, failure: Failure): Promise<string | undefined> => {
  try {
    const task: unknown = dlq.put(letterOf(message, failure))
    const stored: unknown = typeof task === 'function' ? await task() : noTask(task)
    const { _tag, left } = stored as Partial<Left<DlqError>>
    if ((_tag as string) === 'Right') return undefined
    return _tag === 'Left' && typeof left?.reason === 'string' ? left.reason : 'it gives no reason'
  } catch (thrown) {
    const { name, message } = capture(thrown)
    return `${name}: ${message}`
  }
}

const letterOf = (message: Message, failure: Failure): DeadLetter => ({
  id: message.id,
  source: message.source,
  bytes: message.bytes,
  headers: message.headers,
  route: message.trace.route,
  failure,
  attempts: message.trace.attempts,
  deliveryCount: message.deliveryCount,
  receivedAt: message.receivedAt
})
