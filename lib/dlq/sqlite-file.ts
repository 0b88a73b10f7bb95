/** The file of a queue: opened so that what it has committed is on the disk. */
import type { Database } from 'better-sqlite3'
import type { Either } from 'fp-ts/lib/Either.js'
import { resourceError } from '../core/resource.js'
import type { Retention } from '../core/letter.js'
import { left, right } from '../core/result.js'
import type { Connect } from '../sqlite/driver.js'
import {
  type FileError,
  type FileKind,
  type FileOptions,
  adviceOn as adviceFor,
  isBusy,
  openFile as open,
  placeOf as placeFor
} from '../sqlite/file.js'
import { applicationId, keepSettings, migrate, schemaVersion } from './sqlite-schema.js'
import { upgrade } from './sqlite-upgrade.js'

export type { Connect } from '../sqlite/driver.js'

// model

export interface QueueOptions extends FileOptions {
  /** To be noted in the file. */
  readonly retention?: Retention
}

// constructors

export const openFile = (
  connect: Connect,
  location: string,
  { retention = {}, ...options }: QueueOptions = {}
): Either<FileError, Database> => {
  const opened = open(queue, connect, location, options)
  if (opened._tag === 'Left') return opened
  const database = opened.right
  try {
    keepSettings(database, retention)
    return right(database)
  } catch (error) {
    database.close()
    return left({
      ...resourceError(queue.resource, `${location}: ${adviceOn(error)}`),
      isBusy: isBusy(error)
    })
  }
}

/** What speaks against keeping a queue in a folder. */
export const placeOf = (folder: string, typeOf?: (folder: string) => number): ReturnType<typeof placeFor> =>
  placeFor(queue, folder, typeOf)

export const adviceOn = (error: unknown): string => adviceFor(queue, error)

// helpers

const queue: FileKind = {
  resource: 'sqliteDlq',
  name: 'a dead letter queue',
  shortName: 'queue',
  content: 'letters',
  repair: 'move it away with its -wal file, and recover its letters with sqlite3 .recover',
  applicationId,
  schemaVersion,
  synchronous: 'FULL',
  migrate: (database, version) => migrate(database, version, upgrade)
}
