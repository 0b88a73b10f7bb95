/** A dead letter queue in an SQLite file, for one machine with a disk that stays. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Dlq, DlqError } from '../core/dlq.js'
import { Resource } from '../core/resource.js'
import { loadDriver } from './sqlite-driver.js'
import type { StoredLetter } from './sqlite-letters.js'
import { queueOn } from './sqlite-queue.js'

// model

export interface SqliteDlqOptions {
  /** Which headers are stored with their values; by default all but credentials and signatures. */
  readonly isStoredHeader?: (name: string) => boolean
}

export interface SqliteDlq extends Dlq {
  /** At most `limit` letters, oldest first. */
  readonly list: (limit: number) => TaskEither<DlqError, readonly StoredLetter[]>
}

// constructors

/**
 * A queue in the file at `path`, made if it is missing, readable by its owner alone. A letter is on the disk
 * (WAL, `synchronous=FULL`) before `put` answers. Opening fails if the folder is missing, the file cannot be
 * written or is no database.
 *
 * @since 0.1.0
 */
export const sqliteDlq = (path: string, options: SqliteDlqOptions = {}): Resource<SqliteDlq> =>
  Resource.flatMap(queueOn(path, options))(Resource.make('sqliteDlq', loadDriver, async () => undefined))
