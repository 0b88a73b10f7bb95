import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pipe } from 'fp-ts/lib/function.js'
import { rejected } from '../../lib/core/failure.js'
import { text } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { message } from '../../lib/core/message.js'
import { ack, failed } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { replay } from '../../lib/interpreters/replay.js'
import { otherwise } from '../../lib/matchers/route.js'
import { withDlq } from '../../lib/timed.js'
import { virtualClock } from '../support/clock.js'
import { letter } from '../support/letters.js'

const memory = suite('memoryDlq')

memory('keeps what it was given, oldest first', async () => {
  const clock = virtualClock()
  const queue = memoryDlq({ clock })
  await queue.put(letter())()
  await queue.put(letter({ id: '2', route: undefined }))()
  const stored = { state: 'dead', times: 1, attemptCount: 1, events: [], original: undefined }
  const seen = { firstSeenAt: clock.now(), lastSeenAt: clock.now() }
  assert.equal(
    queue.letters().map((each) => ({ ...each, key: '', fingerprint: '' })),
    [letter(), letter({ id: '2', route: undefined })].map((put) => ({
      ...put,
      ...stored,
      ...seen,
      key: '',
      fingerprint: ''
    }))
  )
})

memory('shows at once what was stored, settled and discarded', async () => {
  const queue = memoryDlq()
  for (const id of ['1', '2', '3']) await queue.put(letter({ id }))()
  await queue.resolve(letter({ id: '1' }))()
  await queue.discard({ filter: { id: '3' }, by: 'ann', note: 'no use' })()
  assert.equal(
    queue.letters().map(({ id, state }) => [id, state]),
    [
      ['1', 'resolved'],
      ['2', 'dead'],
      ['3', 'discarded']
    ]
  )
})

memory('does not share what it holds with another, nor with who reads it', async () => {
  const [queue, other] = [memoryDlq(), memoryDlq()]
  await queue.put(letter())()
  queue.letters()[0]?.bytes.fill(0)
  assert.equal([queue.letters()[0]?.bytes, other.letters()], [letter().bytes, []])
})

memory('gives its letters to a replay before the time of a virtual clock runs on', async () => {
  const clock = virtualClock()
  const queue = memoryDlq({ clock })
  await queue.put(letter({ bytes: Buffer.from('Hello') }))()
  const run = replay(queue, {}, { clock })(pipe(receive(text), handle(otherwise(async () => ack))))
  const report = await clock.finish(run(new AbortController().signal)())
  assert.equal([report.acked, report.released, report.durationMs], [1, 0, 0])
  assert.is(queue.letters()[0]?.state, 'resolved')
})

memory('reads the time from this machine unless it is given a clock', async () => {
  const queue = memoryDlq()
  await queue.put(letter())()
  const { firstSeenAt = 0 } = queue.letters()[0] ?? {}
  assert.ok(Math.abs(Date.now() - firstSeenAt) < 60_000)
})

memory('stores what a processor gives up, with the attempt that failed', async () => {
  const clock = virtualClock()
  const queue = memoryDlq({ clock })
  const late = rejected('late')
  const processor = pipe(
    receive(text),
    handle(otherwise(async () => failed(late))),
    withDlq(queue, { clock })
  )
  await processor(message('Hello', { id: '17', source: 'here' }))()
  assert.equal(
    queue
      .letters()
      .map(({ id, source, route, failure, attempts }) => ({ id, source, route, failure, attempts })),
    [
      {
        id: '17',
        source: 'here',
        route: 'otherwise',
        failure: late,
        attempts: [{ startedAt: clock.now(), durationMs: 0, failure: late }]
      }
    ]
  )
})

memory('looks at each letter a few times in a replay that claims them one by one', async () => {
  const queue = memoryDlq()
  const count = 200
  let looks = 0
  const tag = Object.assign(['Rejected' as const], {
    includes: (value: unknown) => {
      looks += 1
      return value === 'Rejected'
    }
  })
  for (let id = 0; id < count; id += 1)
    await queue.put(letter({ id: String(id), bytes: Buffer.from('Hello'), failure: rejected('late') }))()
  const processor = pipe(receive(text), handle(otherwise(async () => ack)))
  const report = await replay(queue, { tag }, { stopAfter: count })(processor)(new AbortController().signal)()
  assert.is(report.acked, count)
  assert.ok(looks < 10 * count, `${looks} looks at ${count} letters`)
})

memory.run()
