import { Buffer } from 'node:buffer'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { malformed } from '../../lib/core/failure.js'
import {
  type Chunk,
  type LineOptions,
  type LineReader,
  type MakeLine,
  lineReader,
  textOfPart
} from '../../lib/interpreters/lines.js'

fc.configureGlobal({ includeErrorInReport: true })

interface Line {
  readonly number: number
  readonly bytes: string
  readonly text: string | undefined
  readonly fault: string | undefined
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const decoded = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const makeLine: MakeLine<Line> = (chunk, start, end, number, fault) => ({
  number,
  bytes: hex(chunk.bytes.subarray(start, end)),
  text: textOfPart(chunk, start, end),
  fault: fault?.issues.map(({ path, message }) => `${path}${message}`).join()
})

/** What a reader must deliver, by splitting the whole. */
const naive = (
  input: Buffer,
  { maxLineBytes = 1_048_576, skipEmpty = false }: LineOptions = {}
): readonly Line[] => {
  const pieces: Buffer[] = []
  let start = 0
  for (let end = input.indexOf(10); end !== -1; end = input.indexOf(10, start)) {
    pieces.push(input.subarray(start, end))
    start = end + 1
  }
  if (start < input.length) pieces.push(input.subarray(start))
  return pieces
    .map((piece) => (piece.at(-1) === 13 ? piece.subarray(0, -1) : piece))
    .map((line, index) => {
      const isTooLong = line.length > maxLineBytes
      const bytes = isTooLong ? line.subarray(0, Math.min(maxLineBytes, 65_536)) : line
      return {
        number: index + 1,
        bytes: hex(bytes),
        text: decoded(bytes),
        fault: isTooLong
          ? `a line of ${line.length} bytes, over the limit of ${maxLineBytes}; only its beginning is kept`
          : undefined
      }
    })
    .filter(({ bytes }) => !skipEmpty || bytes !== '')
}

/** As callers are to use it: what is fed is taken before more is fed. */
const drain = <L>(reader: LineReader<L>, max: number): readonly L[] => {
  const lines: L[] = []
  for (;;) {
    const taken = reader.take(max)
    assert.ok(taken.length <= max, `${taken.length} lines, where ${max} were asked for`)
    lines.push(...taken)
    if (taken.length < max) return lines
  }
}

const read = (pieces: readonly Buffer[], options: LineOptions = {}, max = 1_000) => {
  const reader = lineReader(makeLine, options)
  const lines: Line[] = []
  for (const piece of pieces) {
    reader.feed(piece)
    lines.push(...drain(reader, max))
  }
  reader.end()
  lines.push(...drain(reader, max))
  return { lines, takenBytes: reader.takenBytes() }
}

const cutAt = (input: Buffer, cuts: readonly number[]): readonly Buffer[] => {
  const ends = [...cuts.map((cut) => cut % (input.length + 1)), input.length].toSorted((a, b) => a - b)
  return ends.map((end, index) => input.subarray(index === 0 ? 0 : ends[index - 1], end))
}

const tokens = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r\n', '\n\r') },
  { weight: 4, arbitrary: fc.string({ maxLength: 10 }) },
  { weight: 2, arbitrary: fc.constantFrom('\0', 'é', '€', '😀', '\ufeff', '\ufffd', '\u2028', '\u0085') }
)

/** Text as it comes, and bytes that are none: a byte alone, sequences cut short, overlong ones, surrogates. */
const content = fc.oneof(
  { weight: 5, arbitrary: tokens.map((text) => Buffer.from(text)) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('ff', '80', 'c3', 'e282', 'f09f98', 'c0af', 'eda080', 'efbb')
      .map((bytes) => Buffer.from(bytes, 'hex'))
  }
)

const inputs = fc.array(content, { maxLength: 40 }).map((parts) => Buffer.concat(parts))
const cuts = fc.array(fc.nat(), { maxLength: 12 })

const reader = suite('lineReader')

reader('delivers the same wherever the input is cut', () => {
  fc.assert(
    fc.property(
      inputs,
      cuts,
      fc.integer({ min: 1, max: 12 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 4 }),
      (input, cuts, maxLineBytes, skipEmpty, max) => {
        const options = { maxLineBytes, skipEmpty }
        assert.equal(read(cutAt(input, cuts), options, max), {
          lines: naive(input, options),
          takenBytes: input.length
        })
      }
    ),
    { numRuns: 400 }
  )
})

reader('delivers the same when every byte comes alone', () => {
  fc.assert(
    fc.property(inputs, fc.integer({ min: 1, max: 12 }), (input, maxLineBytes) => {
      const pieces = Array.from(input, (byte) => Buffer.of(byte))
      assert.equal(read(pieces, { maxLineBytes }), {
        lines: naive(input, { maxLineBytes }),
        takenBytes: input.length
      })
    }),
    { numRuns: 100 }
  )
})

reader('delivers the same around the pieces in which it looks at what it is fed', () => {
  fc.assert(
    fc.property(
      inputs,
      fc.integer({ min: -30, max: 5 }),
      cuts,
      fc.boolean(),
      (input, shift, cuts, isAscii) => {
        const filler = Buffer.alloc(65_536 + shift, isAscii ? 'a' : 'é')
        const whole = Buffer.concat([filler, input, filler, input])
        const options = { maxLineBytes: 65_540 }
        assert.equal(read(cutAt(whole, cuts), options), {
          lines: naive(whole, options),
          takenBytes: whole.length
        })
      }
    ),
    { numRuns: 25 }
  )
})

const linesOf = (input: string, options: LineOptions = {}) =>
  read([Buffer.from(input)], options).lines.map(({ number, text }) => [number, text])

