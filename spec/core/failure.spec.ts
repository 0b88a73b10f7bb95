import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { matchFailure, noMatch, rejected } from '../../lib/core/failure.js'

const matching = suite('matchFailure')

matching('takes the case of the tag, or otherwise', () => {
  const code = matchFailure({ Rejected: ({ code }) => code, otherwise: ({ _tag }) => _tag })
  assert.equal([code(rejected('late')), code(noMatch())], ['late', 'NoMatch'])
})

matching.run()
