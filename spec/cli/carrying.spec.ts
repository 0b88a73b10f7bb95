import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { writing } from '../../lib/cli/output.js'
import type { StoredLetter } from '../../lib/core/letter.js'
import {
  at,
  called,
  dlq,
  hostile,
  lettersOf,
  lineOf,
  madeQueue,
  orders,
  shell,
  using
} from '../support/cli-command.js'
import { ioOf } from '../support/cli-io.js'
import { inEmptyFolder, repository, runWritten } from '../support/program.js'
import { onSmallDisk } from '../support/small-disk.js'

const inShop = (use: (cwd: string, letters: readonly StoredLetter[], queue: string) => Promise<void>) =>
  inEmptyFolder(async (cwd) => {
    const queue = join(cwd, 'shop.db')
    await use(cwd, await madeQueue(queue, [...orders, ...hostile]), queue)
  })

/** Without the rights of whoever runs the specs. */
const asNobody = async (use: () => Promise<void>): Promise<void> => {
  const uid = process.geteuid?.() ?? 0
  process.seteuid?.(65_534)
  try {
    await use()
  } finally {
    process.seteuid?.(uid)
  }
}

const carrying = suite('missive dlq export and import')

carrying('carry letters to another queue as they are', () =>
  inShop(async (cwd, _, queue) => {
    await using(queue, async (store) => {
      const { key, id, bytes: from } = at(await lettersOf(queue), 0)
      await store.edit({ key, id, from, to: Uint8Array.from([255, 0]), by: 'ada' })()
    })
    const letters = await lettersOf(queue)
    await madeQueue(join(cwd, 'piped.db'), [])
    await madeQueue(join(cwd, 'filed.db'), [])
    const [piped, written] = await Promise.all([
      shell({ cwd }, `${lineOf('export', 'shop.db')} | ${lineOf('import', 'piped.db', '-')}`),
      dlq({ cwd }, 'export', 'shop.db', '--output', 'letters.ndjson', '--json')
    ])
    assert.equal(piped, { code: 0, stdout: '8 added, 0 present, 0 bad\n', stderr: '' })
    assert.equal(written, { code: 0, stdout: '{"exported":8}\n', stderr: '' })
    assert.equal(await lettersOf(join(cwd, 'piped.db')), letters)
    assert.is(statSync(join(cwd, 'letters.ndjson')).mode & 0o777, 0o600)
    const [first, second] = [at(letters, 0), at(letters, 1)]
    const some = await called(cwd, 'export', 'shop.db', first.key, second.key, '--id', first.id)
    assert.equal([some.code, some.stdout.split('\n').length], [1, 2])
    assert.match(some.stderr, '2 letters named: the others are not what the filters mean')
    const read = await called(cwd, 'import', 'filed.db', 'letters.ndjson')
    assert.equal(read, { code: 0, stdout: '8 added, 0 present, 0 bad\n', stderr: '' })
    assert.equal(await lettersOf(join(cwd, 'filed.db')), letters)
    const again = await called(cwd, 'import', 'filed.db', 'letters.ndjson', '--json')
    assert.equal(again, { code: 0, stdout: '{"added":0,"present":8,"bad":0}\n', stderr: '' })
  })
)

carrying('name the lines that are bad, and take the others', () =>
  inShop(async (cwd) => {
    const { stdout } = await called(cwd, 'export', 'shop.db', '--tag', 'Rejected')
    const changed = stdout.replace('"id":"o-4"', '"id":"o-6"')
    const lines = [stdout.trimEnd(), '', '{"half":', '[]', changed.trimEnd(), '\r']
    const text = Buffer.concat([Buffer.from(lines.join('\n')), Buffer.from([10, 34, 255, 34, 10])])
    writeFileSync(join(cwd, 'letters.ndjson'), text)
    await madeQueue(join(cwd, 'other.db'), [])
    const ended = await dlq({ cwd }, 'import', 'other.db', 'letters.ndjson')
    assert.equal([ended.code, ended.stdout], [1, '1 added, 0 present, 4 bad\n'])
    const told = ended.stderr.trimEnd().split('\n')
    assert.equal(
      told.map((line) => line.slice(0, 7)),
      ['line 3:', 'line 4:', 'line 5:', 'line 7:']
    )
    assert.equal([told[0], told[3]], ['line 3: it is no JSON', 'line 7: it is not UTF-8'])
    assert.match(told[2] ?? '', 'it was changed')
    assert.equal(
      (await lettersOf(join(cwd, 'other.db'))).map(({ id }) => id),
      ['o-4']
    )
    const missing = await called(cwd, 'import', 'other.db', 'missing.ndjson')
    assert.equal([missing.code, missing.stdout], [2, ''])
    assert.match(missing.stderr, 'missing.ndjson cannot be read')
    assert.is((await called(cwd, 'import', 'other.db', '.')).code, 2)
  })
)