reader('removes one carriage return, and only at the end of a line', () => {
  assert.equal(linesOf('a\r\nb\r\r\n\rc\n\r'), [
    [1, 'a'],
    [2, 'b\r'],
    [3, '\rc'],
    [4, '']
  ])
})

reader('removes a carriage return that came before its line feed', () => {
  const { lines } = read([Buffer.from('a\r'), Buffer.from('\nb')])
  assert.equal(
    lines.map(({ text }) => text),
    ['a', 'b']
  )
})

reader('delivers a last line without a line feed, and nothing after a last line feed', () => {
  assert.equal(linesOf('a\nb'), [
    [1, 'a'],
    [2, 'b']
  ])
  assert.equal(linesOf('a\nb\n'), [
    [1, 'a'],
    [2, 'b']
  ])
  assert.equal(linesOf(''), [])
})

reader('delivers empty lines, or counts them and leaves them out', () => {
  assert.equal(linesOf('\na\n\r\n\nb\n'), [
    [1, ''],
    [2, 'a'],
    [3, ''],
    [4, ''],
    [5, 'b']
  ])
  assert.equal(linesOf('\na\n\r\n\nb\n', { skipEmpty: true }), [
    [2, 'a'],
    [5, 'b']
  ])
})

reader('takes a line of just maxLineBytes, the carriage return not counted', () => {
  assert.equal(read([Buffer.from('abcd\r\nabcde\n')], { maxLineBytes: 4 }).lines, [
    { number: 1, bytes: hex(Buffer.from('abcd')), text: 'abcd', fault: undefined },
    {
      number: 2,
      bytes: hex(Buffer.from('abcd')),
      text: 'abcd',
      fault: 'a line of 5 bytes, over the limit of 4; only its beginning is kept'
    }
  ])
})

reader('says what is wrong with a line that is too long as a Malformed of the whole payload', () => {
  const reader = lineReader((_chunk, _start, _end, _number, fault) => fault, { maxLineBytes: 2 })
  reader.feed(Buffer.from('abc\n'))
  const message = 'a line of 3 bytes, over the limit of 2; only its beginning is kept'
  assert.equal(reader.take(1), [malformed([{ path: '', message }])])
})

reader('says how many bytes stand in the lines that were taken', () => {
  const reader = lineReader(makeLine, { skipEmpty: true })
  const after = (act: () => void): number => {
    act()
    return reader.takenBytes()
  }
  assert.equal(
    [
      after(() => reader.feed(Buffer.from('ab\r\nc'))),
      after(() => reader.take(1)),
      after(() => reader.take(1)),
      after(() => reader.feed(Buffer.from('d\n\nef'))),
      after(() => reader.take(1)),
      after(() => reader.take(1)),
      after(() => reader.end()),
      after(() => reader.take(1))
    ],
    [0, 4, 4, 4, 7, 8, 8, 10]
  )
})

reader('takes nothing when nothing is asked for', () => {
  const reader = lineReader(makeLine)
  reader.feed(Buffer.from('a\nb'))
  reader.end()
  assert.equal([reader.take(0), reader.take(5).length, reader.take(5)], [[], 2, []])
})

reader('refuses a maxLineBytes that makes no sense', () => {
  for (const maxLineBytes of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(
      () => lineReader(makeLine, { maxLineBytes }),
      'maxLineBytes is a whole number of at least 1'
    )
  }
})

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

const memoryBytes = (): number => {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

for (const [what, fill] of [
  ['ASCII', 'a'],
  ['other text', 'é']
] as const) {
  reader(`keeps memory bounded over a line of 200 MiB of ${what}`, () => {
    const size = 200 * 1_048_576
    const piece = Buffer.alloc(1_048_576, fill)
    const reader = lineReader(makeLine, { maxLineBytes: 1_048_576 })
    const before = memoryBytes()
    let grownBytes = 0
    for (let fed = 0; fed < size; fed += piece.length) {
      reader.feed(piece)
      assert.equal(reader.take(1), [])
      if (fed % (50 * piece.length) === 0) grownBytes = Math.max(grownBytes, memoryBytes() - before)
    }
    grownBytes = Math.max(grownBytes, memoryBytes() - before)
    assert.ok(grownBytes < 4 * 1_048_576, `${grownBytes} bytes more`)
    reader.feed(Buffer.from('!\nnext\n'))
    const [long, next] = reader.take(2)
    assert.is(
      long?.fault,
      `a line of ${size + 1} bytes, over the limit of 1048576; only its beginning is kept`
    )
    assert.ok(long?.bytes === hex(piece.subarray(0, 65_536)), 'the beginning is not what was fed')
    assert.equal([next?.number, next?.text, reader.takenBytes()], [2, 'next', size + 7])
  })
}

reader.run()

const text = suite('textOfPart')

const chunkOf = (bytes: Buffer, text?: string): Chunk => ({ bytes, text })

text('decodes as a fatal TextDecoder does, without one leading byte order mark', () => {
  fc.assert(
    fc.property(inputs, fc.nat(), fc.nat(), (bytes, one, other) => {
      const [start, end] = [one % (bytes.length + 1), other % (bytes.length + 1)].toSorted(
        (a, b) => a - b
      ) as [number, number]
      assert.is(textOfPart(chunkOf(bytes), start, end), decoded(bytes.subarray(start, end)))
    }),
    { numRuns: 500 }
  )
})

text('takes its part of the text of a chunk that has one', () => {
  assert.is(textOfPart(chunkOf(Buffer.from('abcd'), 'abcd'), 1, 3), 'bc')
})

text('tells a replacement character from bytes that are no text', () => {
  assert.is(textOfPart(chunkOf(Buffer.from('\ufffd')), 0, 3), '\ufffd')
  assert.is(textOfPart(chunkOf(Buffer.of(0xef, 0xbf)), 0, 2), undefined)
})

text.run()
