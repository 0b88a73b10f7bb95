import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromStorable, toStorable } from '../../lib/ports/storable.js'

const storing = suite('toStorable and fromStorable')

/** Halves of characters, alone and together, and what such text becomes. */
const odd = fc.array(
  fc.constantFrom('\ud83d', '\ude00', '\ufffd', 'a', '"', '\\', 'json:', 'json:"\\ud83d"', '{}')
)

storing('text of any kind is UTF-8, is what it was afterwards, and becomes what no other text does', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    odd.map((parts) => parts.join(''))
  )
  fc.assert(
    fc.property(text, (given) => {
      const stored = toStorable(given)
      assert.is(Buffer.from(stored).toString(), stored)
      assert.is(fromStorable(stored), given)
    })
  )
})

storing('what has a UTF-8 stays as it is', () => {
  for (const given of ['', 'order 17', 'Größe 😀', '\ufffd', 'JSON:1']) assert.is(toStorable(given), given)
})

storing('what others have stored, and looks like it, is what it is', () => {
  for (const stored of ['json:', 'json:order 17', 'json:17', 'json:{}', 'json:"a', 'order"a"'])
    assert.is(fromStorable(stored), stored)
  assert.is(fromStorable(toStorable('json:"a"')), 'json:"a"')
})

storing.run()