carrying('say once what is no export, and make no queue for it', () =>
  inShop(async (cwd, _, queue) => {
    await called(cwd, 'export', 'shop.db', '--output', 'letters.ndjson')
    const lines = readFileSync(join(cwd, 'letters.ndjson'))
    writeFileSync(join(cwd, 'letters.ndjson.gz'), gzipSync(lines))
    const database =
      / is an SQLite database; if it is a queue, give what `missive dlq export` writes of it\n$/
    const binary = / is no text; give what `missive dlq export` wrote, unpacked\n$/
    for (const [file, said] of [
      ['shop.db', database],
      ['letters.ndjson.gz', binary]
    ] as const) {
      const named = await called(cwd, 'import', 'new.db', file, '--create')
      assert.equal([named.code, named.stdout], [2, ''])
      assert.match(named.stderr, said)
      assert.is(named.stderr.split('\n').length, 2)
      assert.is(existsSync(join(cwd, 'new.db')), false)
      const piped = await shell({ cwd }, `${lineOf('import', queue, '-')} < ${file}`)
      assert.equal([piped.code, piped.stdout], [2, ''])
      assert.match(piped.stderr, said)
      assert.is(piped.stderr.split('\n').length, 2)
    }
    const unpacked = `zcat letters.ndjson.gz | ${lineOf('import', queue, '/dev/stdin')}`
    assert.is((await shell({ cwd }, unpacked)).stdout, '0 added, 8 present, 0 bad\n')
  })
)

carrying('name the file that this user may not read or look at, and make no queue for it', () =>
  inEmptyFolder(async (cwd) => {
    chmodSync(cwd, 0o755)
    mkdirSync(join(cwd, 'closed'), { mode: 0o700 })
    writeFileSync(join(cwd, 'letters.ndjson'), '', { mode: 0o600 })
    const { io } = ioOf(cwd)
    await asNobody(async () => {
      const unread = await called(cwd, 'import', 'new.db', 'letters.ndjson', '--create')
      assert.equal([unread.code, unread.stdout], [2, ''])
      assert.match(unread.stderr, /^missive: letters\.ndjson cannot be read: EACCES/)
      const output = 'closed/letters.ndjson'
      const unmade = writing(io, { output, queue: 'shop.db' }, async () => undefined)
      assert.match(String(await unmade.catch(String)), `Stop: ${join(cwd, output)} cannot be written: EACCES`)
    })
    assert.is(existsSync(join(cwd, 'new.db')), false)
  })
)

carrying('leave nothing where the disk is full, and say so', () =>
  inEmptyFolder(async (cwd) => {
    await madeQueue(join(cwd, 'shop.db'), [{ bytes: new Uint8Array(100_000).fill(120) }])
    await onSmallDisk(64, async (folder) => {
      const ended = await called(cwd, 'export', 'shop.db', '--output', join(folder, 'letters.ndjson'))
      assert.equal([ended.code, ended.stdout], [1, ''])
      assert.match(ended.stderr, 'letters.ndjson cannot be written: ENOSPC')
      assert.equal(readdirSync(folder), [])
    })
  })
)

carrying('write over no file unless told to, and never over the queue', () =>
  inShop(async (cwd, letters, queue) => {
    writeFileSync(join(cwd, 'there'), 'precious')
    symlinkSync(queue, join(cwd, 'link'))
    const before = await lettersOf(queue)
    const to = (output: string, ...options: readonly string[]) =>
      called(cwd, 'export', 'shop.db', '--id', 'o-1', '--output', output, ...options)
    const refused = await to('there')
    assert.equal([refused.code, refused.stdout], [2, ''])
    assert.match(refused.stderr, 'there exists; --force writes over it')
    assert.is(readFileSync(join(cwd, 'there'), 'utf8'), 'precious')
    for (const [output, reason] of [
      ['shop.db', 'is the queue itself'],
      ['link', 'is the queue itself'],
      ['/dev/null', 'is no file'],
      ['.', 'is no file']
    ] as const) {
      const ended = await to(output, '--force')
      assert.equal([ended.code, ended.stdout], [2, ''], output)
      assert.match(ended.stderr, reason)
    }
    const nowhere = await to('missing/there')
    assert.is(nowhere.code, 1)
    assert.match(nowhere.stderr, 'cannot be written')
    assert.equal(await lettersOf(queue), before)

    const forced = await to('there', '--force')
    assert.equal(forced, { code: 0, stdout: '', stderr: '1 letter written to there\n' })
    assert.match(readFileSync(join(cwd, 'there'), 'utf8'), letters[0]?.key ?? 'a key')
    assert.is(statSync(join(cwd, 'there')).mode & 0o777, 0o600)
    assert.equal(
      readdirSync(cwd).filter((name) => name.includes('partial')),
      []
    )
  })
)

