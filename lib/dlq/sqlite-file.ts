/** The file of a queue: opened so that what it has committed is on the disk. */
import type { Retention } from '../ports/letters.js'
import type { FileKind } from '../sqlite/file.js'
import { keepSettings, migrate, schemaVersion } from './sqlite-schema.js'

export const queue: FileKind = {
  name: 'a dead letter queue',
  shortName: 'queue',
  content: 'letters',
  repair: 'move it away with its -wal file, and recover its letters with sqlite3 .recover',
  /** 'MSIV'. */
  applicationId: 0x4d534956,
  schemaVersion,
  synchronous: 'FULL',
  migrate
}

/** The same, in which it is noted when it is opened how long what is settled is kept. */
export const queueKeeping = (retention: Retention): FileKind => ({
  ...queue,
  migrate: (database, version) => {
    migrate(database, version)
    keepSettings(database, retention)
  }
})
