import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rejected } from '../../lib/core/failure.js'
import { message } from '../../lib/core/message.js'
import { type Outcome, ack, ackWith, failed } from '../../lib/core/outcome.js'
import type { Processor } from '../../lib/core/processor.js'
import { left, right } from '../../lib/core/result.js'
import { processOne, toResource } from '../../lib/ports/app.js'
import { Resource, resourceError } from '../../lib/ports/resource.js'
import { handling } from '../support/replay-stores.js'

const late = failed(rejected('late'))

/** An app that tells what becomes of it. */
const logged = (log: string[], verdict: typeof ack = ack, release = async () => void log.push('closed')) =>
  Resource.make(
    'orders database',
    async () => {
      log.push('opened')
      return right<Processor>(
        handling(({ id }) => {
          log.push(`handled ${id}`)
          return verdict
        })
      )
    },
    release
  )

/** The failure of an outcome without its stack. */
const brief = (outcome: Outcome) => {
  const { where, name, message } = (outcome._tag === 'Failed' ? outcome.failure : {}) as Record<
    string,
    unknown
  >
  return [outcome._tag, where, name, message]
}

const one = suite('processOne')

one('gives a message to a processor', async () => {
  const app = handling(({ id }) => ackWith({ note: id }))
  assert.equal(await processOne(app)(message('', { id: '17' }))(), ackWith({ note: '17' }))
})

one('opens what a processor needs before, and closes it after, whatever became of the message', async () => {
  for (const verdict of [ack, late]) {
    const log: string[] = []
    assert.equal(await processOne(logged(log, verdict))(message('', { id: '17' }))(), verdict)
    assert.equal(log, ['opened', 'handled 17', 'closed'])
  }
})

one('does nothing before it is run, and opens anew for each message', async () => {
  const log: string[] = []
  const task = processOne(logged(log))(message('', { id: '17' }))
  assert.equal(log, [])
  await task()
  await task()
  assert.equal(log, ['opened', 'handled 17', 'closed', 'opened', 'handled 17', 'closed'])
})

one('fails if what a processor needs does not open, and says why', async () => {
  const broken = Resource.make<Processor>(
    'orders database',
    async () => left(resourceError('orders database', 'set DB_URL')),
    async () => undefined
  )
  assert.equal(brief(await processOne(broken)(message(''))()), [
    'Failed',
    'orders database',
    'ResourceError',
    'set DB_URL'
  ])
})

one('fails if what a processor needs does not close, even after an ack', async () => {
  const log: string[] = []
  const broken = logged(log, ack, async () => {
    throw new Error('the disk is full')
  })
  assert.equal(brief(await processOne(broken)(message('', { id: '17' }))()), [
    'Failed',
    'orders database',
    'ResourceError',
    'Error: the disk is full'
  ])
  assert.equal(log, ['opened', 'handled 17'])
})

one('fails, and closes, if a processor rejects that ought not to', async () => {
  const log: string[] = []
  const app = Resource.make<Processor>(
    'app',
    async () => right(() => () => Promise.reject(new RangeError('boom'))),
    async () => void log.push('closed')
  )
  const [tag, , , text] = brief(await processOne(app)(message(''))())
  assert.equal([tag, text, log], ['Failed', 'RangeError: boom', ['closed']])
})

one.run()

const resources = suite('toResource')

resources('is a processor that needs no closing, or the resource as it is', async () => {
  const app = handling(() => ack)
  const opened = await toResource(app).open()
  assert.is(opened._tag === 'Right' && opened.right.value, app)
  assert.equal(opened._tag === 'Right' && (await opened.right.close()), right(undefined))
  const resource = logged([])
  assert.is(toResource(resource), resource)
})

resources.run()
