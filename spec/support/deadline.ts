/** Waiting for what is to happen, with a deadline. */
import { setTimeout as delay } from 'node:timers/promises'

const defaultMs = 20_000

/** Waits for the promise; throws if it has not settled by then. It keeps the process running meanwhile. */
export const within = async <A>(what: string, promise: Promise<A>, deadlineMs = defaultMs): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Asks until it is so, for what tells nobody when it happens. */
export const until = async (
  what: string,
  isSo: () => boolean | Promise<boolean>,
  deadlineMs = defaultMs
): Promise<void> => {
  const end = performance.now() + deadlineMs
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await delay(5)
  }
}
