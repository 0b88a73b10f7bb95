// Replies to reads of streams, decoded as they come in.
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Decoded, type Read, entriesDecoder, entriesOf } from '../../lib/redis/entries.js'

// replies

type Part = string | Buffer
type Entry = readonly [id: string, values: readonly Part[] | null]
type Stream = readonly [key: string, entries: readonly Entry[]]

const bulk = (part: Part): Buffer =>
  Buffer.concat([Buffer.from(`$${Buffer.byteLength(part)}\r\n`), Buffer.from(part), Buffer.from('\r\n')])
const list = (mark: string, parts: readonly Buffer[], count = parts.length): Buffer =>
  Buffer.concat([Buffer.from(`${mark}${count}\r\n`), ...parts])

const entryOf =
  (nothing: string) =>
  ([id, values]: Entry): Buffer =>
    list('*', [bulk(id), values === null ? Buffer.from(nothing) : list('*', values.map(bulk))])

const resp2 = (streams: readonly Stream[]): Buffer =>
  list(
    '*',
    streams.map(([key, entries]) => list('*', [bulk(key), list('*', entries.map(entryOf('*-1\r\n')))]))
  )
const resp3 = (streams: readonly Stream[]): Buffer =>
  list(
    '%',
    streams.flatMap(([key, entries]) => [bulk(key), list('*', entries.map(entryOf('_\r\n')))]),
    streams.length
  )

/** What must be read of it: text, unless something would be lost by that. */
const readOf = (streams: readonly Stream[]): readonly Read[] =>
  streams.map(([key, entries]) => [
    key,
    entries.map(([id, values]) => [id, values === null ? null : values.map(textOf)])
  ])
const textOf = (part: Part): Part =>
  Buffer.from(part.toString()).equals(Buffer.from(part)) && !part.toString().includes('\ufffd')
    ? part.toString()
    : Buffer.from(part)

/** Writes it in pieces of these sizes, the last over and over. */
const decoded = (
  bytes: Buffer,
  sizes: readonly number[] = [bytes.length],
  onPush: (bytes: Buffer) => void = () => undefined
): Decoded | undefined => {
  const { write } = entriesDecoder(onPush)
  let found: Decoded | undefined
  for (let at = 0, piece = 0; at < bytes.length; piece += 1) {
    assert.is(found, undefined, 'it is not whole before its last piece')
    const size = sizes[Math.min(piece, sizes.length - 1)] as number
    found = write(bytes.subarray(at, at + size))
    at += size
  }
  return found
}

const readsIn = (found: Decoded | undefined): readonly Read[] => {
  if (found?.reply._tag !== 'Right') throw new Error(`no entries: ${JSON.stringify(found)}`)
  return found.reply.right
}

const orders: readonly Stream[] = [
  [
    'orders',
    [
      ['1-0', ['payload', '{"total":3}']],
      ['1-1', ['payload', 'ÿ€😀', 'tenant', '']]
    ]
  ],
  [
    'größe',
    [
      ['2-0', null],
      ['2-1', ['payload', Buffer.from([0xff, 0, 13, 10])]],
      ['2-2', []]
    ]
  ],
  ['more', [['3-0', ['payload', 'a\r\n$1\r\nb']]]]
]

// trials

const decoding = suite('the reply to a read')

decoding('says the same in RESP2 and RESP3, wherever it is cut', () => {
  for (const bytes of [resp2(orders), resp3(orders)]) {
    assert.equal(readsIn(decoded(bytes)), readOf(orders))
    assert.equal(readsIn(decoded(bytes, [1])), readOf(orders))
    for (let at = 1; at < bytes.length; at += 1)
      assert.equal(readsIn(decoded(bytes, [at, bytes.length])), readOf(orders), `cut at ${at}`)
  }
})

decoding('says there is nothing', () => {
  for (const reply of ['*-1\r\n', '_\r\n', '*0\r\n', '%0\r\n'])
    for (const sizes of [[reply.length], [1]]) assert.equal(readsIn(decoded(Buffer.from(reply), sizes)), [])
  assert.equal(readsIn(decoded(resp2([['s', []]]))), [['s', []]])
})

