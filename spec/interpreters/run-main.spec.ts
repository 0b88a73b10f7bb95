import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { receive, text } from 'missive-ts'
import { runMain, stdin } from 'missive-ts/node'
import { inFolder } from '../support/letters.js'
import { type Child, type ChildOptions, command, killAll, program, shell } from '../support/run-main-child.js'

const app = (name: string, options: ChildOptions = {}): Child => program('run-main-app', [name], options)

const given = (child: Child, input: string, isAll = true): Child => {
  if (isAll) child.process.stdin?.end(input)
  else child.process.stdin?.write(input)
  return child
}

const signal = ({ pid }: Child, name: NodeJS.Signals): void => void process.kill(pid, name)

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '')

const stableIds = (text: string): string => text.replaceAll(/[0-9a-f]{12}:/g, 'run:')

/** What SIGUSR2 tells: the line of the message, whatever time it took so far. */
const listed = ['1 in flight', 'run:1 of stdin, otherwise, delivery 1, so many ms']
const stableTimes = (text: string): string => stableIds(text).replaceAll(/\b\d+ ms$/gm, 'so many ms')

/** Runs what reports progress over a file, in a terminal or without one. */
const progressing = async (start: (file: string) => Child) => {
  let output = { code: null as number | null, stdout: '', stderr: '' }
  await inFolder(async (folder) => {
    const file = join(folder, 'input')
    writeFileSync(file, 'only one\n')
    output = await start(file).ended
  })
  return output
}

const onFile = (file: string): Child => {
  const stdin = openSync(file, 'r')
  try {
    return app('progresses', { stdin })
  } finally {
    closeSync(stdin)
  }
}

/** All are started together: most of their time they only load. */
const children = {
  settled: given(app('prints'), 'a\nbad\nb\n'),
  interrupted: given(app('prints'), 'wait\n', false),
  terminated: given(app('prints'), 'wait\na\nb\n', false),
  idle: given(app('prints'), 'a\n', false),
  twice: given(app('prints'), 'hang\n', false),
  opensNot: given(app('opens not'), 'a\n'),
  closesNot: given(app('closes not'), 'a\n'),
  floods: given(app('floods', { isHeld: true }), 'a\n'),
  hangs: given(app('floods and hangs', { isHeld: true, deadlineMs: 10_000 }), 'a\n', false),
  neverOpens: given(app('never opens'), 'a\n'),
  neverRuns: given(app('never runs'), 'a\n'),
  neverCloses: given(app('never closes'), 'a\n'),
  fullDisk: given(shell(`exec ${command('run-main-app', 'prints')} > /dev/full`), 'a\n'),
  unlogged: program('stdin-print'),
  stdinItself: given(app('stdin itself'), 'a\n'),
  aSource: given(app('a source'), 'a\n'),
  unhandled: given(app('unhandled in a resource'), 'a\n'),
  inTerminal: progressing((file) =>
    shell(`script -qec "${command('run-main-app', 'progresses')} < '${file}'" /dev/null`, { stdin: 'ignore' })
  ),
  inPipe: progressing(onFile)
}

const main = suite('runMain')

main.after(killAll)

main(
  'exits with 0 when everything was settled: handlers write to stdout, and the report to stderr',
  async () => {
    const { code, stdout, stderr } = await children.settled.ended
    assert.equal(
      [code, linesOf(stderr)],
      [0, ['3 received, 2 acked, 1 dead-lettered', 'dead letters: memory']]
    )
    assert.equal(linesOf(stdout), ['opened a', 'opened b', 'a', 'b', 'closed b', 'closed a'])
  }
)

main('lets what is in flight finish at SIGINT, closes everything, and exits with 0', async () => {
  const child = children.interrupted
  await child.until('stdout', 'wait')
  signal(child, 'SIGINT')
  await child.until('stderr', 'stopping: 1 in flight; once more stops at once')
  signal(child, 'SIGUSR2')
  const { code, stdout, stderr } = await child.ended
  assert.equal(linesOf(stdout), ['opened a', 'opened b', 'wait', 'closed b', 'closed a'])
  assert.equal(linesOf(stableTimes(stderr)), [
    'stopping: 1 in flight; once more stops at once',
    ...listed,
    '1 received, 1 acked, 0 dead-lettered',
    'stopped'
  ])
  assert.is(code, 0)
})

