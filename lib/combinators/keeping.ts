/** Keeping a key of idempotency while what it stands for is done. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { capture, noTask } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { left } from '../core/result.js'
import type { IdempotencyError, IdempotencyHold, IdempotencyStore } from '../ports/idempotency.js'
import { every, within } from '../ports/waiting.js'

// asking

/** Asks a store, which has so many milliseconds for its answer: one that hangs keeps nobody waiting for ever. */
export const asking =
  (clock: Clock, mostMs: number) =>
  async <A>(ask: () => TaskEither<IdempotencyError, A>): Promise<Either<IdempotencyError, A>> =>
    (await within(clock, mostMs, answered(ask))) ?? left({ reason: `no answer within ${mostMs} ms` })

/** What it answers, also if it breaks its word: it rejects, gives no Task, or answers what is no Either. */
const answered = async <A>(
  ask: () => TaskEither<IdempotencyError, A>
): Promise<Either<IdempotencyError, A>> => {
  try {
    const task: unknown = ask()
    const given: unknown = typeof task === 'function' ? await task() : noTask(task)
    const answer = given as Either<IdempotencyError | undefined, A> | undefined
    if (answer?._tag === 'Right') return answer
    if (answer?._tag !== 'Left') throw new TypeError('it answers what is no Either')
    const reason: unknown = answer.left?.reason
    return left({ reason: typeof reason === 'string' ? reason : 'it gives no reason' })
  } catch (thrown) {
    return left({ reason: capture(thrown).message })
  }
}

/**
 * Renews a key, three times in each lease, until the answer is called. One that cannot be renewed now may be the next
 * time; one that is somebody else's by now is told once.
 */
export const keeping = (
  store: IdempotencyStore,
  hold: IdempotencyHold & { readonly leaseMs: number },
  clock: Clock,
  onLost: () => void
): (() => void) => {
  let isLetGo = false
  // After a call that does not answer there is time for another in the same lease.
  const asked = asking(clock, hold.leaseMs / 6)
  const stop = every(clock, hold.leaseMs / 3, async () => {
    const renewed = await asked(() => store.renew(hold))
    if (isLetGo || renewed._tag === 'Left' || renewed.right) return
    stop()
    onLost()
  })
  return () => {
    isLetGo = true
    stop()
  }
}
