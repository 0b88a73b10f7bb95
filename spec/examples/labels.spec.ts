import { ack, failed, message, noMatch } from 'missive-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hasLabel, signIns } from '../../examples/labels.js'
import { inEmptyFolder, runFile } from '../support/program.js'

const matching = suite('hasLabel')

matching('names the route by its label', () => assert.is(hasLabel('sign-in').label, 'label sign-in'))

matching('takes messages of this label alone, whatever the JSON is', async () => {
  const lines: string[] = []
  const processor = signIns((line) => lines.push(line))
  assert.equal(await processor(message({ label: 'sign-in' }, { id: '1' }))(), ack)
  assert.equal(await processor(message({ label: 'sign-out' }, { id: '2' }))(), ack)
  assert.equal(lines, ['signed in: 1', 'signed out: 2'])

  const missed = failed(
    noMatch([
      { route: 'label sign-in', reason: 'says no' },
      { route: 'label sign-out', reason: 'says no' }
    ])
  )
  for (const other of [
    { label: 'sign' },
    { label: ['sign-in'] },
    {},
    [],
    ['sign-in'],
    'null',
    '"label"',
    '3'
  ])
    assert.equal(await processor(message(other))(), missed)
  assert.is(lines.length, 2)
})

matching.run()

const program = suite('examples/labels.ts')

program('runs on the lines of standard input', () =>
  inEmptyFolder(async (cwd) => {
    const input = '{"label":"sign-in"}\n{"label":"sign-out"}\n'
    const { code, stdout, stderr } = await runFile('examples/labels.ts', { cwd, input })
    assert.match(stdout, /^signed in: [0-9a-f]+:1\nsigned out: [0-9a-f]+:2\n$/)
    assert.is(stderr, '2 received, 2 acked, 0 dead-lettered\n')
    assert.is(code, 0)
  })
)

program.run()
