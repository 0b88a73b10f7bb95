/** Why Redis did not do what was asked, in words that say what to do; without credentials. */
import { capture } from '../core/captured.js'
import { type Connection, isMisled } from './connection.js'

// model

/** What something of ours in Redis is called. */
export interface Kept {
  readonly name: 'queue' | 'store'
  /** What frees memory, besides a larger `maxmemory`. */
  readonly toFree: string
}

// functions

export const reasonOf = (connection: Connection, thrown: unknown, kept: Kept): string => {
  const { message } = connection.errorOf(thrown)
  if (isMisled(message)) return `${message}; what is asked next goes over a new connection`
  if (isOfConnection.test(capture(thrown).message))
    return `the connection to Redis broke (${message}); what was asked may be done or not`
  const advice = advicesOn(kept).find(([pattern]) => pattern.test(message))?.[1]
  return advice === undefined ? message : `${message}; ${advice}`
}

// helpers

const isOfConnection =
  /Connection is closed|isn't writeable|isn't ready|Reached the max retries|Failed to refresh slots|EPIPE|ECONN|ETIMEDOUT/

const advicesOn = ({ name, toFree }: Kept): readonly (readonly [RegExp, string])[] => [
  [/(?:^|-)OOM\b/, `Redis is full: raise maxmemory, or ${toFree}`],
  [/NOPERM\b|no permissions|user executing the script/, 'give this user the right to it (ACL SETUSER)'],
  [/WRONGTYPE/, `a key of the ${name} is something else by now; give the ${name} another name`],
  [/(?:^|-)MISCONF\b/, 'Redis cannot write to its disk'],
  [/^MOVED\b/, `it is a cluster: give a Cluster as the client, or the node that has the ${name}`],
  [/(?:^|-)NOREPLICAS\b/, 'Redis has fewer replicas than it is told to write with']
]
