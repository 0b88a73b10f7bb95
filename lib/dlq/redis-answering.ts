/** What is asked of Redis, and answered within seconds whatever happens. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { DlqError } from '../core/letter.js'
import { left, right } from '../core/result.js'
import type { Connection } from '../redis/connection.js'
import { type Kept, reasonOf } from '../redis/reason.js'

// model

export interface Answering {
  /** What goes wrong is a reason. */
  readonly answered: <A>(ask: () => Promise<A>) => Promise<Either<DlqError, A>>
  /** Closes the connection, once all that was asked is answered. */
  readonly close: () => Promise<void>
}

// constructors

/** Asks only while there is a connection. */
export const answering = (connection: Connection, location: string): Answering => {
  const closing = new AbortController()
  const asked = new Set<Promise<unknown>>()

  const answerOf = async <A>(ask: () => Promise<A>): Promise<Either<DlqError, A>> => {
    const failed = (reason: string) => left({ reason: `${location}: ${reason}` })
    if (closing.signal.aborted) return failed('the queue is closed')
    if (!(await connection.isReady(patienceMs, closing.signal))) return failed('Redis cannot be reached')
    try {
      return right(await ask())
    } catch (thrown) {
      return failed(reasonOf(connection, thrown, queue))
    }
  }

  return {
    answered: (ask) => {
      const answer = answerOf(ask)
      asked.add(answer)
      void answer.finally(() => asked.delete(answer))
      return answer
    },
    close: async () => {
      closing.abort()
      await Promise.all(asked)
      connection.close()
    }
  }
}

// words

export const queue: Kept = {
  name: 'queue',
  toFree: 'let letters be removed (retention, missive dlq prune)'
}

// helpers

/** A connection that broke is there again after some hundred milliseconds, if Redis is. */
const patienceMs = 1_000
