import { Buffer } from 'node:buffer'
import * as fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { malformed } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { StoredLetter } from '../../lib/core/letter.js'
import { message } from '../../lib/core/message.js'
import { receive } from '../../lib/core/pipeline.js'
import { right } from '../../lib/core/result.js'
import { letterFromJson, letterToJson } from '../../lib/dlq/letter-json.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { withDlq } from '../../lib/timed.js'
import { anyLetter } from '../support/replay-arbitrary.js'
import { given, onlyLetter, put } from '../support/replay-stores.js'

const stored = async (
  change?: (letter: StoredLetter, store: ReturnType<typeof memoryDlq>) => Promise<unknown>
) => {
  const store = memoryDlq()
  await put(store, { id: '17', headers: { tenant: 'a' } })
  await change?.(await onlyLetter(store), store)
  return onlyLetter(store)
}

/** A line with some fields changed; those that are undefined are left out. */
const lineWith = (letter: StoredLetter, fields: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ ...(JSON.parse(letterToJson(letter)) as object), ...fields })

const wrong = (line: string): string => {
  const read = letterFromJson(line)
  return read._tag === 'Left' ? read.left : 'it was read'
}

const lines = suite('letterToJson and letterFromJson')

lines('give back every letter as it was, in one line without what a terminal would act on', () =>
  fc.assert(
    fc.property(anyLetter, (letter) => {
      const line = letterToJson(letter)
      assert.not.match(line, /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
      assert.equal(letterFromJson(line), right(letter))
    }),
    { numRuns: 1_000 }
  )
)

lines('can be read back whatever numbers and headers a message had', async () => {
  const queue = memoryDlq()
  const odd: any = { receivedAt: 1.7e18, deliveryCount: Infinity, headers: { total: 5, none: null } }
  await pipe(receive(json), handle(), withDlq(queue))(message('[]', odd))()
  const [letter] = queue.letters()
  assert.ok(letter)
  assert.equal(letterFromJson(letterToJson(letter)), right(letter))
  assert.equal(letter.headers, { total: '5', none: 'null' })
})

lines('keep text readable, and all bytes exactly', async () => {
  const dead = await stored()
  for (const [bytes, payload] of [
    [[], { text: '' }],
    [[0xc3, 0xa9, 0x0a, 0x00], { text: 'é\n\0' }],
    [[0xef, 0xbb, 0xbf, 0x41], { text: '\ufeffA' }],
    [[0xef, 0xbf, 0xbd], { text: '\ufffd' }],
    [[0xc3, 0x28], { base64: 'wyg=' }],
    [[0xed, 0xa0, 0x80], { base64: '7aCA' }],
    [[0x41, 0xff], { base64: 'Qf8=' }]
  ] as const) {
    const settled = { ...dead, state: 'discarded' as const, bytes: Uint8Array.from(bytes) }
    const line = letterToJson(settled)
    assert.equal((JSON.parse(line) as { readonly payload: unknown }).payload, payload)
    assert.equal(letterFromJson(line), right(settled))
  }
})

lines(
  'carry letters to where they are of the same kind, whatever was left out of their failures',
  async () => {
    const issues = Array.from({ length: 300 }, (_, index) => ({
      path: `.${String.fromCharCode(97 + (index % 26))}${'x'.repeat(300 - index)}`,
      message: 'expected number'
    }))
    const [store, other] = [memoryDlq(), memoryDlq()]
    await put(store, { id: '17', failure: malformed(issues) })
    const letter = await onlyLetter(store)
    const read = letterFromJson(letterToJson(letter))
    await given(other.add(read._tag === 'Right' ? [read.right] : []))
    assert.is((await onlyLetter(other)).fingerprint, letter.fingerprint)
  }
)

lines('carry letters that were edited, with the bytes as they arrived', async () => {
  const to = Uint8Array.from([1, 2, 255])
  const edited = await stored(({ key, id, bytes }, store) =>
    given(store.edit({ key, id, from: bytes, to, by: 'me', note: 'a typo' }))
  )
  assert.equal([edited.bytes, edited.events[0]?.note], [to, 'a typo'])
  assert.equal(letterFromJson(letterToJson(edited)), right(edited))
})

lines('carry what is left of letters that were resolved or discarded', async () => {
  for (const letter of [
    await stored((letter, store) => given(store.resolve(letter))),
    await stored((_, store) => given(store.discard({ filter: {}, by: 'me', note: 'spam' })))
  ]) {
    assert.is(letter.bytes.length, 0)
    assert.equal(letterFromJson(letterToJson(letter)), right(letter))
  }
})

lines('say who replays a letter, and not the token that would end its lease', async () => {
  const held = await stored((_, store) => given(store.claim({ owner: 'me', leaseMs: 60_000 })))
  const line = letterToJson(held)
  const { token = '', owner, until } = held.lease ?? {}
  assert.equal((JSON.parse(line) as { readonly lease: unknown }).lease, { owner, until })
  assert.ok(token !== '' && !line.includes(token))
  assert.equal(letterFromJson(line), right({ ...held, lease: undefined }))
})

lines('can be read by any store as they are', async () => {
  const dead = await stored()
  const read = letterFromJson(letterToJson(dead))
  const other = memoryDlq()
  assert.equal(read._tag === 'Right' && (await given(other.add([read.right]))), ['added'])
  assert.equal(await onlyLetter(other), dead)
})

lines.run()

const refusals = suite('letterFromJson')

refusals('says that a line is no JSON, or no letter', () => {
  for (const line of ['', '{', 'Hello', '{"id":"1"', "{'id':1}", '\u0000'])
    assert.is(wrong(line), 'it is no JSON')
  for (const line of ['null', '[]', '17', '"text"', 'true', '[{}]']) {
    const said = wrong(line)
    assert.ok(said !== 'it was read' && said.includes('expected'), `${line}: ${said}`)
  }
})

refusals('says which field is missing', async () => {
  const dead = await stored()
  const fields = Object.keys(JSON.parse(letterToJson(dead)) as object)
  assert.ok(fields.length > 15)
  for (const name of fields) {
    const said = wrong(lineWith(dead, { [name]: undefined }))
    if (name === 'route') assert.is(said, 'it was read')
    else assert.ok(said.includes(`.${name} `), `${name}: ${said}`)
  }
})

refusals('says which field has the wrong type, and what was expected', async () => {
  const dead = await stored()
  for (const [fields, said] of [
    [{ id: 17 }, '.id expected string'],
    [{ id: null }, '.id expected string'],
    [{ source: ['a'] }, '.source expected string'],
    [{ times: '1' }, '.times expected a whole number'],
    [{ route: 17 }, '.route expected string'],
    [{ state: 'lost' }, '.state expected "dead"'],
    [{ headers: { tenant: 1 } }, '.headers.tenant expected string'],
    [{ headers: [] }, '.headers expected'],
    [{ events: [{ at: 1, by: 'me', what: 'lost' }] }, '.events[0].what expected'],
    [{ failure: { _tag: 'Vanished' } }, '.failure expected a failure'],
    [{ failure: { _tag: 'Malformed', issues: [{ path: 1 }] } }, '.failure expected a failure'],
    [{ failure: null }, '.failure expected a failure'],
    [{ fault: { _tag: 'Vanished' } }, '.fault expected a failure'],
    [
      { attempts: [{ startedAt: 1, durationMs: 1, failure: { _tag: 'Vanished' } }] },
      '.attempts[0].failure expected a failure'
    ],
    [
      { attempts: [{ startedAt: '1', durationMs: 1, failure: dead.failure }] },
      '.attempts[0].startedAt expected number'
    ],
    [{ payload: 'text' }, '.payload expected'],
    [{ payload: { text: 17 } }, '.payload.text expected string'],
    [{ payload: { base64: null } }, '.payload'],
    [{ original: {} }, '.original']
  ] as const) {
    const found = wrong(lineWith(dead, fields))
    assert.ok(found.includes(said), `${JSON.stringify(fields)}: ${found}`)
  }
})

refusals('says of what was settled, too, that its key is none, or a number no whole one', async () => {
  const settled = await stored((letter, store) => given(store.resolve(letter)))
  for (const [fields, said] of [
    [{ key: '\u001b]0;owned\u0007' }, '.key expected a key of 40 hexadecimal digits'],
    [{ key: 'A'.repeat(40) }, '.key expected a key of 40 hexadecimal digits'],
    [{ times: 1e300 }, '.times expected a whole number'],
    [{ lastSeenAt: 0.5 }, '.lastSeenAt expected a whole number']
  ] as const)
    assert.ok(wrong(lineWith(settled, fields)).includes(said), wrong(lineWith(settled, fields)))
})

refusals('says that a letter was changed whose key does not fit', async () => {
  const dead = await stored()
  for (const fields of [
    { payload: { text: 'other' } },
    { payload: { base64: 'AAAA' } },
    { id: '18' },
    { source: 'other' },
    { key: '0'.repeat(40) },
    { original: { text: 'other' } }
  ])
    assert.match(wrong(lineWith(dead, fields)), 'it was changed', JSON.stringify(fields))
})

refusals('reads a payload that is said twice by what it can be, or not at all', async () => {
  const dead = await stored()
  for (const text of [17, null, [], {}]) {
    const read = letterFromJson(lineWith(dead, { payload: { text, base64: 'AP8KDYA=' } }))
    assert.ok(read._tag === 'Left' || Buffer.from(read.right.bytes).equals(dead.bytes))
  }
  assert.match(wrong(lineWith(dead, { payload: { text: 'other', base64: 'AP8KDYA=' } })), 'it was changed')
  assert.match(wrong(lineWith(dead, { payload: { base64: 'no base64' } })), 'it was changed')
})

refusals('never throws, whatever the line', () =>
  fc.assert(
    fc.property(anyLetter, fc.string(), fc.jsonValue(), fc.nat(), (letter, name, value, place) => {
      const line = letterToJson(letter)
      const names = Object.keys(JSON.parse(line) as object)
      letterFromJson(name)
      letterFromJson(JSON.stringify(value))
      letterFromJson(line.slice(0, place % line.length))
      letterFromJson(lineWith(letter, { [names[place % names.length] ?? '']: value }))
    })
  )
)

refusals.run()
