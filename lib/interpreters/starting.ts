/** Starts that a source counts: it is asked again while it does not answer. */
import type { Task } from 'fp-ts/lib/Task.js'
import type { Clock } from '../core/clock.js'
import type { Settlement } from '../ports/source.js'
import { sleep, within } from '../ports/waiting.js'
import { firstRetryMs, maxRetryMs } from './recurring.js'

/** What it says in the end: `unknown` only if it had said nothing when the signal aborted. What is not to be started is lost. */
export const counted = async (
  start: Task<Settlement> | undefined,
  isLost: () => boolean,
  patienceMs: number,
  clock: Clock,
  signal: AbortSignal
): Promise<Settlement> => {
  for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, maxRetryMs)) {
    const settlement = start === undefined || isLost() ? 'lost' : await within(clock, patienceMs, start())
    if (settlement === 'ok' || settlement === 'lost') return settlement
    await sleep(clock, retryMs, signal)
    if (signal.aborted) return 'unknown'
  }
}
