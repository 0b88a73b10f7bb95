/** What is asked of Redis before a queue in it is used: that the queue is one, and that letters would stay. */
import type { Either } from 'fp-ts/lib/Either.js'
import { left, right } from '../core/result.js'
import type { Retention } from '../ports/letters.js'
import type { Connection } from '../redis/connection.js'
import { type Keys, types } from './redis-keys.js'
import { openScript, schemaVersion } from './redis-scripts.js'

// model

export interface ToOpen {
  /** Is it made where it is missing? */
  readonly create: boolean
  /** What its owner says, to be noted for whoever opens it next. */
  readonly retention: Retention
}

// opening

/** Makes the queue if it may, and gives what its owner has said of settled letters; or says what is wrong, and what to do. */
export const openQueue = async (
  connection: Connection,
  { all }: Keys,
  name: string,
  { create, retention }: ToOpen
): Promise<Either<string, Retention>> => {
  const { keepSettledMs = '', keepTombstonesMs = '' } = retention
  const answer = await connection.run(openScript, all, [
    create ? '1' : '0',
    keepSettledMs,
    keepTombstonesMs,
    ...types
  ])
  const [found, first, second] = answer as readonly (string | null)[]
  switch (found) {
    case 'open':
      return right({
        ...(first != null && { keepSettledMs: Number(first) }),
        ...(second != null && { keepTombstonesMs: Number(second) })
      })
    case 'missing':
      return left(`there is no queue called ${name}; give the name that it was given in redisDlq`)
    case 'newer':
      return left(
        `the queue ${name} was made by a newer missive-ts (version ${first} of its form, and this one knows ${schemaVersion}); update missive-ts here`
      )
    default:
      return left(
        `the key ${first} is a ${second} that belongs to something else; give the queue another name`
      )
  }
}

/** What of the server's configuration would lose letters; nothing where it may not be asked. */
export const risksOf = async (connection: Connection): Promise<readonly string[]> => {
  const setting = async (name: string): Promise<string> => {
    try {
      const answer: unknown = await connection.ask(['CONFIG', 'GET', name])
      // A list of names and values, or a record of them, as the protocol has it.
      const values = Array.isArray(answer) ? answer : Object.entries(answer as object).flat()
      return String(values[1] ?? '')
    } catch {
      return ''
    }
  }
  const risks: string[] = []
  if ((await setting('appendonly')) === 'no')
    risks.push('it has no append-only file, so letters are lost when it ends; set appendonly yes')
  else if ((await setting('appendfsync')) === 'no')
    risks.push('it leaves syncing to the system (appendfsync no); set everysec or always')
  const policy = await setting('maxmemory-policy')
  // The others remove only what was given an end, and no letter is.
  if (policy.startsWith('allkeys-'))
    risks.push(`it may remove letters when memory is short (maxmemory-policy ${policy}); set noeviction`)
  return risks
}
