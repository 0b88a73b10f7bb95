/** The file of a store: one of its own, as a queue's commits have to be on the disk, and these have not. */
import type { FileKind } from '../sqlite/file.js'

export const store: FileKind = {
  name: 'a store of idempotency, which has a file of its own',
  shortName: 'store',
  content: 'marks of what was done',
  repair: 'move it away; what is marked in it as done may then be done again',
  /** 'MSID'. */
  applicationId: 0x4d534944,
  schemaVersion: 1,
  synchronous: 'NORMAL',
  migrate: (database, version) => {
    if (version < 1) database.exec(tables)
  }
}

// helpers

/** Keys are counted as they come and go, as SQLite would have to read all of them to say how many there are. */
const tables = `
  CREATE TABLE claims (
    seq INTEGER PRIMARY KEY,
    key ANY NOT NULL UNIQUE,
    fingerprint ANY NOT NULL,
    token ANY NOT NULL,
    leaseMs REAL NOT NULL,
    until REAL NOT NULL,
    isFinished INTEGER NOT NULL,
    result ANY
  ) STRICT;
  CREATE INDEX claims_until ON claims (isFinished, until);
  CREATE TABLE totals (keys INTEGER NOT NULL) STRICT;
  INSERT INTO totals VALUES (0);
  CREATE TRIGGER claims_come AFTER INSERT ON claims BEGIN UPDATE totals SET keys = keys + 1; END;
  CREATE TRIGGER claims_go AFTER DELETE ON claims BEGIN UPDATE totals SET keys = keys - 1; END;`
