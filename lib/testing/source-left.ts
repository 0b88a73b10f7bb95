/** What is left once messages are done, as a source and its broker say. */
import { expectEqual } from './comparing.js'
import type { Running, Trial } from './source-trial.js'

/** Waits until so many messages are done for good. */
export const acked = ({ watch, until }: Trial, count: number): Promise<void> =>
  until(
    `${count} messages to be done`,
    () =>
      watch.settled.filter(({ action, answer }) => action._tag === 'Done' && answer === 'ok').length >= count,
    () => watch.settled.length
  )

/** That what is done stays done: at once as the broker says, and when leases would have ended. */
export const nothingMore = async (
  { broker, quiet, quietPastLease }: Trial,
  running: Running,
  count: number
): Promise<void> => {
  await (broker.left === undefined ? quietPastLease() : quiet())
  expectEqual('what comes after everything is done', running.texts().slice(count), [])
  await nothingLeft({ broker })
}

export const nothingLeft = async ({ broker }: Pick<Trial, 'broker'>): Promise<void> => {
  if (broker.left !== undefined) expectEqual('what is left with the broker', await broker.left(), 0)
}
