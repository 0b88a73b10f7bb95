import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rejected } from '../../lib/core/failure.js'
import type { Resource } from '../../lib/core/resource.js'
import { type SqliteDlq, sqliteDlq } from '../../lib/dlq/sqlite.js'
import type { Connect } from '../../lib/dlq/sqlite-file.js'
import { queueOn } from '../../lib/dlq/sqlite-queue.js'
import { inFolder, letter } from '../support/letters.js'

const connect: Connect = (path, options) => new Database(path, options)

const using = async (
  resource: Resource<SqliteDlq>,
  use: (queue: SqliteDlq) => Promise<void>
): Promise<void> => {
  const opened = await resource.open()
  if (opened._tag === 'Left') throw new Error(opened.left.message)
  try {
    await use(opened.right.value)
  } finally {
    assert.is((await opened.right.close())._tag, 'Right')
  }
}

const refusal = async (resource: Resource<SqliteDlq>): Promise<string> => {
  const opened = await resource.open()
  if (opened._tag === 'Left') return opened.left.message
  await opened.right.close()
  throw new Error('it opened')
}

const listed = async (queue: SqliteDlq) => {
  const letters = await queue.list(1_000_000)()
  if (letters._tag === 'Left') throw new Error(letters.left.reason)
  return letters.right
}

const storing = suite('sqliteDlq')

storing('gives back the whole letter, its bytes unchanged', () =>
  inFolder(async (folder) => {
    await using(sqliteDlq(join(folder, 'a.db')), async (queue) => {
      assert.is((await queue.put(letter())())._tag, 'Right')
      const [{ firstSeenAt, lastSeenAt, times, ...stored } = letter() as never] = await listed(queue)
      assert.equal(stored, letter())
      assert.is(times, 1)
      assert.ok(firstSeenAt === lastSeenAt && Math.abs(Date.now() - firstSeenAt) < 60_000)
    })
  })
)

storing('keeps a letter without route, empty bytes and an id like any text', () =>
  inFolder(async (folder) => {
    const odd = letter({ route: undefined, bytes: new Uint8Array(), id: "'; DROP TABLE letters; --\u0000é" })
    await using(sqliteDlq(join(folder, 'a.db')), async (queue) => {
      await queue.put(odd)()
      const [stored] = await listed(queue)
      assert.equal([stored?.route, stored?.bytes.length, stored?.id], [undefined, 0, odd.id])
    })
  })
)

storing('keeps one letter for each source, id and bytes, with the last failure and the number of times', () =>
  inFolder(async (folder) => {
    await using(sqliteDlq(join(folder, 'a.db')), async (queue) => {
      await queue.put(letter())()
      await queue.put(letter({ failure: rejected('late') }))()
      await queue.put(letter({ bytes: Uint8Array.from([1]) }))()
      const letters = await listed(queue)
      assert.equal(
        letters.map(({ bytes, failure, times }) => [bytes.length, failure._tag, times]),
        [
          [5, 'Rejected', 2],
          [1, 'Malformed', 1]
        ]
      )
    })
  })
)

storing('finds its letters again when it is opened anew', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(sqliteDlq(file), async (queue) => void (await queue.put(letter())()))
    await using(sqliteDlq(file), async (queue) => assert.is((await listed(queue)).length, 1))
  })
)

storing('has committed with synchronous=FULL when it answers, also to a file made before', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const connections: Database.Database[] = []
    const watched: Connect = (path, options) => {
      const database = connect(path, options)
      connections.push(database)
      return database
    }
    for (const count of [1, 2]) {
      await using(queueOn(file)(watched), async (queue) => {
        await queue.put(letter({ id: String(count) }))()
        const reader = new Database(file, { readonly: true })
        assert.is(reader.prepare('SELECT count(*) FROM letters').pluck().get(), count)
        reader.close()
        assert.is(connections.at(-1)?.pragma('synchronous', { simple: true }), 2)
        assert.is(connections.at(-1)?.pragma('journal_mode', { simple: true }), 'wal')
      })
    }
  })
)