carrying('make a queue where that is asked for, and nowhere else', () =>
  inShop(async (cwd, letters) => {
    await called(cwd, 'export', 'shop.db', '--output', 'letters.ndjson')
    const refused = await called(cwd, 'import', 'new.db', 'letters.ndjson')
    assert.equal([refused.code, refused.stdout], [2, ''])
    assert.match(refused.stderr, 'new.db does not exist; give the path of a queue, or --create to make one\n')
    const missing = await called(cwd, 'import', 'new.db', 'missing.ndjson', '--create')
    assert.is(missing.code, 2)
    assert.match(missing.stderr, 'missing.ndjson cannot be read')
    assert.is(existsSync(join(cwd, 'new.db')), false)

    const made = await dlq({ cwd }, 'import', 'new.db', 'letters.ndjson', '--create')
    assert.equal(made, { code: 0, stdout: '8 added, 0 present, 0 bad\n', stderr: '' })
    assert.equal(await lettersOf(join(cwd, 'new.db')), letters)
    const again = await called(cwd, 'import', 'new.db', 'letters.ndjson', '--create')
    assert.is(again.stdout, '0 added, 8 present, 0 bad\n')
    const nowhere = await called(cwd, 'import', 'missing/new.db', 'letters.ndjson', '--create')
    assert.is(nowhere.code, 2)
    assert.match(nowhere.stderr, 'missing does not exist; create it')
  })
)

carrying('leave no half a file behind', () =>
  inShop(async (cwd, letters, queue) => {
    const database = new Database(queue)
    database.exec(`UPDATE letters SET headers = '{' WHERE id = 'o-4'`)
    database.close()
    const ended = await called(cwd, 'export', 'shop.db', '--output', 'letters.ndjson')
    assert.is(ended.code, 1)
    assert.match(ended.stderr, `letter ${letters[3]?.key}: its headers cannot be read`)
    assert.equal(
      readdirSync(cwd).filter((name) => !name.startsWith('shop.db')),
      []
    )
  })
)

carrying.run()

const spec = suite('missive dlq export --as-spec')

spec('writes a spec that fails until the processor takes the letter', () =>
  inShop(async (cwd, letters) => {
    symlinkSync(join(repository, 'node_modules'), join(cwd, 'node_modules'))
    mkdirSync(join(cwd, 'spec'))
    const failure = `{ _tag: 'Rejected', code: 'late', details: { total: 4 } }`
    const broken = `export default () => async () => ({ _tag: 'Failed', failure: ${failure} })`
    const fixed = `export default ({ id, headers, bytes }) => async () => id === ${JSON.stringify(letters[3]?.id)} &&
      headers.tenant === 'a' && new TextDecoder().decode(bytes).includes('"total":4')
        ? { _tag: 'Acked' } : { _tag: 'Failed', failure: ${failure} }`
    const module = join(cwd, 'app.mjs')
    writeFileSync(module, broken)
    const key = letters[3]?.key ?? ''
    const through = ['--as-spec', '--through', 'app.mjs'] as const
    const [acked, failed, shown] = await Promise.all([
      dlq({ cwd }, 'export', 'shop.db', key, ...through, '--output', 'spec/order.spec.mjs'),
      called(cwd, 'export', 'shop.db', key, ...through, '--expect', 'failure', '--output', 'late.spec.mjs'),
      called(cwd, 'export', 'shop.db', key, ...through)
    ])
    assert.equal(
      [acked, failed],
      [
        { code: 0, stdout: '', stderr: '' },
        { code: 0, stdout: '', stderr: '' }
      ]
    )
    assert.match(readFileSync(join(cwd, 'spec/order.spec.mjs'), 'utf8'), 'from "../app.mjs"')
    assert.match(shown.stdout, 'from "./app.mjs"')
    const codes = async () =>
      (
        await Promise.all(
          ['spec/order.spec.mjs', 'late.spec.mjs'].map((file) => runWritten(join(cwd, file), { cwd }))
        )
      ).map(
        ({ code, stdout }) =>
          `${code} ${/Passed: +(\d)/.exec(stdout)?.[1]} of ${/Total: +(\d)/.exec(stdout)?.[1]}`
      )
    assert.equal(await codes(), ['1 0 of 1', '0 1 of 1'])
    writeFileSync(module, fixed)
    assert.equal(await codes(), ['0 1 of 1', '1 0 of 1'])
  })
)

