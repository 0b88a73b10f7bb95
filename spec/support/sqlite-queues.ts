/** Queues in files, used as their users do, and looked at from outside. */
import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Either } from 'fp-ts/lib/Either.js'
import type { DlqError } from '../../lib/core/letter.js'
import { type SqliteDlq, type SqliteDlqOptions, sqliteDlq } from '../../lib/dlq/sqlite.js'
import type { Resource } from '../../lib/ports/resource.js'

/** What the promise gives, or a failure that says what was waited for. */
export const soon = async <A>(what: string, promise: Promise<A>, deadlineMs = 30_000): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${deadlineMs} ms`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

export const opened = async (
  file: string,
  options: SqliteDlqOptions = {}
): Promise<{ readonly queue: SqliteDlq; readonly close: () => Promise<void> }> => {
  const opened = await soon('opening', sqliteDlq(file, options).open())
  if (opened._tag === 'Left') throw new Error(opened.left.message)
  const { value, close } = opened.right
  return {
    queue: value,
    close: async () => {
      const closed = await soon('closing', close())
      if (closed._tag === 'Left') throw new Error(closed.left.message)
    }
  }
}

/** Opens a queue, uses it, and closes it whatever happened. */
export const using = async <A>(
  file: string,
  use: (queue: SqliteDlq) => Promise<A>,
  options: SqliteDlqOptions = {}
): Promise<A> => {
  const { queue, close } = await opened(file, options)
  try {
    return await soon('using the queue', use(queue), 60_000)
  } finally {
    await close()
  }
}

/** Why it does not open. */
export const refusal = async (resource: Resource<SqliteDlq>): Promise<string> => {
  const opened = await soon('opening', resource.open())
  if (opened._tag === 'Left') return opened.left.message
  await soon('closing', opened.right.close())
  throw new Error('it opened')
}

export const right = <A>(answer: Either<DlqError, A>): A => {
  if (answer._tag === 'Left') throw new Error(answer.left.reason)
  return answer.right
}

/** Why it was not done. */
export const reasonOf = (answer: Either<DlqError, unknown>): string => {
  if (answer._tag === 'Left') return answer.left.reason
  throw new Error('it was done')
}

/** The ids in a file and their bytes as text, as a program finds them that knows nothing of the queue. The file must be whole. */
export const lettersIn = (file: string): ReadonlyMap<string, string> => {
  const database = new Database(file)
  try {
    const integrity = database.pragma('integrity_check', { simple: true })
    if (integrity !== 'ok') throw new Error(`${file}: ${String(integrity)}`)
    const rows = database.prepare('SELECT id, bytes FROM letters').all() as readonly {
      readonly id: string
      readonly bytes: Uint8Array
    }[]
    return new Map(rows.map(({ id, bytes }) => [id, Buffer.from(bytes).toString('utf8')]))
  } finally {
    database.close()
  }
}

/** How many transactions lie in the file's log. */
export const commitsIn = (file: string): number => {
  const log = readFileSync(`${file}-wal`)
  const frameBytes = 24 + log.readUInt32BE(8)
  let commits = 0
  for (let at = 32; at + frameBytes <= log.length; at += frameBytes) {
    const isOfThisLog = log.compare(log, 16, 24, at + 8, at + 16) === 0
    // The last frame of a transaction has the size of the database; the others have 0.
    if (isOfThisLog && log.readUInt32BE(at + 4) > 0) commits += 1
  }
  return commits
}

/** What a letter says whose id this is, so that a damaged one is known. */
export const bodyOf = (id: string): string => `${id} `.repeat(10)

/** Those that are missing from the file, or say something else than was put. */
export const missingFrom = (file: string, ids: readonly string[]): readonly string[] => {
  const letters = lettersIn(file)
  return ids.filter((id) => letters.get(id) !== bodyOf(id))
}
