import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sayAll } from '../../lib/cli/io.js'
import { payloadLines } from '../../lib/cli/payload.js'
import { runProgram } from '../../lib/cli/program.js'
import { progressOf } from '../../lib/cli/progress.js'
import { resultLines, resultOf } from '../../lib/cli/replay-result.js'
import { styleOf } from '../../lib/cli/style.js'
import { columnsOf, tableOf } from '../../lib/cli/table.js'
import { right } from '../../lib/core/result.js'
import { keyOf } from '../../lib/dlq/identity.js'
import { at, bytes, called, lineOf, madeQueue, using } from '../support/cli-command.js'
import { ioOf } from '../support/cli-io.js'
import { inEmptyFolder } from '../support/program.js'
import { drained } from '../support/report.js'
import { killAll, shell as shellChild } from '../support/run-main-child.js'

const many = 200_000
const megabyte = 1_048_576

const large = suite('what is large')

large.after(killAll)

large('goes out, however many lines it has', async () => {
  let text = ''
  const output = {
    write: async (data: string | Uint8Array) => void (text += String(data)),
    isTerminal: false,
    columns: 80
  }
  await sayAll(output, [])
  assert.is(text, '')
  const lines = Array.from({ length: many }, (_, index) => String(index))
  await sayAll(output, lines)
  assert.ok(text === `${lines.join('\n')}\n`)
  const column = { title: 'N', of: (line: string) => line }
  const table = tableOf([column], lines, output, styleOf(output, { env: {} }))
  assert.equal([table.length, table[0], table.at(-1)], [many + 1, 'N', String(many - 1)])
})

large('makes no other line of a table as long', () => {
  const output = { write: async () => undefined, isTerminal: false, columns: 80 }
  const columns = [
    { title: 'ID', of: (id: string) => id },
    { title: 'WHY', of: () => 'why' }
  ]
  const [titles = '', first, second = ''] = tableOf(
    columns,
    ['i'.repeat(megabyte), 'j'],
    output,
    styleOf(output, { env: {} })
  )
  assert.is(first, `${'i'.repeat(megabyte)}  why`)
  assert.match(titles, /^ID +WHY$/)
  assert.match(second, /^j +why$/)
  assert.is(titles.length, second.length)
  assert.ok(second.length < 200, String(second.length))
})

large('is counted as people read numbers', () => {
  const report = { ...drained, received: 12_345, acked: 10_000, deadLettered: 2_345 }
  assert.equal(resultLines(resultOf(report, 0, 0), report), ['10,000 resolved, 2,345 still dead'])
})

large('is shown, also where it is one long text', () => {
  for (const text of ['a'.repeat(40 * megabyte), '"\\'.repeat(4 * megabyte)]) {
    const json = JSON.stringify({ text })
    assert.ok(payloadLines(bytes(json), false).join('') === `{  "text": ${json.slice(8, -1)}}`)
  }
})

/** Two letters whose keys begin with the same four digits. */
const alike = (): readonly [id: string, another: string, beginning: string] => {
  const ids = new Map<string, string>()
  for (let index = 0; ; index += 1) {
    const id = String(index)
    const beginning = keyOf({ source: 'test', id, bytes: bytes('{}') }).slice(0, 4)
    const before = ids.get(beginning)
    if (before !== undefined) return [before, id, beginning]
    ids.set(beginning, id)
  }
}

large('is not taken for another letter whose key begins alike', () =>
  inEmptyFolder(async (cwd) => {
    const [id, another, beginning] = alike()
    const queue = join(cwd, 'shop.db')
    const letters = await madeQueue(
      queue,
      [id, another].map((each) => ({ id: each, source: 'test', bytes: bytes('{}') }))
    )
    await using(queue, async (store) => {
      for (const letter of letters) {
        const edited = await store.edit({
          ...letter,
          from: letter.bytes,
          to: new Uint8Array(9 * megabyte),
          by: 'ann'
        })()
        assert.is(edited._tag, 'Right')
      }
    })
    const ended = await called(cwd, 'discard', 'shop.db', beginning, '--note', 'a test', '--yes')
    assert.is(ended.code, 1)
    assert.match(ended.stderr, `${beginning} is the beginning of several keys; give more digits:`)
    for (const { key } of letters) assert.match(ended.stderr, key.slice(0, 10))
    assert.equal(await using(queue, (store) => store.count({ state: 'dead' })()), right(2))
  })
)

large('is exported in few writes, which are no larger than they need be', () =>
  inEmptyFolder(async (cwd) => {
    const payload = bytes('a'.repeat(megabyte))
    const letters = Array.from({ length: 300 }, (_, index) => ({ id: String(index), bytes: bytes('{}') }))
    await madeQueue(join(cwd, 'shop.db'), [
      ...letters,
      { id: 'x', bytes: payload },
      { id: 'y', bytes: payload }
    ])
    const sizes: number[] = []
    const write = async (data: string | Uint8Array) => void sizes.push(data.length)
    const stdout = { write, isTerminal: false, columns: 80 }
    const { io } = ioOf(cwd)
    assert.is(await runProgram(['dlq', 'export', 'shop.db'], { ...io, stdout }, () => 0), 0)
    assert.ok(sizes.length <= 4, `${sizes.length} writes`)
    assert.ok(Math.max(...sizes) < 2 * megabyte, String(sizes))
  })
)

large('is among the last letters, as many as were asked for', () =>
  inEmptyFolder(async (cwd) => {
    const queue = join(cwd, 'shop.db')
    const letters = await madeQueue(
      queue,
      ['first', 'second', 'third'].map((id) => ({ id, bytes: new Uint8Array(9 * megabyte) }))
    )
    assert.is(at(letters, 0).id, 'first')
    const child = shellChild(`exec ${lineOf('tail', queue, '-n', '3')}`)
    await child.until('stdout', '  third  ')
    child.process.kill('SIGINT')
    assert.equal(
      (await child.ended).stdout.split('\n').map((line) => line.split('  ')[2]),
      ['first', 'second', 'third', undefined]
    )
  })
)

const narrow = suite('a terminal')

narrow.after(killAll)

narrow('has how far work is on one line, and nothing of it where it is dumb', () => {
  const { io, said } = ioOf('/', {}, 40)
  const progress = progressOf(io, 1_000_000)
  progress.at(0)
  progress.at(1_000_000)
  assert.is(said.length, 2)
  for (const text of said) {
    assert.ok(text.startsWith('\r\u001b[K['), JSON.stringify(text))
    assert.ok(columnsOf(text.slice(4)) < 40, text)
  }
  const dumb = ioOf('/', { TERM: 'dumb' }, 40)
  progressOf(dumb.io, 10).at(10)
  assert.equal(dumb.said, [])
})

narrow('has each letter that comes on one line, also of wide characters', () =>
  inEmptyFolder(async (cwd) => {
    const queue = join(cwd, 'shop.db')
    await madeQueue(queue, [{ id: '注文'.repeat(8), route: '路線'.repeat(8) }])
    const child = shellChild(
      `exec script -qec "stty cols 80; ${lineOf('tail', queue, '--no-color')}" /dev/null`
    )
    const shown = await child.until('stdout', '\r\n')
    const [line = ''] = shown.split('\r\n')
    assert.match(line, '注文')
    assert.ok(columnsOf(line) <= 80, line)
  })
)

large.run()
narrow.run()
