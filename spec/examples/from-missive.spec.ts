import { ack, deadLettered, message, noMatch } from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { systemClock } from 'missive-ts/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { signIns, test } from '../../examples/from-missive.js'
import { inEmptyFolder, runFile } from '../support/program.js'

const clock = { ...systemClock, monotonic: () => 7 }

const handling = suite('signIns')

handling('records sign-ins with their time, and stores what else comes', async () => {
  const log: string[] = []
  const queue = memoryDlq()
  const processor = signIns({ clock, log: (line) => log.push(line) }, queue)
  assert.equal(await processor(message({ label: 'sign-in' }, { id: '17' }))(), ack)
  assert.equal(log, ['signed in: 17', 'took 0 ms'])
  const failure = noMatch([{ route: 'label sign-in', reason: 'says no' }])
  assert.equal(await processor(message({ label: 'sign-out' }))(), deadLettered(failure))
  assert.equal(
    queue.letters().map((letter) => letter.failure),
    [failure]
  )
})

handling.run()

const testing = suite('test')

testing('passes', () => test({ clock, log: () => undefined }))

testing.run()

const program = suite('examples/from-missive.ts')

program('runs on the lines of standard input', () =>
  inEmptyFolder(async (cwd) => {
    const input = '{"label":"sign-in"}\n{"label":"sign-out"}\n'
    const { code, stdout, stderr } = await runFile('examples/from-missive.ts', { cwd, input })
    assert.is(stdout, '')
    assert.match(stderr, /^signed in: [0-9a-f]+:1\ntook [\d.]+ ms\n2 received, 1 acked, 1 dead-lettered\n/)
    assert.ok(stderr.endsWith(`dead letters: ${cwd}/dlq.db\n`), stderr)
    assert.is(code, 0)
  })
)

program.run()
