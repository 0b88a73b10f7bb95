import { type ChildProcess, spawn } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync
} from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Action, ack, deadLettered, malformed, message, nack, tooManyDeliveries } from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { type SourceBench, lawsLeftOut, sourceLaws } from 'missive-ts/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { printing } from '../../examples/folder/main.js'
import { folder } from '../../examples/folder/source.js'
import { inEmptyFolder, repository, wordsEnv, wordsOf } from '../support/program.js'

const bench: SourceBench = {
  promises: {
    backlog: true,
    live: true,
    reopens: true,
    redelivers: true,
    delays: true,
    keeps: true,
    ordered: true,
    shares: true,
    leases: true,
    countsStarts: true,
    anyBytes: true,
    large: true
  },
  fresh: async () => {
    const path = mkdtempSync(join(tmpdir(), 'missive-folder-'))
    let files = 0
    return {
      open: folder(path, { leaseMs: 600, pollMs: 5 }),
      send: async (messages) => {
        for (const { bytes } of messages) drop(path, String((files += 1)).padStart(6, '0'), bytes)
      },
      left: async () => (await readdir(path)).length,
      close: async () => rmSync(path, { recursive: true })
    }
  }
}

/** As a writer does whose file may be read at any time. */
const drop = (path: string, name: string, bytes: string | Uint8Array): void => {
  writeFileSync(join(path, `.${name}`), bytes)
  renameSync(join(path, `.${name}`), join(path, name))
}

const laws = suite('a folder keeps the laws of sources: it')

for (const { name, run } of sourceLaws(bench)) laws(name, run)

laws('is held to all laws but those of what it has not', () =>
  assert.equal([...new Set(lawsLeftOut(bench).flatMap(({ lacks }) => lacks))].toSorted(), [
    'cuts',
    'ends',
    'groups',
    'headers',
    'restarts',
    'stalls'
  ])
)

laws('keeps a file that waits apart from another one of its name', async () => {
  const path = mkdtempSync(join(tmpdir(), 'missive-folder-'))
  const opened = await folder(path, { pollMs: 5 })({ maxUnsettled: 8, emit: () => undefined }).open()
  if (opened._tag === 'Left') return assert.unreachable(opened.left.message)
  const { pull, settle } = opened.right.value
  const { signal } = new AbortController()
  const texts: string[] = []
  const next = async (action: Action): Promise<void> => {
    const pulled = await pull(1, signal)()
    if (pulled._tag === 'Left' || pulled.right._tag === 'End') return assert.unreachable()
    for (const delivery of pulled.right.items) {
      texts.push(Buffer.from(delivery.message.bytes).toString())
      assert.equal(await settle?.([{ delivery, outcome: ack, action }])(), ['ok'])
    }
  }
  drop(path, 'orders.json', 'first')
  await next({ _tag: 'Retry', afterMs: 100 })
  drop(path, 'orders.json', 'second')
  await next({ _tag: 'Retry', afterMs: 100 })
  await next({ _tag: 'Done' })
  await next({ _tag: 'Done' })
  assert.equal(texts.toSorted(), ['first', 'first', 'second', 'second'])
  rmSync(path, { recursive: true })
})

laws('is written in under 100 lines', () => {
  const source = readFileSync(join(repository, 'examples/folder/source.ts'), 'utf8')
  assert.ok(source.split('\n').length <= 100)
})

laws.run()

const handling = suite('printing')

handling('prints a file, lets an empty one come back, and keeps what it cannot read', async () => {
  const printed: string[] = []
  const queue = memoryDlq()
  const processor = printing((line) => printed.push(line), queue)
  assert.equal(await processor(message('Hello\n', { id: 'a.txt' }))(), ack)
  assert.equal(
    await processor(message('', { id: 'b.txt' }))(),
    nack({ reason: 'still empty', afterMs: 1_000 })
  )
  assert.equal(
    await processor(message('', { id: 'b.txt', deliveryCount: 6 }))(),
    deadLettered(tooManyDeliveries(5))
  )
  const failure = malformed([{ path: '', message: 'not UTF-8' }])
  assert.equal(await processor(message(Uint8Array.from([0xff]), { id: 'c.txt' }))(), deadLettered(failure))
  assert.equal(printed, ['a.txt: Hello'])
})

handling.run()

const program = suite('examples/folder/main.ts')

/** Resolves once it has printed this. */
const printed = (child: ChildProcess, wanted: RegExp): Promise<string> =>
  new Promise((resolve, reject) => {
    let output = ''
    const timeout = setTimeout(() => reject(new Error(`waited for ${wanted}, found ${output}`)), 20_000)
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (!wanted.test(output)) return
      clearTimeout(timeout)
      resolve(output)
    })
  })

program(
  'takes what lies there and what is dropped, also what a dead process has left, until it is stopped',
  () =>
    inEmptyFolder(async (cwd) => {
      const inbox = join(cwd, 'inbox')
      mkdirSync(inbox)
      drop(inbox, 'a.txt', 'Hello\n')
      const left = join(
        inbox,
        'b.txt~1~6d5c7f0e-0000-4000-8000-000000000000~6d5c7f0e-0000-4000-8000-000000000001'
      )
      writeFileSync(left, 'left')
      utimesSync(left, new Date(), new Date(Date.now() - 1))
      const child = spawn(process.execPath, wordsOf('examples/folder/main.ts'), {
        cwd,
        env: { ...process.env, ...wordsEnv },
        timeout: 25_000
      })
      let report = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => (report += text))
      const ended = new Promise((resolve) => child.on('close', resolve))
      await printed(child, /a.txt: Hello\nb.txt: left\n/)
      drop(inbox, 'c.txt', 'Goodbye')
      await printed(child, /c.txt: Goodbye\n/)
      child.kill('SIGTERM')
      assert.is(await ended, 0)
      assert.match(report, /3 received, 3 acked, 0 dead-lettered/)
      assert.equal(readdirSync(inbox), [])
    })
)

program.run()
