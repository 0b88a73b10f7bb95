import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { choiceRefusal } from '../../lib/dlq/bounds.js'
import { memoryDlq } from '../../lib/dlq/memory.js'

const choosing = suite('choiceRefusal')

choosing('refuses a value that is not there, alone or among others', () => {
  const unsaid = 'is undefined, which would be any letter; leave it out, or give a value'
  for (const values of [undefined, [undefined], ['refund', undefined]])
    assert.equal(
      [{ route: values }, { headers: { tenant: values } }, { fields: { total: values } }].map((filter) =>
        choiceRefusal(filter as never)
      ),
      ['route', 'tenant', 'total'].map((name) => `the filter ${name} ${unsaid}`)
    )
})

choosing('takes what is none, and lists without values', () => {
  assert.is(choiceRefusal({ route: null, id: [], fields: { total: [null, 1] } }), undefined)
})

choosing('is answered as Left where it cannot read a filter', async () => {
  const queue = memoryDlq()
  const filter = { headers: null } as never
  assert.is((await queue.discard({ filter, by: 'ann', note: 'old' })())._tag, 'Left')
  assert.is((await queue.claim({ filter, owner: 'ann', leaseMs: 1 })())._tag, 'Left')
})

choosing.run()