decoding('may be an error of the server', () => {
  const message = 'NOGROUP No such key größe'
  for (const sizes of [[100], [1]]) {
    const found = decoded(Buffer.from(`-${message}\r\n`), sizes)
    if (found?.reply._tag !== 'Left') throw new Error('no error')
    assert.equal([found.reply.left.name, found.reply.left.message], ['ReplyError', message])
  }
})

decoding('leaves what comes behind it, and hands on what is pushed before it', () => {
  const push = Buffer.from('>3\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n_\r\n%1\r\n+b\r\n:-1\r\n')
  const behind = Buffer.from('>1\r\n+c\r\n')
  for (const sizes of [[1_000], [7, 1_000], [push.length, 1_000], [push.length + 3, 1_000]]) {
    const pushed: Buffer[] = []
    const found = decoded(Buffer.concat([push, push, resp3(orders), behind]), sizes, (bytes) =>
      pushed.push(bytes)
    )
    assert.equal(readsIn(found), readOf(orders))
    assert.equal(found?.rest, behind)
    assert.equal(Buffer.concat(pushed), Buffer.concat([push, push]))
  }
})

decoding('is refused where it is none, and never taken for one', () => {
  const whole = resp2(orders).toString('latin1')
  for (const wrong of [
    '+OK\r\n',
    ':1\r\n',
    '$2\r\nab\r\n',
    '*1\r\n$1\r\na\r\n',
    '*x\r\n',
    '*1\r\n*2\r\n$-1\r\n',
    '*1\r\n:5\r\n',
    whole.replace('$11', '+11')
  ])
    assert.throws(
      () => decoded(Buffer.from(wrong, 'latin1')),
      /Redis sent something else than it was asked for: "/
    )
})

decoding('is the same as what a client has decoded', () => {
  const clientList = (streams: readonly Stream[]) =>
    streams.map(([key, entries]) => [
      Buffer.from(key),
      entries.map(([id, values]) => [Buffer.from(id), values?.map((value) => Buffer.from(value)) ?? null])
    ])
  assert.equal(entriesOf(clientList(orders)), readOf(orders))
  assert.equal(entriesOf(clientList(orders).flat()), readOf(orders))
  assert.equal(entriesOf(null), [])
})

const anyPart: fc.Arbitrary<Part> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  fc.nat({ max: 100_000 }).map((length) => 'y'.repeat(length))
)
const anyName = fc.constantFrom<Part>('payload', 'payloae', 'tenant', 'ünï', Buffer.from([0xc3]))
const anyValues: fc.Arbitrary<readonly Part[] | null> = fc.option(
  fc.array(fc.tuple(anyName, anyPart), { maxLength: 4 }).map((pairs) => pairs.flat()),
  { freq: 20, nil: null }
)
const anyEntry: fc.Arbitrary<Entry> = fc.tuple(
  fc.nat().map((id) => `${id}-0`),
  anyValues
)
const anyStreams: fc.Arbitrary<readonly Stream[]> = fc.array(
  fc.tuple(fc.constantFrom('s', 'größe'), fc.array(anyEntry, { maxLength: 8 })),
  { minLength: 1, maxLength: 3 }
)

decoding('is right for any entries, cut anywhere', () => {
  fc.assert(
    fc.property(
      anyStreams,
      fc.constantFrom(resp2, resp3),
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 20 }),
      (streams, reply, sizes) => assert.equal(readsIn(decoded(reply(streams), sizes)), readOf(streams))
    ),
    { numRuns: 500 }
  )
})

decoding('of many megabytes in small pieces takes no more than its size', () => {
  const streams: readonly Stream[] = [['s', [['1-0', ['payload', 'z'.repeat(60_000_000)]]]]]
  // To put together what is there for each piece would take an hour.
  assert.is(readsIn(decoded(resp2(streams), [1_000]))[0]?.[1][0]?.[1]?.[1]?.length, 60_000_000)
})

decoding.run()