storing('makes a file that its owner alone can read', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(sqliteDlq(file), async (queue) => {
      await queue.put(letter())()
      for (const suffix of ['', '-wal', '-shm']) assert.is(statSync(file + suffix).mode & 0o777, 0o600)
    })
  })
)

storing('keeps credentials only if it is told to', () =>
  inFolder(async (folder) => {
    const put = letter({ headers: { authorization: 'Bearer x', tenant: 'a' } })
    await using(sqliteDlq(join(folder, 'a.db')), async (queue) => {
      await queue.put(put)()
      assert.equal((await listed(queue))[0]?.headers, { authorization: '[not stored]', tenant: 'a' })
    })
    await using(sqliteDlq(join(folder, 'b.db'), { isStoredHeader: () => true }), async (queue) => {
      await queue.put(put)()
      assert.equal((await listed(queue))[0]?.headers, put.headers)
    })
  })
)

storing('loses nothing that it answered when its process is killed', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    for (let round = 0; round < 3; round += 1) {
      const child = spawn(process.execPath, ['--import', 'tsx', 'spec/support/put-letters.ts', file], {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      const answered = await killedAfter(child, 20 + round * 37)
      const database = new Database(file, { readonly: true })
      const ids = new Set(database.prepare('SELECT id FROM letters').pluck().all())
      assert.is(database.pragma('integrity_check', { simple: true }), 'ok')
      database.close()
      assert.equal(
        answered.filter((id) => !ids.has(id)),
        []
      )
      assert.ok(answered.length > 0)
    }
  })
)

/** The ids that a child told, killed once there were `count`. */
const killedAfter = (child: ChildProcess, count: number): Promise<readonly string[]> =>
  new Promise((resolve) => {
    let output = ''
    child.stdout?.on('data', (text) => {
      output += String(text)
      if (output.split('\n').length > count) child.kill('SIGKILL')
    })
    child.on('close', () => resolve(output.split('\n').slice(0, -1)))
  })

storing.run()

const faults = suite('sqliteDlq with a fault')

faults('answers Left while the database is full, and stores again when it is not', () =>
  inFolder(async (folder) => {
    let database: Database.Database | undefined
    let isFull = false
    const limited: Connect = (path, options) => {
      database = connect(path, options)
      if (isFull) database.pragma('max_page_count = 4')
      return database
    }
    const large = (id: string) => letter({ id, bytes: new Uint8Array(100_000) })
    await using(queueOn(join(folder, 'a.db'))(limited), async (queue) => {
      isFull = true
      database?.pragma('max_page_count = 4')
      const put = await queue.put(large('1'))()
      assert.ok(put._tag === 'Left' && put.left.reason.includes('make room'), JSON.stringify(put))
      assert.equal(await listed(queue), [])
      isFull = false
      database?.pragma('max_page_count = 1073741823')
      assert.is((await queue.put(large('1'))())._tag, 'Right')
      assert.is((await listed(queue)).length, 1)
    })
  })
)

/** Its inserts report a failed commit, having committed or not. */
const ambiguous = (hasCommitted: boolean, failures: number): Connect => {
  let left = failures
  return (path, options) => {
    const database = connect(path, options)
    return new Proxy(database, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (name !== 'prepare') return typeof value === 'function' ? (value.bind(target) as unknown) : value
        return (sql: string) => {
          const statement = target.prepare(sql)
          if (!sql.includes('INSERT')) return statement
          return {
            run: (row: object) => {
              if (left === 0) return statement.run(row)
              left -= 1
              if (hasCommitted) statement.run(row)
              throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' })
            }
          }
        }
      }
    })
  }
}

for (const hasCommitted of [true, false]) {
  faults(
    `puts again on a new connection what a failed commit ${hasCommitted ? 'did' : 'did not'} store`,
    () =>
      inFolder(async (folder) => {
        await using(queueOn(join(folder, 'a.db'))(ambiguous(hasCommitted, 1)), async (queue) => {
          assert.is((await queue.put(letter())())._tag, 'Right')
          assert.is((await listed(queue)).length, 1)
        })
      })
  )
}

