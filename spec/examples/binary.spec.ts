import * as fc from 'fast-check'
import { left, right } from 'fp-ts/lib/Either.js'
import { ackWith, deadLettered, malformed, message } from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Reading, encode, readings, thermometer } from '../../examples/binary.js'
import { inEmptyFolder, runFile } from '../support/program.js'

const cellar: Reading = { sensor: 'cellar', celsius: 11.5 }
const roof: Reading = { sensor: 'roof', celsius: -3.25 }

const ascii = fc
  .array(fc.integer({ min: 0, max: 127 }), { maxLength: 255 })
  .map((codes) => String.fromCharCode(...codes))
const reading: fc.Arbitrary<Reading> = fc.record(
  { sensor: ascii, celsius: fc.float({ noNaN: true }) },
  { noNullPrototype: true }
)

const format = suite('readings')

format('reads what was encoded', () => {
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 5 }), (all) =>
      assert.equal(readings(message(encode(all))), right(all))
    ),
    { numRuns: 50 }
  )
})

format('reads bytes that are a part of something larger', () => {
  const bytes = encode([cellar, roof])
  const part = bytes.subarray(encode([cellar]).length)
  assert.equal(readings(message(part)), right([roof]))
})

format('says where a record ends too soon', () => {
  const bytes = encode([cellar, roof])
  const cut = (size: number) => readings(message(bytes.subarray(0, size)))
  const short = (path: string, problem: string) => left(malformed([{ path, message: problem }]))
  assert.equal(cut(bytes.length - 1), short('[1].celsius', 'expected 4 bytes, found 3'))
  assert.equal(cut(bytes.length - 5), short('[1].sensor', 'expected 4 bytes, found 3'))
  assert.equal(cut(1), short('[0].sensor', 'expected 6 bytes, found 0'))
  assert.equal(cut(0), right([]))
})

format('reads or refuses any bytes, and never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) =>
      assert.ok(['Left', 'Right'].includes(readings(message(bytes))._tag))
    ),
    { numRuns: 100 }
  )
})

format.run()

const handling = suite('thermometer')

handling('writes every reading, and stores a message that is cut short with its bytes', async () => {
  const written: string[] = []
  const queue = memoryDlq()
  const processor = thermometer((line) => written.push(line), queue)
  const bytes = encode([cellar, roof])
  assert.equal(await processor(message(bytes))(), ackWith({ note: '2 readings' }))
  assert.equal(written, ['cellar: 11.5 °C', 'roof: -3.25 °C'])

  const failure = malformed([{ path: '[1].celsius', message: 'expected 4 bytes, found 3' }])
  assert.equal(await processor(message(bytes.subarray(0, -1)))(), deadLettered(failure))
  assert.equal(
    queue.letters().map((letter) => [...letter.bytes]),
    [[...bytes.subarray(0, -1)]]
  )
})

handling('runs on messages that are at hand', () =>
  inEmptyFolder(async (cwd) => {
    const { code, stdout, stderr } = await runFile('examples/binary.ts', { cwd })
    assert.is(stdout, 'cellar: 11.5 °C\nroof: -3.25 °C\n')
    assert.is(stderr, '2 received, 1 acked, 1 dead-lettered\ndead letters: memory\n')
    assert.is(code, 0)
  })
)

handling.run()
