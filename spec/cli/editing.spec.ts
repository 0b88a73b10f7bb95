import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inEditor } from '../../lib/cli/editor.js'
import type { StoredLetter } from '../../lib/core/letter.js'
import { at, called, inTerminal, lettersOf, lineOf, madeQueue, orders } from '../support/cli-command.js'
import { ioOf } from '../support/cli-io.js'
import { inEmptyFolder } from '../support/program.js'

const inShop = (use: (cwd: string, letter: StoredLetter, queue: string) => Promise<void>) =>
  inEmptyFolder(async (cwd) => {
    const queue = join(cwd, 'shop.db')
    await use(cwd, at(await madeQueue(queue, orders), 0), queue)
  })

const editing = suite('missive dlq edit with an editor')

editing('opens none where what it is to ask is not there', () =>
  inShop(async (cwd, { key }) => {
    const env = { VISUAL: '', EDITOR: 'touch opened;', TMPDIR: cwd }
    const ended = await inTerminal({ cwd, env }, 'edit', 'shop.db', key, '--through', 'missing.mjs')
    assert.is(ended.code, 2)
    assert.match(ended.stdout, 'missing.mjs does not exist')
    assert.is(existsSync(join(cwd, 'opened')), false)
  })
)

editing('keeps what was written where it cannot be saved', () =>
  inShop(async (cwd, { key, id }, queue) => {
    const discard = lineOf('discard', queue, '--id', id, '--note', 'meanwhile', '--yes')
    writeFileSync(join(cwd, 'editor.sh'), `echo written > "$1"; ${discard}`)
    const env = { VISUAL: '', EDITOR: 'sh editor.sh', TMPDIR: cwd }
    const ended = await inTerminal({ cwd, env }, 'edit', 'shop.db', key)
    assert.is(ended.code, 1)
    assert.match(ended.stdout, 'is not dead any more')
    const [, file = ''] = /what was written is kept in (\S+)/.exec(ended.stdout) ?? []
    assert.is(readFileSync(file, 'utf8'), 'written\n')
  })
)

editing('says that the editor left no file, or nothing in it', () =>
  inShop(async (cwd, letter, queue) => {
    const edit = (editor: string, input: string) =>
      inTerminal({ cwd, input, env: { VISUAL: '', EDITOR: editor, TMPDIR: cwd } }, 'edit', queue, letter.key)
    const removed = await edit('rm -f', '')
    assert.is(removed.code, 2)
    assert.match(removed.stdout, 'nothing was edited, as the editor left no file')
    const emptied = await edit(': >', 'n\n')
    assert.is(emptied.code, 1)
    assert.match(emptied.stdout, 'it would be empty')
    const file = await called(cwd, 'edit', queue, letter.key, '--file', '-')
    assert.equal(
      [file.code, file.stderr],
      [1, 'missive: nothing was edited, as it would be empty; --force edits it\n']
    )
    assert.equal(at(await lettersOf(queue), 0), letter)
    assert.is((await called(cwd, 'edit', queue, letter.key, '--file', '-', '--force')).code, 0)
    assert.is(at(await lettersOf(queue), 0).bytes.length, 0)
  })
)

editing('leaves a signal to the editor while that is open, and else ends, with nothing left behind', () =>
  inEmptyFolder(async (cwd) => {
    const before = process.env.TMPDIR
    process.env.TMPDIR = cwd
    try {
      const { io, signal, quits } = ioOf(cwd)
      const file = { name: 'letter.json', bytes: new Uint8Array([1]) }
      const edited = inEditor(io, 'true', file, async () => {
        signal()
        assert.equal([readdirSync(cwd), quits], [[], [1]])
        return 'done'
      })
      signal()
      assert.equal([readdirSync(cwd).length, quits], [1, []])
      await edited
    } finally {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
    }
  })
)

editing.run()
