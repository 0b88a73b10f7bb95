/** Opening a connection: waiting until it is there, and what to do where it does not come to that. */
import { type Captured, capture } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { within } from '../ports/waiting.js'
import type { RedisLike } from './like.js'

// functions

/** `undefined` once it is connected; else why it is not, as soon as that is for good. */
export const opened = async (
  client: RedisLike,
  connectMs: number,
  clock: Clock,
  signal?: AbortSignal
): Promise<string | undefined> => {
  let last = `no answer within ${connectMs} ms`
  let onAbort = (): void => undefined
  const ready = new Promise<string | undefined>((resolve) => {
    onAbort = () => resolve('it is no longer wanted')
    client.on('ready', () => resolve(undefined))
    client.on('error', (error: unknown) => {
      last = rootOf(capture(error)).message
      if (isForGood(last)) resolve(last)
    })
  })
  signal?.addEventListener('abort', onAbort)
  if (signal?.aborted === true) onAbort()
  client.connect().catch((error: unknown) => {
    if (isForGood(capture(error).message)) last = capture(error).message
  })
  const first = await within(
    clock,
    connectMs,
    ready.then((problem) => ({ problem }))
  )
  signal?.removeEventListener('abort', onAbort)
  return first === undefined ? last : first.problem
}

/** What to do about it. */
export const adviceOn = (problem: string): string => {
  if (/WRONGPASS|NOAUTH|ERR AUTH|invalid password/.test(problem)) return 'check the user and the password'
  if (problem.startsWith('NOPERM')) return 'give this user the right to it (ACL SETUSER)'
  if (/certificate|self[- ]signed/i.test(problem))
    return 'give a client whose tls options have the authority (ca) that signed it'
  if (/wrong version number/.test(problem)) return 'is it TLS? rediss:// is, redis:// is not'
  if (/DB index/.test(problem)) return 'give a database that the server has'
  return 'is it running there, and can it be reached?'
}

// helpers

/** A cluster says of its nodes' errors that there were some. */
const rootOf = (captured: Captured): Captured => captured.causes?.[0] ?? captured

/** What another attempt would not change: the server is there and says no, or it is not the one it must be. */
const isForGood = (message: string): boolean =>
  /^(?:WRONGPASS|NOAUTH|NOPERM|ERR )|certificate|self[- ]signed|wrong version number/i.test(message)
