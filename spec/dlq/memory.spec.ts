import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rejected } from '../../lib/core/failure.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { letter } from '../support/letters.js'

const memory = suite('memoryDlq')

memory('keeps what it was given', async () => {
  const queue = memoryDlq()
  await queue.put(letter())()
  assert.equal(queue.letters(), [letter()])
})

memory('keeps one letter for each source, id and bytes, with the last failure', async () => {
  const queue = memoryDlq()
  await queue.put(letter())()
  await queue.put(letter({ failure: rejected('late') }))()
  await queue.put(letter({ source: 'other' }))()
  await queue.put(letter({ id: '2' }))()
  await queue.put(letter({ bytes: Uint8Array.from([1]) }))()
  assert.equal(
    queue.letters().map(({ source, id, bytes, failure }) => [source, id, bytes.length, failure._tag]),
    [
      ['test', '1', 5, 'Rejected'],
      ['other', '1', 5, 'Malformed'],
      ['test', '2', 5, 'Malformed'],
      ['test', '1', 1, 'Malformed']
    ]
  )
})

memory('does not mistake one letter for another whose parts run together', async () => {
  const queue = memoryDlq()
  await queue.put(letter({ source: 'a', id: 'b:c' }))()
  await queue.put(letter({ source: 'a:b', id: 'c' }))()
  assert.is(queue.letters().length, 2)
})

memory('keeps bytes that their owner writes over', async () => {
  const queue = memoryDlq()
  const buffer = Buffer.from('Hello')
  await queue.put(letter({ bytes: buffer.subarray(1, 3) }))()
  buffer.fill(0)
  assert.equal(queue.letters()[0]?.bytes, Uint8Array.from([101, 108]))
})

memory('does not keep credentials', async () => {
  const queue = memoryDlq()
  const headers = {
    Authorization: 'Bearer x',
    cookie: 'y',
    'x-hub-signature-256': 'z',
    'X-Api-Key': 'k',
    tenant: 'a'
  }
  await queue.put(letter({ headers }))()
  assert.equal(queue.letters()[0]?.headers, {
    Authorization: '[not stored]',
    cookie: '[not stored]',
    'x-hub-signature-256': '[not stored]',
    'X-Api-Key': '[not stored]',
    tenant: 'a'
  })
})

memory.run()
