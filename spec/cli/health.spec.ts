import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { health } from '../../lib/combinators/health.js'
import { ack } from '../../lib/core/outcome.js'
import { consume, healthFile, memory } from '../../lib/node.js'
import { missive } from '../support/cli-command.js'
import { virtualClock } from '../support/clock.js'
import { inEmptyFolder } from '../support/program.js'

const command = suite('missive health')

command('says by the file of a run whether it is live and ready', () =>
  inEmptyFolder(async (cwd) => {
    const ask = async (...words: readonly string[]) => {
      const { code, stdout, stderr } = await missive({ cwd }, 'health', ...words)
      return [code, stdout + stderr]
    }
    const clock = virtualClock()
    const tell = healthFile(join(cwd, 'run.json'), health(15_000, clock))
    tell({ _tag: 'Ready', inFlight: () => [] })
    assert.equal(await ask('run.json'), [0, 'ready\n'])
    assert.equal(await ask('run.json', '--live'), [0, 'live\n'])
    tell({ _tag: 'Draining', inFlight: 1 })
    assert.equal(await ask('run.json'), [1, 'missive: not ready: it stops\n'])
    assert.equal(await ask('run.json', '--live'), [0, 'live\n'])
    const report = await consume(memory([]), { onEvent: tell, onFailed: 'stop' })(() => async () => ack)(
      AbortSignal.abort()
    )()
    assert.is(report.ended._tag, 'Aborted')
    assert.equal(await ask('run.json', '--live'), [1, 'missive: not live: it has ended (Aborted)\n'])
    assert.equal(readdirSync(cwd), ['run.json'])
  })
)

command('says that a run is not live whose file is old, of the future, gone, or none', () =>
  inEmptyFolder(async (cwd) => {
    const ask = async (file: string, ...words: readonly string[]) => {
      const { code, stderr } = await missive({ cwd }, 'health', file, ...words)
      return [code, stderr]
    }
    const at = Date.now() - 60_000
    writeFileSync(join(cwd, 'old.json'), JSON.stringify({ at, isLive: true, isReady: true }))
    const [code, stderr] = await ask('old.json')
    assert.is(code, 1)
    assert.match(String(stderr), /^missive: not live: nothing was heard for 6\d s\n$/)
    assert.is((await ask('old.json', '--max-age', '600'))[0], 0)
    assert.match(String((await ask('none.json'))[1]), /not live: ENOENT/)
    const later = JSON.stringify({ at: Date.now() + 3_600_000, isLive: true, isReady: true })
    writeFileSync(join(cwd, 'later.json'), later)
    const [laterCode, laterWords] = await ask('later.json', '--live')
    assert.is(laterCode, 1)
    assert.match(
      String(laterWords),
      /^missive: not live: what was heard last is 3[56]\d\d s in the future, so /
    )
    assert.is((await ask('later.json', '--max-age', '4000'))[0], 0)
    for (const other of ['{"a":1}', 'null']) {
      writeFileSync(join(cwd, 'other.json'), other)
      assert.equal(await ask('other.json'), [
        2,
        `missive: ${join(cwd, 'other.json')} is no file of healthFile\n`
      ])
    }
    assert.is((await ask('old.json', '--max-age', 'soon'))[0], 2)
  })
)

command.run()
