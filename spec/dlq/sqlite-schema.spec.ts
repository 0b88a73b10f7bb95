import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { malformed, rejected } from '../../lib/core/failure.js'
import type { StoredLetter } from '../../lib/core/letter.js'
import { sqliteDlq } from '../../lib/dlq/sqlite.js'
import type { DeadLetterStore } from '../../lib/ports/letters.js'
import { Resource } from '../../lib/ports/resource.js'
import { inFolder, letter } from '../support/letters.js'

/** The table of files of the first version. */
const tableOfVersion1 = `
  CREATE TABLE letters (
    seq INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    bytes BLOB NOT NULL,
    headers TEXT NOT NULL,
    route TEXT,
    tag TEXT NOT NULL,
    failure TEXT NOT NULL,
    attempts TEXT NOT NULL,
    deliveryCount INTEGER NOT NULL,
    receivedAt INTEGER NOT NULL,
    firstSeenAt INTEGER NOT NULL,
    lastSeenAt INTEGER NOT NULL,
    times INTEGER NOT NULL,
    UNIQUE (source, id, sha256)
  ) STRICT`

type Old = Readonly<Record<string, unknown>>

const oldLetter = (fields: Old = {}): Old => ({
  source: 'test',
  id: '1',
  sha256: Buffer.from(JSON.stringify(fields)),
  bytes: Buffer.from([0, 255, 10, 13, 128]),
  headers: '{"tenant":"a"}',
  route: 'order.placed',
  tag: 'Malformed',
  failure: JSON.stringify(malformed([{ path: '.total', message: 'expected number' }])),
  attempts: JSON.stringify([{ startedAt: 1, durationMs: 2, failure: rejected('early') }]),
  deliveryCount: 2,
  receivedAt: 3,
  firstSeenAt: 1_700_000_000_000,
  lastSeenAt: 1_700_000_005_000,
  times: 2,
  ...fields
})

const makeVersion1 = (file: string, letters: readonly Old[]): void =>
  withDatabase(file, (database) => {
    database.pragma('journal_mode = WAL')
    database.exec(tableOfVersion1)
    const names = Object.keys(oldLetter())
    const insert = database.prepare(
      `INSERT INTO letters (${names.join()}) VALUES (${names.map((name) => `@${name}`).join()})`
    )
    database.transaction(() => letters.forEach((each) => insert.run(each)))()
    database.pragma('application_id = 1297303894')
    database.pragma('user_version = 1')
  })

const withDatabase = <A>(file: string, use: (database: Database.Database) => A): A => {
  const database = new Database(file)
  try {
    return use(database)
  } finally {
    database.close()
  }
}

const using = async <A>(file: string, use: (store: DeadLetterStore) => Promise<A>): Promise<A> => {
  const used = await Resource.use((store: DeadLetterStore) => () => use(store))(sqliteDlq(file))()
  if (used._tag === 'Left') throw new Error(used.left.message)
  return used.right
}

const lettersIn = (file: string): Promise<readonly StoredLetter[]> =>
  using(file, async (store) => {
    const page = await store.page({ limit: 10_000 })()
    if (page._tag === 'Left') throw new Error(page.left.reason)
    return page.right.letters
  })

const refusal = async (file: string): Promise<string> => {
  const opened = await sqliteDlq(file).open()
  if (opened._tag === 'Left') return opened.left.message
  await opened.right.close()
  return 'it opened'
}

const versionOf = (file: string): unknown =>
  withDatabase(file, (database) => database.pragma('user_version', { simple: true }))

const migrating = suite('a file of version 1')

migrating('becomes one of today, with all that it holds', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const bare = { id: '2', route: null, bytes: Buffer.alloc(0), headers: '{}', attempts: '[]', times: 1 }
    makeVersion1(file, [oldLetter(), oldLetter(bare)])
    const [first, second, ...others] = await lettersIn(file)
    assert.equal(others, [])
    const { failure } = letter()
    const last = { startedAt: 1_700_000_005_000, durationMs: 0, failure }
    const { key, fingerprint, ...fields } = first as StoredLetter
    assert.match(`${key} ${fingerprint}`, /^[0-9a-f]{40} [0-9a-f]{12}$/)
    assert.equal(fields, {
      ...letter(),
      attempts: [{ startedAt: 1, durationMs: 2, failure: rejected('early') }, last],
      attemptCount: 2,
      state: 'dead',
      firstSeenAt: 1_700_000_000_000,
      lastSeenAt: 1_700_000_005_000,
      times: 2,
      events: [],
      original: undefined
    })
    assert.equal(
      [second?.id, second?.route, second?.bytes.length, second?.headers, second?.attempts, second?.times],
      ['2', undefined, 0, {}, [last], 1]
    )
    withDatabase(file, (database) => {
      assert.is(database.pragma('user_version', { simple: true }), 2)
      assert.is(database.pragma('integrity_check', { simple: true }), 'ok')
      assert.equal(database.prepare("SELECT name FROM sqlite_schema WHERE name = 'letters_1'").all(), [])
    })
  })
)

