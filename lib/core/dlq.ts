/** Dead letter queues: where a message goes when its processor gives up. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { capture, noTask } from './captured.js'
import type { Clock } from './clock.js'
import { type Failure, dlqUnavailable, rejected } from './failure.js'
import type { Attempt, DeadLetter, Dlq, DlqError, LetterIdentity, LetterState } from './letter.js'
import { type Message, interruptionOf } from './message.js'
import {
  type Nacked,
  type Outcome,
  ackWith,
  deadLettered,
  failed,
  nack,
  released,
  unlessInterrupted
} from './outcome.js'
import { type Processor, type Settled, described, fromRun, isSettled, runOf } from './processor.js'
import { left, right } from './result.js'
import { type Run, type Step, concluded, stepped } from './run.js'

// constructors

/** The failure of a message that was nacked where nobody can bring it back. */
export const nacked = ({ reason, afterMs }: Nacked): Failure =>
  rejected('nacked', { ...(reason !== undefined && { reason }), ...(afterMs !== undefined && { afterMs }) })

// combinators

/** Turns `Failed` into `DeadLettered` once the queue has stored the message. */
export const withDlq =
  (dlq: Dlq, clock: Clock) =>
  (processor: Processor): Settled => {
    if (typeof dlq?.put !== 'function')
      throw new TypeError('withDlq: give an open queue; Resource.map opens that of sqliteDlq')
    const inner = runOf(processor)
    const isFallback = isSettled(processor)
    const settle: Step = (message, outcome) => {
      const failure = unhandled(message, outcome)
      if (failure === undefined)
        return outcome._tag === 'Acked' && message.trace.storing?.by === settle
          ? acknowledged(dlq, message, outcome)
          : outcome
      const { startedAt = message.receivedAt } = message.trace
      const durationMs = Math.max(0, clock.now() - startedAt)
      return store(dlq, message, { startedAt, durationMs, failure }, settle)
    }
    const run: Run = (message) => {
      const { trace } = message
      if (isFallback) return stepped(inner(message), message, settle)
      if (trace.unstored !== undefined && (trace.unstoredBy ?? settle) === settle)
        return store(dlq, message, trace.unstored, settle)
      trace.startedAt = clock.now()
      return isBroughtBack(message) && dlq.recall !== undefined
        ? recalled(dlq, message, () => concluded(stepped(inner(message), message, settle)))
        : stepped(inner(message), message, settle)
    }
    return Object.assign(fromRun(run, described(processor, 'withDlq')), { settled: true as const })
  }

// helpers

/** Can it have a letter already: stored, and then not acknowledged? A letter that is replayed has itself. */
const isBroughtBack = (message: Message): boolean =>
  message.redelivers && message.deliveryCount > 1 && message.letter === undefined

/** What was settled as a dead letter is not run again; what is handled now is no dead letter any more. */
const recalled = async (
  dlq: Dlq,
  message: Message,
  run: () => Outcome | Promise<Outcome>
): Promise<Outcome> => {
  const asked = await answerOf<LetterState | undefined>(() => dlq.recall?.(identityOf(message)))
  const state = asked._tag === 'Right' ? asked.right : undefined
  if (state === 'resolved' || state === 'discarded') return ackWith({ note: `its dead letter is ${state}` })
  if (state === 'replaying')
    return nack({ reason: 'its dead letter is being replayed', afterMs: replayingMs })
  const outcome = await run()
  if (state === 'dead' && outcome._tag === 'Acked')
    await answerOf<void>(() => dlq.resolve?.(identityOf(message)))
  return outcome
}

/** How long a replay is given before a message is asked for again that was brought back meanwhile. */
const replayingMs = 5_000

const unhandled = (message: Message, outcome: Outcome): Failure | undefined => {
  if (outcome._tag === 'Failed') return outcome.failure
  return outcome._tag === 'Nacked' && !message.redelivers ? nacked(outcome) : undefined
}

const store = async (dlq: Dlq, message: Message, attempt: Attempt, by: Step): Promise<Outcome> => {
  const { trace } = message
  const before = interruptionOf(message)
  if (before !== undefined) return released(before)
  const { failure } = attempt
  const answer = answerOf<void>(() => dlq.put(letterOf(message, attempt), message.raw))
  trace.storing = { by, answer }
  const stored = await answer
  if (stored._tag === 'Right') {
    trace.unstored = undefined
    trace.storedIn = dlq.location
    return deadLettered(failure)
  }
  if (trace.unstored === undefined) {
    trace.unstored = attempt
    trace.unstoredBy = by
  }
  return unlessInterrupted(message, failed(dlqUnavailable(stored.left.reason, failure)))
}

/** A message that was stored while its handler went on is no dead letter any more once that has acked. */
const acknowledged = async (dlq: Dlq, message: Message, outcome: Outcome): Promise<Outcome> => {
  await message.trace.storing?.answer
  await answerOf<void>(() => dlq.resolve?.(identityOf(message)))
  return outcome
}

/** What a queue answers; only one that says so has done what it was asked. */
const answerOf = async <A>(ask: () => TaskEither<DlqError, A> | undefined): Promise<Either<DlqError, A>> => {
  try {
    const task: unknown = ask()
    const answer: unknown = typeof task === 'function' ? await task() : noTask(task)
    // Read once, so that what was checked is what is used.
    const { _tag, left: error, right: value } = answer as { _tag?: unknown; left?: DlqError; right?: A }
    if (_tag === 'Right') return right(value as A)
    const reason: unknown = error?.reason
    return left({ reason: _tag === 'Left' && typeof reason === 'string' ? reason : 'it gives no reason' })
  } catch (thrown) {
    const { name, message } = capture(thrown)
    return left({ reason: `${name}: ${message}` })
  }
}

const identityOf = ({ id, source, bytes }: Message): LetterIdentity => ({ id, source, bytes })

/** Field by field: a spread made it an object that costs 3 µs more on its way to the queue. */
const letterOf = (message: Message, attempt: Attempt): DeadLetter => ({
  id: message.id,
  source: message.source,
  bytes: message.bytes,
  headers: message.headers,
  route: message.trace.route,
  failure: attempt.failure,
  attempts: [...message.trace.attempts, attempt],
  deliveryCount: message.deliveryCount,
  receivedAt: message.receivedAt,
  original: message.letter?.original,
  fault: faultOf(message),
  lease: message.letter?.lease
})

/** What is wrong with the payload stays wrong; any other fault was the delivery's, and a replay is free of it. */
const faultOf = ({ fault }: Message): Failure | undefined => (fault?._tag === 'Malformed' ? fault : undefined)
