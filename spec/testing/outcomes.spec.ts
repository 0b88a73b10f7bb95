import * as fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { type Message, fromOrigin, message } from '../../lib/core/message.js'
import { type Outcome, ack, ackWith, nack } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import type { Processor } from '../../lib/core/processor.js'
import { otherwise } from '../../lib/matchers/route.js'
import { outcomes } from '../../lib/testing/outcomes.js'
import { virtualClock } from '../../lib/testing/virtual-clock.js'

const naming: Processor = (message) => async () =>
  ackWith({ note: `${message.id}: ${new TextDecoder().decode(message.bytes)}` })

const all = suite('outcomes')

all('gives the outcome of each, in the order of the messages', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.nat(3)), async (kinds) => {
      const verdicts: readonly Outcome[] = [ack, nack(), nack({ afterMs: 5 }), ackWith({ note: 'a' })]
      const giving: Processor = ({ bytes }) => {
        const kind = Number(new TextDecoder().decode(bytes))
        return async () => verdicts[kind] as Outcome
      }
      assert.equal(
        await outcomes(giving, kinds)(),
        kinds.map((kind) => verdicts[kind])
      )
    })
  )
)

all('takes messages as they are, and anything else as a payload whose id is its place', async () => {
  const payloads = [
    message('a', { id: '17' }),
    'b',
    new Uint8Array([99]),
    { bytes: 'd', trace: 1, signal: 2 },
    fromOrigin(message('e', { id: 'origin' })),
    null
  ]
  assert.equal(
    await outcomes(naming, payloads)(),
    ['17: a', '2: b', '3: c', '4: {"bytes":"d","trace":1,"signal":2}', 'origin: e', '6: null'].map((note) =>
      ackWith({ note })
    )
  )
})

all('runs one after the other, and nothing before its Task is run', async () => {
  const clock = virtualClock()
  const log: string[] = []
  const processor = pipe(
    receive(json),
    handle(
      otherwise(async ({ id, body }: Message) => {
        log.push(`${id} begins at ${clock.monotonic()}`)
        await new Promise<void>((resolve) => void clock.after(Number(body), resolve))
        log.push(`${id} ends at ${clock.monotonic()}`)
        return ack
      })
    )
  )
  const task = outcomes(processor, [10, 5])
  await clock.advance(1)
  assert.equal(log, [])
  assert.equal(await clock.finish(task()), [ack, ack])
  assert.equal(log, ['1 begins at 1', '1 ends at 11', '2 begins at 11', '2 ends at 16'])
})

all('rejects for a payload that has no form', async () => {
  const problem = await outcomes(naming, [undefined])().then(
    () => 'it gave outcomes',
    ({ message }: Error) => message
  )
  assert.is(problem, 'message: a undefined has no JSON form; give text or bytes')
})

all.run()