main('exits with 1 at SIGTERM when something is left that cannot come back', async () => {
  const child = children.terminated
  await child.until('stdout', 'wait')
  signal(child, 'SIGTERM')
  await child.until('stderr', 'stopping')
  signal(child, 'SIGUSR2')
  const { code, stdout, stderr } = await child.ended
  assert.equal(linesOf(stdout), ['opened a', 'opened b', 'wait', 'closed b', 'closed a'])
  assert.equal(linesOf(stableTimes(stderr)), [
    'stopping: 1 in flight; once more stops at once',
    ...listed,
    '3 received, 1 acked, 0 dead-lettered, 2 released',
    'left undone: 2 received messages',
    'stopped before the end'
  ])
  assert.is(code, 1)
})

main('ends at once at SIGTERM when nothing is in flight', async () => {
  const child = children.idle
  await child.until('stdout', 'opened b\na\n')
  signal(child, 'SIGTERM')
  const { code, stdout, stderr } = await child.ended
  assert.equal(linesOf(stdout), ['opened a', 'opened b', 'a', 'closed b', 'closed a'])
  assert.equal([code, linesOf(stderr)], [0, ['1 received, 1 acked, 0 dead-lettered', 'stopped']])
})

main('stops at once at a second signal, and exits with 1', async () => {
  const child = children.twice
  await child.until('stdout', 'hang')
  signal(child, 'SIGINT')
  await child.until('stderr', 'stopping')
  signal(child, 'SIGTERM')
  const { code, stderr } = await child.ended
  assert.equal(
    [code, linesOf(stderr)],
    [
      1,
      ['stopping: 1 in flight; once more stops at once', 'stopped at once; what was in flight is unsettled']
    ]
  )
})

main('stops at once at a second signal also while nobody reads what was written', async () => {
  const child = children.hangs
  await child.until('stderr', 'wrote')
  signal(child, 'SIGINT')
  await child.until('stderr', 'stopping')
  signal(child, 'SIGINT')
  const code = await child.exited
  child.process.stdout?.resume()
  assert.is(code, 1)
})

main('says what to do when a resource does not open, closes what is open, and exits with 1', async () => {
  const { code, stdout, stderr } = await children.opensNot.ended
  assert.equal(
    [code, linesOf(stdout), linesOf(stderr)],
    [1, ['opened a', 'closed a'], ['orders database: start the server,\\u000aor set DB_URL']]
  )
})

main('reports also when a resource does not close, and exits with 1', async () => {
  const { code, stdout, stderr } = await children.closesNot.ended
  assert.equal([code, linesOf(stdout)], [1, ['opened a', 'a', 'closed a']])
  assert.match(stderr, 'orders database: Error: the disk is full')
  assert.match(stderr, '1 received, 1 acked, 0 dead-lettered')
})

main('says what never ended where nothing is left that could end it, and exits with 1', async () => {
  const stuck = 'has not ended, and nothing is left that could end it: a promise never settles'
  const told = async ({ ended }: Child) => {
    const { code, stderr } = await ended
    return [code, linesOf(stderr)]
  }
  assert.equal(await told(children.neverOpens), [1, [`opening what the processor needs ${stuck}`]])
  assert.equal(await told(children.neverRuns), [1, [`the run ${stuck}`]])
  assert.equal(await told(children.neverCloses), [
    1,
    ['1 received, 1 acked, 0 dead-lettered', `closing ${stuck}`]
  ])
})

main('reports before it closes, and a second signal ends also what never closes', async () => {
  const child = given(program('run-main-app', ['never closes', 'open']), 'a\n')
  await child.until('stderr', '1 received, 1 acked, 0 dead-lettered')
  signal(child, 'SIGTERM')
  signal(child, 'SIGUSR2')
  await child.until('stderr', '0 in flight')
  signal(child, 'SIGTERM')
  assert.is(await child.exited, 1)
})

