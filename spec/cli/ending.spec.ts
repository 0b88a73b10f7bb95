import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { writing } from '../../lib/cli/output.js'
import { app, called, dlq, lettersOf, lineOf, madeQueue, orders, shell } from '../support/cli-command.js'
import { onSmallDisk } from '../support/small-disk.js'
import { ioOf } from '../support/cli-io.js'
import { inEmptyFolder, run, wordsEnv, wordsOf } from '../support/program.js'
import { killAll, program, shell as runShell } from '../support/run-main-child.js'

const inShop = (use: (cwd: string) => Promise<void>) =>
  inEmptyFolder(async (cwd) => {
    await madeQueue(join(cwd, 'shop.db'), orders)
    await use(cwd)
  })

const ending = suite('how missive ends')

ending.after(killAll)

ending('is never well where a module ends the process, or awaits what never comes', () =>
  inShop(async (cwd) => {
    const modules = {
      'exits.mjs': 'process.exit(0)',
      'waits.mjs': 'await new Promise(() => undefined)',
      'handler.mjs': 'export default () => async () => process.exit(0)',
      'unopened.mjs': 'export default { open: () => new Promise(() => undefined) }'
    }
    const all = Object.entries(modules).map(async ([name, source]) => {
      writeFileSync(join(cwd, name), source)
      const { code, stdout, stderr } = await dlq({ cwd }, 'replay', 'shop.db', '--through', name)
      assert.equal([code, stdout], [1, ''], name)
      assert.match(stderr, /^missive: stopped before the end: [^\n]+\n$/)
    })
    await Promise.all(all)
  })
)

ending('is the same where nobody reads what is said of it', () =>
  inShop(async (cwd) => {
    const line = `${lineOf('replay', 'shop.db', '--through', app)} --tag Malformed | true; echo "\${PIPESTATUS[0]}"`
    const { stdout, stderr } = await shell({ cwd }, line)
    assert.equal([stdout, stderr], ['1\n', ''])
  })
)

ending('says that the folder is gone which it is called in', () =>
  inEmptyFolder(async (cwd) => {
    const words = wordsOf('lib/cli/main.ts', ['spec/support/in-no-folder.ts'])
    const ended = await run(process.execPath, [...words, 'dlq', 'ls', 'shop.db'], { cwd, env: wordsEnv })
    const stderr = 'missive: the folder that it is called in is gone; go to another one, and call it there\n'
    assert.equal(ended, { code: 2, stdout: '', stderr })
  })
)

ending('says that it is stdout which takes no more', () =>
  inShop(async (cwd) => {
    const { code, stderr } = await shell({ cwd }, `${lineOf('ls', 'shop.db')} > /dev/full`)
    assert.is(code, 1)
    assert.match(stderr, /^missive: stdout cannot be written: ENOSPC: [^\n]+\n$/)
  })
)

ending('comes after the work, though nobody hears of it', () =>
  inShop(async (cwd) => {
    await called(cwd, 'export', 'shop.db', '--output', 'letters.ndjson')
    const bad = await shell({ cwd }, 'echo bad | cat - letters.ndjson > bad.ndjson')
    assert.is(bad.code, 0)
    for (const [name, heard] of Object.entries({ full: '/dev/full', gone: '>(true)' })) {
      const line = lineOf('import', `${name}.db`, 'bad.ndjson', '--create')
      const { code, stdout } = await shell({ cwd }, `${line} 2> ${heard}`)
      assert.equal([code, stdout], [1, '5 added, 0 present, 1 bad\n'], name)
    }
    const discard = lineOf('discard', 'shop.db', '--all', '--note', 'a test', '--yes')
    const { code, stdout } = await shell({ cwd }, `${discard} 2> /dev/full`)
    assert.equal([code, stdout], [0, '5 letters discarded\n'])
  })
)

ending('says what it waits for, where another process holds the queue locked', () =>
  inShop(async (cwd) => {
    const lock = program('sqlite-lock', [join(cwd, 'shop.db')])
    await lock.until('stdout', 'locked')
    const listing = runShell(`cd '${cwd}'; exec ${lineOf('ls', 'shop.db')}`)
    const waiting = 'waiting for shop.db: another process may hold it locked\n'
    await listing.until('stderr', waiting)
    lock.process.stdin?.end()
    const { code, stdout, stderr } = await listing.ended
    assert.equal([code, stderr], [0, waiting])
    assert.match(stdout, 'o-5')
  })
)

ending('tells what of an import was done, where it cannot go on', () =>
  inEmptyFolder(async (cwd) => {
    const large = Array.from({ length: 12 }, (_, index) => ({
      id: String(index),
      bytes: new Uint8Array(2_000_000).fill(index)
    }))
    await madeQueue(join(cwd, 'large.db'), large)
    await called(cwd, 'export', 'large.db', '--output', 'letters.ndjson')
    await onSmallDisk(20_000, async (folder) => {
      const small = join(folder, 'small.db')
      const ended = await called(cwd, 'import', small, 'letters.ndjson', '--create')
      assert.equal([ended.code, ended.stdout], [1, ''])
      const [, line = '', added = ''] =
        /^the last line that was read is (\d+); until then: (\d+) added, 0 present, 0 bad\nmissive: /.exec(
          ended.stderr
        ) ?? []
      assert.ok(Number(line) > Number(added), ended.stderr)
      assert.is((await lettersOf(small)).length, Number(added))
    })
  })
)

ending('leaves no half a file by the name that was asked for, where it is killed', () =>
  inEmptyFolder(async (cwd) => {
    const { io } = ioOf(cwd)
    const names: string[] = []
    await writing(io, { output: 'letters.ndjson', queue: 'shop.db' }, async (write) => {
      await write('half a letter')
      names.push(...readdirSync(cwd))
    })
    assert.is(names.length, 1)
    assert.match(names[0] ?? '', /^letters\.ndjson\.\w+\.partial$/)
    assert.equal(readdirSync(cwd), ['letters.ndjson'])
  })
)

ending('leaves alone what was made meanwhile by the name that was asked for', () =>
  inEmptyFolder(async (cwd) => {
    const { io } = ioOf(cwd)
    const written = writing(io, { output: 'letters.ndjson', queue: 'shop.db' }, async () =>
      writeFileSync(join(cwd, 'letters.ndjson'), 'precious')
    )
    assert.match(String(await written.catch(String)), 'letters.ndjson cannot be written: EEXIST')
    assert.equal(readdirSync(cwd), ['letters.ndjson'])
    assert.is(readFileSync(join(cwd, 'letters.ndjson'), 'utf8'), 'precious')
  })
)

ending('leaves no half a file behind where it is told to stop', () =>
  inEmptyFolder(async (cwd) => {
    const { io, signal, quits } = ioOf(cwd)
    const files: number[] = []
    const written = writing(io, { output: 'letters.ndjson', queue: 'shop.db' }, async (write) => {
      await write('half a letter')
      files.push(readdirSync(cwd).length)
      signal()
      files.push(readdirSync(cwd).length)
      throw new Error('the process has ended')
    })
    assert.is(await written.catch(String), 'Error: the process has ended')
    assert.equal([files, quits], [[1, 0], [1]])
  })
)

ending.run()
