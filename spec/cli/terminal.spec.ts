import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { StoredLetter } from '../../lib/core/letter.js'
import { act, app, bytes, inTerminal, lettersOf, madeQueue, orders } from '../support/cli-command.js'
import { inEmptyFolder } from '../support/program.js'

const inShop = (use: (cwd: string, letters: readonly StoredLetter[], queue: string) => Promise<void>) =>
  inEmptyFolder(async (cwd) => {
    const queue = join(cwd, 'shop.db')
    await use(cwd, await madeQueue(queue, orders), queue)
  })

const isColoured = (text: string): boolean => text.includes('\u001b[31m')

const terminal = suite('missive in a terminal')

terminal('colours, unless it is told not to', () =>
  inShop(async (cwd) => {
    const [plain, byOption, byVariable, byTerminal] = await Promise.all([
      inTerminal({ cwd }, 'ls', 'shop.db'),
      inTerminal({ cwd }, 'ls', 'shop.db', '--no-color'),
      inTerminal({ cwd, env: { NO_COLOR: '1' } }, 'ls', 'shop.db'),
      inTerminal({ cwd, env: { TERM: 'dumb' } }, 'ls', 'shop.db')
    ])
    assert.equal(
      [plain, byOption, byVariable, byTerminal].map(({ stdout }) => isColoured(stdout)),
      [true, false, false, false]
    )
    assert.match(byOption.stdout, 'o-5')
  })
)

terminal('cuts lines to its width, and lets nothing of a letter act on it', () =>
  inEmptyFolder(async (cwd) => {
    await madeQueue(join(cwd, 'shop.db'), [
      { id: '漢字'.repeat(40), route: 'r'.repeat(200) },
      { id: act, route: act, headers: { [act]: act } }
    ])
    const shown = await Promise.all(
      [['ls'], ['groups']].map((command) => inTerminal({ cwd }, ...command, 'shop.db', '--no-color'))
    )
    for (const { code, stdout } of shown) {
      assert.is(code, 0)
      const lines = stdout.split('\r\n')
      assert.is(lines.pop(), '')
      assert.is(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u.test(lines.join('\n')), false)
      assert.ok(lines.length > 1)
      for (const line of lines) assert.ok(widthOf(line) <= 80, `${widthOf(line)}: ${line}`)
      assert.ok(lines.some((line) => widthOf(line) > 70))
    }
  })
)

/** The only wide characters here are these two. */
const widthOf = (line: string): number => line.length + (line.match(/[漢字]/g)?.length ?? 0)

terminal('shows a payload only if that does nothing but be shown', () =>
  inShop(async (cwd, letters) => {
    const [text, raw] = await Promise.all(
      [0, 4].map((index) => inTerminal({ cwd }, 'show', 'shop.db', letters[index]?.key ?? '', '--payload'))
    )
    assert.equal([text?.code, text?.stdout], [0, Buffer.from(letters[0]?.bytes ?? []).toString()])
    assert.is(raw?.code, 2)
    assert.match(raw?.stdout ?? '', /^missive: the payload would act on the terminal; redirect it[^\n]*\n$/)
  })
)

terminal('asks before it discards, and takes only a yes for one', () =>
  inShop(async (cwd, before, queue) => {
    const ask = (input: string) =>
      inTerminal({ cwd, input }, 'discard', 'shop.db', '--tag', 'Malformed', '--note', 'a test', '--no-color')
    const [no, nothing] = await Promise.all([ask('n\n'), ask('\n')])
    for (const { code, stdout } of [no, nothing]) {
      assert.is(code, 2)
      assert.match(stdout, /2 +Malformed +order/)
      assert.match(stdout, 'Discard 2 letters? [y/N] ')
      assert.match(stdout, 'nothing was discarded')
    }
    assert.equal(await lettersOf(queue), before)
    const yes = await ask('y\n')
    assert.is(yes.code, 0)
    assert.match(yes.stdout, '2 letters discarded')
    assert.equal(
      (await lettersOf(queue)).map(({ state }) => state === 'discarded'),
      [true, true, false, false, false]
    )
    const pruned = await inTerminal({ cwd, input: 'y\n' }, 'prune', 'shop.db', '--older-than', '30min')
    assert.match(pruned.stdout, 'Remove 1 of 3 dead letters? [y/N] ')
    assert.is((await lettersOf(queue)).length, 4)
  })
)