main('stops when its output cannot be written, says why, and exits with 1', async () => {
  const { code, stderr } = await children.fullDisk.ended
  assert.is(code, 1)
  assert.match(stderr, 'stdout: ENOSPC')
})

main('ends only when everything that was written has been read, with the exit code of the run', async () => {
  const child = children.floods
  await child.until('stderr', '1 received')
  child.process.stdout?.resume()
  const { code, stdout, stderr } = await child.ended
  const writtenBytes = Number(/wrote (\d+) bytes/.exec(stderr)?.[1])
  assert.equal([code, stdout.length, stableIds(stderr).includes('run:1 failed')], [1, writtenBytes, true])
})

main('goes on when nobody reads the log, and exits with 1 after a nack', async () => {
  const child = children.unlogged
  child.process.stderr?.destroy()
  given(child, 'busy\na\n', false)
  await child.until('stdout', 'a')
  given(child, 'busy\nb\n', false)
  await child.until('stdout', 'b')
  const { code, stdout } = await given(child, '').ended
  assert.equal([code, linesOf(stdout)], [1, ['a', 'b']])
})

main('shows in a terminal how far it is, and clears that for the report', async () => {
  const { code, stdout, stderr } = await children.inTerminal
  assert.not.match(stderr, 'not found', 'this needs the command script, of util-linux')
  const shown = stdout.split('\r\u001b[K').map((line) => line.trim().replace(/\d+\/s/, 'n/s'))
  assert.equal(
    [...new Set(shown)],
    ['', '1 messages  n/s  0 dead letters  100 %  0:00 left', '1 received, 1 acked, 0 dead-lettered']
  )
  assert.is(code, 0)
})

main('shows no progress where there is no terminal', async () => {
  const { code, stdout, stderr } = await children.inPipe
  assert.equal([code, stdout, stderr], [0, '', '1 received, 1 acked, 0 dead-lettered\n'])
})

main('says what it wants where it is given something else, and exits with 1', async () => {
  const wanted = 'runMain wants an interpreter, as stdin() gives one'
  const stdinItself = await children.stdinItself.ended
  assert.equal([stdinItself.code, linesOf(stdinItself.stderr)], [1, [wanted]])
  const aSource = await children.aSource.ended
  assert.equal([aSource.code, linesOf(aSource.stderr)[0]], [1, wanted])
  const { code, stdout, stderr } = await children.unhandled.ended
  assert.equal(
    [code, linesOf(stdout), linesOf(stderr)],
    [
      1,
      ['opened a', 'closed a'],
      ['0 received, 0 acked, 0 dead-lettered', 'not started: end the pipeline with handle(...)']
    ]
  )
})

main('exits once all have ended that run in the process', async () => {
  const child = app('runs twice')
  await child.until('stderr', '1 received, 1 acked')
  const { code, stdout, stderr } = await given(child, 'two\nthree\n').ended
  assert.equal([code, linesOf(stdout)], [0, ['one', 'two', 'three']])
  assert.equal(linesOf(stderr).at(-1), '2 received, 2 acked, 0 dead-lettered')
})

main('stops the others, which finish what they have, where one ends with 1', async () => {
  const child = app('runs beside what fails')
  const { code, stderr } = await given(child, '', false).ended
  assert.equal(
    [code, linesOf(stderr)],
    [
      1,
      [
        '1 received, 0 acked, 0 dead-lettered, 1 failed',
        'stopped at test: rejected: late',
        '0 received, 0 acked, 0 dead-lettered',
        'stopped'
      ]
    ]
  )
})

main('refuses what is no app before anything is run', () => {
  for (const app of [undefined, null, receive(text), 'app'])
    assert.throws(
      () => runMain(stdin())(app as never),
      (thrown: unknown) =>
        thrown instanceof TypeError &&
        thrown.message ===
          'runMain wants a processor, or a resource of one: end the pipeline with handle(...)'
    )
  assert.throws(() => runMain(undefined as never)(receive(text) as never), /runMain wants an interpreter/)
})

main.run()
