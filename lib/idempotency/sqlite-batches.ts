/** What is asked at the same time is done in one transaction; while others hold the file locked it is tried again. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import { left } from '../core/result.js'
import type { IdempotencyError } from '../ports/idempotency.js'
import { portion } from '../ports/portion.js'
import { sleep } from '../ports/waiting.js'
import type { Refused } from '../sqlite/calls.js'
import type { Answer, Asked } from './sqlite-engine.js'

// model

/** One transaction, tried once. */
export type DoAll = (
  asked: readonly Asked[]
) => Promise<Either<Refused, readonly Either<IdempotencyError, Answer>[]>>

export interface Batches {
  /** Never rejects. Not before all that was asked before. */
  readonly ask: (asked: Asked) => Promise<Either<IdempotencyError, Answer>>
  /** Answers all that was asked; for a lock nobody waits any more. */
  readonly close: () => Promise<void>
}

// constructors

export const batches = (location: string, doAll: DoAll, patienceMs: number, clock: Clock): Batches => {
  let waiting: Waiting[] = []
  let working: Promise<void> | undefined
  const closing = new AbortController()

  const answerFirst = (
    count: number,
    answerOf: (index: number) => Either<IdempotencyError, Answer>
  ): void => {
    const answered = waiting.slice(0, count)
    waiting = waiting.slice(count)
    answered.forEach(({ answer }, index) => answer(answerOf(index)))
  }

  const work = async (): Promise<void> => {
    // Whoever asks in the same turn of the event loop shares the first transaction.
    await new Promise<void>((resolve) => clock.after(0, resolve))
    while (waiting.length > 0) {
      const some = portion(waiting, maxAsked, maxBytes).map(({ asked }) => asked)
      const done = await doAll(some)
      if (done._tag === 'Right') {
        const answers = done.right
        answerFirst(some.length, (index) => {
          const answer = answers[index] ?? left({ reason: 'it was not answered' })
          return answer._tag === 'Right' ? answer : left({ reason: `${location}: ${answer.left.reason}` })
        })
      } else {
        const { reason, isBusy = false } = done.left
        const now = clock.monotonic()
        const isOver = ({ until }: Waiting) => !isBusy || closing.signal.aborted || until <= now
        // They came in the order in which their patience ends.
        const first = waiting.findIndex((one) => !isOver(one))
        answerFirst(isBusy ? (first === -1 ? waiting.length : first) : some.length, () => left({ reason }))
        if (isBusy && waiting.length > 0) await sleep(clock, pauseMs, closing.signal)
      }
    }
    working = undefined
  }

  return {
    ask: (asked) =>
      new Promise((answer) => {
        if (closing.signal.aborted) return answer(left({ reason: `${location}: the store is closed` }))
        const weight = 2 * (asked.key.length + (asked.name === 'finish' ? asked.result.length : 0))
        waiting.push({ asked, weight, answer, until: clock.monotonic() + patienceMs })
        working ??= work()
      }),
    close: async () => {
      closing.abort()
      await working
    }
  }
}

// helpers

interface Waiting {
  readonly asked: Asked
  /** In bytes. */
  readonly weight: number
  readonly answer: (done: Either<IdempotencyError, Answer>) => void
  readonly until: number
}

const maxAsked = 256
const maxBytes = 8 * 1_048_576
const pauseMs = 10
