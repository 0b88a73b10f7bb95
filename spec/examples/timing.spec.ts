import { pipe } from 'fp-ts/lib/function.js'
import {
  ack,
  failed,
  handle,
  message,
  multipleMatches,
  named,
  otherwise,
  receive,
  rejected,
  route,
  text
} from 'missive-ts'
import { systemClock } from 'missive-ts/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { shouter, timing } from '../../examples/timing.js'
import { inEmptyFolder, runFile } from '../support/program.js'

/** A clock that only goes on when it is told to. */
const stopped = () => {
  let elapsedMs = 0
  return { clock: { ...systemClock, monotonic: () => elapsedMs }, goOn: (ms: number) => (elapsedMs += ms) }
}

const hooking = suite('timing')

hooking('logs the time that a message takes, whatever becomes of it', async () => {
  const { clock, goOn } = stopped()
  const log: string[] = []
  const processor = pipe(
    receive(text),
    timing(clock, (line) => log.push(line)),
    handle(
      otherwise(async ({ body }) => {
        goOn(body.length)
        if (body === 'throw') throw new Error('boom')
        return body === 'refuse' ? failed(rejected('no')) : ack
      })
    )
  )
  for (const body of ['Hello', 'refuse', 'throw']) await processor(message(body))()
  assert.equal(log, ['Acked took 5 ms', 'Failed took 6 ms', 'Failed took 5 ms'])
})

hooking('logs nothing for a message that no handler gets', async () => {
  const log: string[] = []
  const all = () => named('all', () => true)
  const processor = pipe(
    receive(text),
    timing(stopped().clock, (line) => log.push(line)),
    handle(
      route(all(), async () => ack),
      route(all(), async () => ack)
    )
  )
  assert.equal(
    await processor(message('Hello'))(),
    failed(multipleMatches(['all (route 1)', 'all (route 2)']))
  )
  assert.equal(log, [])
})

hooking.run()

const shouting = suite('shouter')

shouting('writes each line in capitals, and logs its time', async () => {
  const [written, log]: [string[], string[]] = [[], []]
  const processor = shouter(
    stopped().clock,
    (line) => written.push(line),
    (line) => log.push(line)
  )
  assert.equal(await processor(message('Hello'))(), ack)
  assert.equal([written, log], [['HELLO'], ['Acked took 0 ms']])
})

shouting('runs on the lines of standard input', () =>
  inEmptyFolder(async (cwd) => {
    const { code, stdout, stderr } = await runFile('examples/timing.ts', { cwd, input: 'Hello\nGoodbye\n' })
    assert.is(stdout, 'HELLO\nGOODBYE\n')
    assert.match(stderr, /^(Acked took \d+ ms\n){2}2 received, 2 acked, 0 dead-lettered\n$/)
    assert.is(code, 0)
  })
)

shouting.run()
