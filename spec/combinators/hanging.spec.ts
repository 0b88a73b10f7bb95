import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hanging } from '../../lib/combinators/hanging.js'
import { message } from '../../lib/core/message.js'
import { turn } from '../support/clock.js'

/** The trace of a handler that was given up, and what lets that end. */
const givenUp = () => {
  let end: (failure?: Error) => void = () => undefined
  const abandoned = new Promise<void>((resolve, reject) => {
    end = (failure) => (failure === undefined ? resolve() : reject(failure))
  })
  return { trace: Object.assign(message('').trace, { abandoned }), end }
}

const counting = suite('hanging')

counting('counts handlers that were given up until they settle, in whatever way', async () => {
  const { count, add } = hanging(10, () => assert.unreachable('these are not too many'))
  const [first, second] = [givenUp(), givenUp()]
  add(first.trace)
  add(second.trace)
  assert.is(count(), 2)
  first.end()
  await turn()
  assert.is(count(), 1)
  second.end(new Error('late'))
  await turn()
  assert.is(count(), 0)
})

counting('counts nothing of a delivery that was not given up, and of each handler once', () => {
  const { count, add } = hanging(10, () => assert.unreachable('these are not too many'))
  add(message('').trace)
  assert.is(count(), 0)
  const { trace } = givenUp()
  add(trace)
  add(trace)
  assert.is(count(), 1)
  trace.abandoned = givenUp().trace.abandoned
  add(trace)
  assert.is(count(), 2)
})

counting('tells once there are as many as may be, and of each beyond them', async () => {
  const told: number[] = []
  const { add } = hanging(2, (count) => void told.push(count))
  const first = givenUp()
  add(first.trace)
  assert.equal(told, [])
  add(givenUp().trace)
  add(givenUp().trace)
  assert.equal(told, [2, 3])
  first.end()
  await turn()
  add(message('').trace)
  assert.equal(told, [2, 3])
})

counting.run()
