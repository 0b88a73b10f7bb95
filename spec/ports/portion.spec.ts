import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { portion } from '../../lib/ports/portion.js'

const of = (...weights: readonly number[]) => weights.map((weight) => ({ weight }))

const portions = suite('portion')

portions('takes the first, no more and no heavier together than was said', () => {
  assert.equal(portion(of(1, 2, 3), 2, 10), of(1, 2))
  assert.equal(portion(of(1, 2, 3), 5, 3), of(1, 2))
  assert.equal(portion(of(1, 2, 3), 3, 6), of(1, 2, 3))
  assert.equal(portion([], 3, 6), [])
})

portions('takes one, however heavy, and nothing with it', () => {
  assert.equal(portion(of(9, 0), 5, 3), of(9))
  assert.equal(portion(of(9), 5, 0), of(9))
})

portions.run()
