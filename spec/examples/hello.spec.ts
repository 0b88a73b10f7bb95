import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import { Resource, noMatch } from 'missive-ts'
import { sqliteDlq } from 'missive-ts/sqlite'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Ended, inEmptyFolder, repository, run } from '../support/program.js'

/** Runs a copy of what the program needs, because npm runs scripts in the folder of their package.json. */
const hello = (folder: string, input: string): Promise<Ended> => {
  for (const part of ['package.json', 'tsconfig.json', 'lib', 'examples', 'scripts']) {
    cpSync(join(repository, part), join(folder, part), { recursive: true })
  }
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
  return run('npm', ['run', '-s', 'hello'], { cwd: folder, input })
}

/** Without what npm itself may have to say. */
const withoutNpm = (stderr: string): string => stderr.replace(/^npm warn .*\n/gm, '')

const program = suite('npm run hello')

program('greets, and keeps what it cannot handle in hello.db', () =>
  inEmptyFolder(async (folder) => {
    const { code, stdout, stderr } = await hello(folder, 'Hello\nGoodbye\n')
    const queue = join(folder, 'hello.db')
    assert.is(stdout, 'Hello whoever you are\n')
    assert.is(withoutNpm(stderr), `2 received, 1 acked, 1 dead-lettered\ndead letters: ${queue}\n`)
    assert.is(code, 0)

    const listed = await pipe(
      sqliteDlq(queue),
      Resource.use((dlq) => dlq.page())
    )()
    const letters = listed._tag === 'Right' && listed.right._tag === 'Right' ? listed.right.right.letters : []
    assert.equal(
      letters.map(({ id, bytes, failure, times }) => ({
        line: id.split(':')[1],
        text: new TextDecoder().decode(bytes),
        failure,
        times
      })),
      [{ line: '2', text: 'Goodbye', failure: noMatch([{ route: 'route 1', reason: 'says no' }]), times: 1 }]
    )
  })
)

program('names no queue when nothing was kept', () =>
  inEmptyFolder(async (folder) => {
    const { code, stdout, stderr } = await hello(folder, 'Hello')
    assert.is(stdout, 'Hello whoever you are\n')
    assert.is(withoutNpm(stderr), '1 received, 1 acked, 0 dead-lettered\n')
    assert.is(code, 0)
  })
)

program.run()
