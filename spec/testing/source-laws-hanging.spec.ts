import { mock } from 'node:test'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { right } from '../../lib/core/result.js'
import { Resource } from '../../lib/ports/resource.js'
import type { Source } from '../../lib/ports/source.js'
import { type SourceBench, sourceLaws } from '../../lib/testing.js'
import { until } from '../support/deadline.js'
import { type Break, brokerBench } from '../support/source-broker.js'
import { openedBy } from './source-breaks.js'

const laws = suite('sourceLaws')

const silence = (): Promise<never> => new Promise(() => undefined)

/** Sources that do not answer, and what is said of each by one law at least. */
const silent: readonly (readonly [string, RegExp, Break])[] = [
  [
    'a pull that is never answered where there is nothing',
    /pull: no answer 1000 ms after its signal had aborted/,
    (source, queue) => ({
      pull: (max, signal) => async () => {
        const pulled = queue.left() === 0 ? undefined : await source.pull(max, signal)()
        return pulled ?? silence()
      }
    })
  ],
  [
    'a pull that hears of no abort',
    /pull: no answer/,
    (source) => ({ pull: (max) => source.pull(max, new AbortController().signal) })
  ],
  ['a pull that is never answered', /pull: no answer/, () => ({ pull: () => silence })],
  ['a settle that is never answered', /settle: no answer within 400 ms/, () => ({ settle: () => silence })],
  [
    'a settle of nothing that is never answered',
    /settle: no answer within 400 ms/,
    (source) => ({ settle: (batch) => (batch.length === 0 ? silence : source.settle(batch)) })
  ],
  ['a start that is never answered', /start: no answer within 400 ms/, () => ({ start: () => silence })],
  ['a renew that is never answered', /renew: no answer within 400 ms/, () => ({ renew: () => silence })]
]

const timers = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length

/** What all laws say at once. */
const said = (bench: SourceBench): Promise<readonly string[]> =>
  Promise.all(
    sourceLaws(bench, { deadlineMs: 400, recoverMs: 400 }).map(({ run }) =>
      run().then(
        () => 'kept',
        (error: Error) => error.message
      )
    )
  )

for (const [what, found, change] of silent)
  laws(`end all of them over ${what}, say so, and leave no timer`, async () => {
    const words = await said(brokerBench(change))
    assert.ok(
      words.some((each) => found.test(each)),
      words.join('\n')
    )
    await until('no timer to be left', () => timers() === 0)
  })

laws("end all of them where timers are a framework's, which never have their turn", async () => {
  mock.timers.enable()
  try {
    const words = await said(brokerBench())
    assert.ok(
      words.some((each) => / within 400 ms/.test(each)),
      words.join('\n')
    )
  } finally {
    mock.timers.reset()
  }
  await until('no timer to be left', () => timers() === 0)
})

laws('end all of them over a source that is never open or closed, and say so', async () => {
  const opening = await said(openedBy(() => () => ({ open: silence })))
  assert.ok(opening.includes('open: no answer within 400 ms'), opening.join('\n'))
  const closing = await said(
    openedBy(
      (open) => (limits) =>
        Resource.flatMap((source: Source) => Resource.make('silent', async () => right(source), silence))(
          open(limits)
        )
    )
  )
  assert.ok(closing.includes('close: no answer within 400 ms'), closing.join('\n'))
  await until('no timer to be left', () => timers() === 0)
})

laws.run()
