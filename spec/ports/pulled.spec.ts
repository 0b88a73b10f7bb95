import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { left, right } from '../../lib/core/result.js'
import { isPulled } from '../../lib/ports/pulled.js'

const answers = suite('isPulled')

answers('knows an error, a batch with its items, and an end from everything else', () => {
  const given = [
    left({ _tag: 'Transient', cause: 1 }),
    left({ _tag: 'Fatal', cause: undefined }),
    right({ _tag: 'Batch', items: [] }),
    right({ _tag: 'End' })
  ]
  const nonsense = [
    undefined,
    null,
    {},
    [],
    left({ _tag: 'Gone' }),
    left(null),
    left(undefined),
    right({ _tag: 'Batch' }),
    right({ _tag: 'Batch', items: 'none' }),
    right({ items: [] }),
    right(null),
    right(undefined)
  ]
  assert.equal(
    given.map(isPulled),
    given.map(() => true)
  )
  assert.equal(
    nonsense.map(isPulled),
    nonsense.map(() => false)
  )
})

answers.run()