faults('answers Left when the commit fails on the new connection too, and recovers by itself', () =>
  inFolder(async (folder) => {
    await using(queueOn(join(folder, 'a.db'))(ambiguous(false, 2)), async (queue) => {
      assert.is((await queue.put(letter())())._tag, 'Left')
      assert.is((await queue.put(letter())())._tag, 'Right')
      assert.is((await listed(queue)).length, 1)
    })
  })
)

faults('says that another process holds the file locked', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const impatient: Connect = (path) => connect(path, { timeout: 10 })
    await using(queueOn(file)(impatient), async (queue) => {
      const other = new Database(file)
      other.exec('BEGIN IMMEDIATE')
      const put = await queue.put(letter())()
      other.exec('ROLLBACK')
      other.close()
      assert.ok(put._tag === 'Left' && put.left.reason.includes('locked'), JSON.stringify(put))
      assert.is((await queue.put(letter())())._tag, 'Right')
    })
  })
)

faults('fails at the start where the folder is missing', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'missing', 'a.db')
    assert.is(
      await refusal(sqliteDlq(file)),
      `the folder ${join(folder, 'missing')} does not exist; create it, or give another path`
    )
  })
)

faults('fails at the start where the path is a folder', () =>
  inFolder(async (folder) => {
    mkdirSync(join(folder, 'a.db'))
    assert.is(
      await refusal(sqliteDlq(join(folder, 'a.db'))),
      `${join(folder, 'a.db')} is no file; give another path`
    )
  })
)

faults('fails at the start where the file is no database, and leaves it as it is', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const text = 'my diary, of more than a few bytes\n'.repeat(100)
    writeFileSync(file, text)
    assert.match(await refusal(sqliteDlq(file)), 'it is no SQLite database: give another path')
    assert.is(readFileSync(file, 'utf8'), text)
  })
)

faults('fails at the start where the database is somebody else’s, and writes nothing to it', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const other = new Database(file)
    other.exec('CREATE TABLE customers (id)')
    other.close()
    assert.match(await refusal(sqliteDlq(file)), 'is not a dead letter queue')
    const after = new Database(file)
    assert.equal(after.prepare('SELECT name FROM sqlite_schema').pluck().all(), ['customers'])
    assert.is(after.pragma('journal_mode', { simple: true }), 'delete')
    after.close()
  })
)

faults('fails at the start where a newer version wrote the file', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(sqliteDlq(file), async () => undefined)
    const database = new Database(file)
    database.pragma('user_version = 99')
    database.close()
    assert.match(await refusal(sqliteDlq(file)), 'a newer missive-ts wrote it (schema 99')
  })
)

faults('fails at the start where the header is damaged', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(sqliteDlq(file), async (queue) => void (await queue.put(letter())()))
    const descriptor = openSync(file, 'r+')
    writeSync(descriptor, Buffer.alloc(100, 1), 0, 100, 0)
    closeSync(descriptor)
    assert.match(await refusal(sqliteDlq(file)), 'move that file away')
  })
)

faults('fails at the start where the file cannot be written', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(sqliteDlq(file), async () => undefined)
    chmodSync(folder, 0o755)
    chmodSync(file, 0o444)
    const child = spawn(process.execPath, ['--import', 'tsx', 'spec/support/open-as-nobody.ts', file], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    let output = ''
    child.stdout.on('data', (text) => (output += String(text)))
    await new Promise((resolve) => child.on('close', resolve))
    assert.match(output, 'give this user the right to write the file and its folder')
  })
)

faults('fails at the start with an SQLite that can lose commits', () =>
  inFolder(async (folder) => {
    const old: Connect = (path, options) => {
      const database = connect(path, options)
      database.function('sqlite_version', () => '3.51.2')
      return database
    }
    assert.match(await refusal(queueOn(join(folder, 'a.db'))(old)), 'SQLite 3.51.2 can lose commits')
  })
)

faults.run()
