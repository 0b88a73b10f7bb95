/** Keeping a key of idempotency while what it stands for is done. */
import { capture } from './captured.js'
import type { Clock } from './clock.js'
import type { IdempotencyError, IdempotencyHold, IdempotencyStore } from './idempotency.js'
import { left } from './result.js'

// model

/** What a store answers. */
export type Answered<A> =
  { readonly _tag: 'Left'; readonly left: IdempotencyError } | { readonly _tag: 'Right'; readonly right: A }

// asking

/** What a store answers, also if it breaks its word not to reject. */
export const answered = async <A>(ask: () => () => Promise<Answered<A>>): Promise<Answered<A>> => {
  try {
    return await ask()()
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
  let cancel = (): void => undefined
  let isStopped = false
  const renew = async (): Promise<void> => {
    const renewed = await answered(() => store.renew(hold))
    if (isStopped) return
    if (renewed._tag === 'Right' && !renewed.right) onLost()
    else later()
  }
  const later = (): void => {
    cancel = clock.after(hold.leaseMs / 3, () => void renew())
  }
  later()
  return () => {
    isStopped = true
    cancel()
  }
}