spec('stores nothing in the queue of the app where it has a factory, and says what it does where not', () =>
  inShop(async (cwd, letters, queue) => {
    symlinkSync(join(repository, 'node_modules'), join(cwd, 'node_modules'))
    writeFileSync(
      join(cwd, 'app.mts'),
      `import { pipe } from 'fp-ts/lib/function.js'
      import { type Dlq, Resource, failed, handle, json, otherwise, receive, rejected, withDlq } from 'missive-ts'
      import { sqliteDlq } from 'missive-ts/sqlite'
      const late = async ({ body: { total } }: any) => failed(rejected('late', { total }))
      export const orders = (dlq: Dlq) => pipe(receive(json), handle(otherwise(late)), withDlq(dlq))
      export default pipe(sqliteDlq(${JSON.stringify(queue)}), Resource.map(orders))`
    )
    const key = letters[3]?.key ?? ''
    const written = async (file: string, ...options: readonly string[]) => {
      const through = ['--as-spec', '--through', 'app.mts', '--expect', 'failure', '--output', file]
      const ended = await called(cwd, 'export', 'shop.db', key, ...through, ...options)
      assert.equal(ended, { code: 0, stdout: '', stderr: '' })
      return readFileSync(join(cwd, file), 'utf8')
    }
    const warning = '// What the app needs is opened, its queue too, and what fails is stored there.'
    assert.not.match(await written('made.spec.mts', '--factory', 'orders'), warning)
    const made = await runWritten(join(cwd, 'made.spec.mts'), { cwd })
    assert.is(made.code, 0, made.stdout + made.stderr)
    assert.equal(await lettersOf(queue), letters)

    assert.match(await written('opened.spec.mts'), `${warning} `)
    const opened = await runWritten(join(cwd, 'opened.spec.mts'), { cwd })
    assert.is(opened.code, 0, opened.stdout + opened.stderr)
    assert.is(at(await lettersOf(queue), 3).times, 2)
  })
)

spec('carries any letter, whatever is in it', () =>
  inShop(async (cwd, letters) => {
    symlinkSync(join(repository, 'node_modules'), join(cwd, 'node_modules'))
    const last = letters.slice(-3)
    const expected = last.map(({ id, headers, bytes }) => [id, headers, Buffer.from(bytes).toString('hex')])
    writeFileSync(
      join(cwd, 'app.mjs'),
      `const expected = ${JSON.stringify(expected)}
      export default ({ id, headers, bytes }) => async () => expected.some((each) =>
        JSON.stringify(each) === JSON.stringify([id, headers, Buffer.from(bytes).toString('hex')])) ? { _tag: 'Acked' } : 17`
    )
    const ended = await Promise.all(
      last.map(async ({ key }) => {
        const file = `${key}.spec.mjs`
        await called(cwd, 'export', 'shop.db', key, '--as-spec', '--through', './app.mjs', '--output', file)
        return runWritten(join(cwd, file), { cwd })
      })
    )
    assert.equal(
      ended.map(({ code }) => code),
      [0, 0, 0]
    )
  })
)

spec('says what it lacks', () =>
  inShop(async (cwd, letters) => {
    const key = letters[3]?.key ?? ''
    const expected: readonly (readonly [text: string, ...options: readonly string[]])[] = [
      ['--as-spec is for one letter: give its key', '--through', 'app.mjs'],
      ['--as-spec is for one letter', key, letters[0]?.key ?? '', '--through', 'app.mjs'],
      ['--as-spec needs --through', key],
      ['app.mjs does not exist', key, '--through', 'app.mjs'],
      ['Give the name of an export', key, '--through', 'app.mjs', '--factory', 'a b'],
      ['Allowed choices are acked, failure', key, '--expect', 'nothing']
    ]
    for (const [text, ...options] of expected) {
      const ended = await called(cwd, 'export', 'shop.db', '--as-spec', ...options, '--output', 'a.spec.mjs')
      assert.equal([ended.code, ended.stdout], [2, ''], text)
      assert.match(ended.stderr, text)
    }
    assert.is(existsSync(join(cwd, 'a.spec.mjs')), false)
    const unmasked = await called(cwd, 'export', 'shop.db', '--through', 'app.mjs')
    assert.equal([unmasked.code, unmasked.stdout], [2, ''])
    assert.match(unmasked.stderr, '--through is for --as-spec')
    const made = await called(cwd, 'export', 'shop.db', '--factory', 'orders')
    assert.equal([made.code, made.stdout, made.stderr], [2, '', 'missive: --factory is for --as-spec\n'])
  })
)

spec.run()