terminal('opens the editor on a file of its own, which is gone after', () =>
  inShop(async (cwd, letters, queue) => {
    const editor = join(cwd, 'edit it.sh')
    // Writes what it was given, and changes it as it is told; like editors, it ends the file with a line break.
    writeFileSync(
      editor,
      `#!/bin/sh
      stat -c %a "$1" >> seen; cat "$1" >> seen; echo >> seen
      sed -i -e "$CHANGE" "$1"; echo >> "$1"; exit $CODE\n`
    )
    chmodSync(editor, 0o755)
    const temporary = join(cwd, 'tmp')
    mkdirSync(temporary)
    const key = letters[0]?.key ?? ''
    const edit = (change: string, input = '', ...options: readonly string[]) =>
      inTerminal(
        {
          cwd,
          input,
          env: { VISUAL: `'${editor}'`, EDITOR: 'false', CHANGE: change, CODE: '0', TMPDIR: temporary }
        },
        'edit',
        'shop.db',
        key,
        ...options
      )
    const same = await edit('')
    assert.equal([same.code, /nothing was edited/.test(same.stdout)], [0, true])
    assert.equal(readFileSync(join(cwd, 'seen'), 'utf8').split('\n').slice(0, 2), [
      '600',
      Buffer.from(letters[0]?.bytes ?? []).toString()
    ])
    const refused = await edit('s/ten/eleven/', 'n\n', '--through', app)
    assert.is(refused.code, 1)
    assert.match(refused.stdout, 'it would be refused by order: malformed: .total expected number')
    assert.match(refused.stdout, 'Edit it again? [y/N] ')
    assert.equal((await lettersOf(queue))[0], letters[0])
    const failed = await inTerminal({ cwd, env: { VISUAL: '', EDITOR: 'false' } }, 'edit', 'shop.db', key)
    assert.equal([failed.code, /the editor ended with 1/.test(failed.stdout)], [2, true])
    const done = await edit('s/"ten"/10/', '', '--through', app)
    assert.equal([done.code, /edited; its original is kept/.test(done.stdout)], [0, true])
    assert.equal(
      (await lettersOf(queue))[0]?.bytes,
      bytes({ type: 'order', total: 10, customer: { id: 17 } })
    )
    assert.equal(
      readdirSync(temporary).filter((name) => name.startsWith('missive-')),
      []
    )
  })
)

terminal('shows how far long work is, with its rate and the time left', () =>
  inEmptyFolder(async (cwd) => {
    const puts = Array.from({ length: 12 }, (_, index) => ({
      id: String(index),
      bytes: bytes({ type: 'order', total: index })
    }))
    await madeQueue(join(cwd, 'shop.db'), puts)
    const bar = /\[=* *\] {2}\d+\/12 {2}\d+\/s {2}\d+:\d\d left/
    const [replayed, silent] = [
      await inTerminal({ cwd }, 'replay', 'shop.db', '--through', app, '--rate', '20'),
      await inTerminal({ cwd }, 'explain', 'shop.db', '--through', app)
    ]
    assert.is(replayed.code, 0)
    assert.match(replayed.stdout, bar)
    assert.match(replayed.stdout, '12/12')
    assert.ok(replayed.stdout.endsWith('\r\u001b[K12 resolved, 0 still dead\r\n'), replayed.stdout)
    assert.match(silent.stdout, 'no letters')
  })
)

terminal.run()