migrating('keeps its letters in their order, however many', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const ids = Array.from({ length: 1_234 }, (_, index) => `${(index * 7_919) % 1_234}`)
    makeVersion1(
      file,
      ids.map((id) => oldLetter({ id }))
    )
    const letters = await lettersIn(file)
    assert.equal(
      letters.map(({ id }) => id),
      ids
    )
  })
)

migrating('knows its letters again when they are put', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    makeVersion1(file, [oldLetter()])
    await using(file, async (store) => {
      assert.equal(await store.recall(letter())(), { _tag: 'Right', right: 'dead' })
      await store.put(letter({ attempts: [{ startedAt: 9, durationMs: 1, failure: rejected('late') }] }))()
    })
    const letters = await lettersIn(file)
    assert.equal(
      letters.map(({ times, attemptCount }) => [times, attemptCount]),
      [[3, 3]]
    )
  })
)

migrating('can be read also where its attempts were cut', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const whole = { startedAt: 1, durationMs: 2, failure: rejected('early') }
    const attempts = JSON.stringify([whole, { ...whole, failure: '[left out]' }, '[left out]'])
    makeVersion1(file, [oldLetter({ attempts })])
    const [first] = await lettersIn(file)
    assert.equal(first?.attempts[0], whole)
  })
)

migrating('stays as it is where a letter cannot be taken over, and becomes one of today later', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    makeVersion1(file, [oldLetter(), oldLetter({ id: '2', failure: 'not JSON' })])
    assert.match(await refusal(file), file)
    withDatabase(file, (database) => {
      assert.is(database.pragma('user_version', { simple: true }), 1)
      assert.equal(database.prepare('SELECT id FROM letters').pluck().all(), ['1', '2'])
      assert.equal(database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all(), [
        'letters'
      ])
      database.prepare("UPDATE letters SET failure = ? WHERE id = '2'").run(JSON.stringify(rejected('late')))
    })
    const letters = await lettersIn(file)
    assert.equal(
      letters.map(({ id, failure }) => [id, failure._tag]),
      [
        ['1', 'Malformed'],
        ['2', 'Rejected']
      ]
    )
  })
)

migrating.run()

const refusing = suite('a file that is none of ours')

refusing('is refused where a newer version wrote it, and left as it is', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(file, async (store) => assert.is((await store.put(letter())())._tag, 'Right'))
    withDatabase(file, (database) => database.pragma('user_version = 3'))
    const before = readFileSync(file)
    const message = await refusal(file)
    assert.is(message, `${file}: a newer missive-ts wrote it (schema 3, this one knows 2); update missive-ts`)
    assert.equal([versionOf(file), readFileSync(file).equals(before)], [3, true])
  })
)

refusing('is refused where another program made it, and left as it is', () =>
  inFolder(async (folder) => {
    const makers: readonly ((database: Database.Database) => void)[] = [
      (database) => database.exec('CREATE TABLE letters (id)'),
      (database) => database.pragma('user_version = 1'),
      (database) => database.pragma('application_id = 7'),
      (database) => {
        database.exec(tableOfVersion1)
        database.pragma('user_version = 1')
      }
    ]
    for (const [index, make] of makers.entries()) {
      const file = join(folder, `${index}.db`)
      withDatabase(file, make)
      const before = readFileSync(file)
      assert.is(await refusal(file), `${file}: the database is not a dead letter queue; give another path`)
      assert.ok(readFileSync(file).equals(before), `file ${index} was written to`)
    }
  })
)

refusing.run()

const making = suite('a new file')

making('can be read by its owner alone, and so can what lies beside it', () =>
  inFolder(async (folder) => {
    const before = process.umask(0)
    try {
      const file = join(folder, 'a.db')
      await using(file, async (store) => {
        await store.put(letter())()
        for (const suffix of ['', '-wal', '-shm'])
          assert.is((statSync(file + suffix).mode & 0o777).toString(8), '600', suffix)
      })
    } finally {
      process.umask(before)
    }
  })
)

making('is made of an empty file, and says whose it is', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    withDatabase(file, () => undefined)
    await using(file, async (store) => assert.is((await store.put(letter())())._tag, 'Right'))
    withDatabase(file, (database) => {
      const pragmas = ['application_id', 'user_version', 'journal_mode', 'integrity_check']
      const said = pragmas.map((pragma) => database.pragma(pragma, { simple: true }))
      assert.equal(said, [0x4d534956, 2, 'wal', 'ok'])
    })
  })
)

making.run()
