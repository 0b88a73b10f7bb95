import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { telling } from '../../lib/combinators/observers.js'
import type { Event } from '../../lib/ports/interpreter.js'

const event: Event = { _tag: 'Lost', id: '17' }

const told = suite('telling')

told('tells each in turn, whatever the others do', async () => {
  const heard: unknown[] = []
  const thrower = () => {
    throw new Error('not mine')
  }
  const rejecting = (async () => {
    throw new Error('not mine either')
  }) as () => void
  telling(
    (given) => void heard.push(['first', given]),
    thrower,
    rejecting,
    (given) => void heard.push(['last', given])
  )(event)
  assert.equal(heard, [
    ['first', event],
    ['last', event]
  ])
  // A rejection that nobody heard would end this process.
  await new Promise((resolve) => setImmediate(resolve))
})

told('tells nobody where there is nobody', () => {
  assert.is(telling()(event), undefined)
})

told.run()
