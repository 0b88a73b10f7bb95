import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { malformed } from '../../lib/core/failure.js'
import { left, right } from '../../lib/core/result.js'
import { eventsOf } from '../../lib/http/cloud-event-batch.js'

const utf8 = new TextEncoder()
const textOf = (bytes: Uint8Array) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)

const textsOf = (payload: string, maxEvents?: number) => {
  const events = eventsOf(utf8.encode(payload), maxEvents)
  return events._tag === 'Right' ? events.right.map(textOf) : events.left
}

/** Space of any kind that JSON allows. */
const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 })

/** A value as somebody may write it: its tokens with space between them. */
const written = fc
  .tuple(fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }), fc.infiniteStream(space))
  .map(([value, spaces]) =>
    JSON.stringify(value).replace(
      /"(?:[^"\\]|\\.)*"|[[\]{},:]/g,
      (token) => `${spaces.next().value}${token}${spaces.next().value}`
    )
  )

const batch = suite('eventsOf')

batch('gives the bytes of each item as they were sent, without the space around it', () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(space, written, space)), space, space, (items, before, after) => {
      const inside = items.map((parts) => parts.join('')).join(',')
      assert.equal(
        textsOf(`${before}[${inside}]${after}`),
        items.map(([, item]) => item.replace(/^[ \t\n\r]+|[ \t\n\r]+$/g, ''))
      )
    })
  )
)

batch('gives what parses to the items', () =>
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.nat(4), (items, indent) => {
      const events = eventsOf(utf8.encode(JSON.stringify(items, undefined, indent)))
      const parsed = events._tag === 'Right' ? events.right.map((each) => JSON.parse(textOf(each))) : []
      assert.equal(parsed, JSON.parse(JSON.stringify(items)))
    })
  )
)

batch('keeps escapes, numbers and spaces inside of an item', () =>
  assert.equal(textsOf('[ "\\u0041\\"],\\\\" , 1.50e+1 ,{ "a" : [ 1 , 2 ] }\n]'), [
    '"\\u0041\\"],\\\\"',
    '1.50e+1',
    '{ "a" : [ 1 , 2 ] }'
  ])
)

batch('gives parts of the payload, not copies', () => {
  const payload = utf8.encode('[{"a":1}]')
  const events = eventsOf(payload)
  assert.ok(events._tag === 'Right' && events.right[0]?.buffer === payload.buffer)
})

batch('reads a payload that is itself a part of something', () => {
  const payload = utf8.encode('xx[1,2]xx').subarray(2, 7)
  assert.equal(eventsOf(payload), right([utf8.encode('1'), utf8.encode('2')]))
})

batch('leaves out a leading byte order mark', () => assert.equal(textsOf('\ufeff[1,2]'), ['1', '2']))

batch('gives nothing for an empty array', () => {
  for (const payload of ['[]', ' [ \n] ']) assert.equal(textsOf(payload), [])
})

batch('takes nothing for an array that is none', () => {
  for (const payload of ['{}', '"[]"', '3', 'null', '{"a":[]}'])
    assert.equal(textsOf(payload), malformed([{ path: '', message: 'expected an array' }]), payload)
})

batch('takes nothing for JSON that is none', () => {
  const broken = [
    '',
    '[',
    ']',
    '[1',
    '[1]]',
    '[1,]',
    '[,1]',
    '[,]',
    '[1 2]',
    '[1] x',
    '[{]}',
    '["]',
    '[1][2]',
    '[}'
  ]
  for (const payload of [...broken, '[{"a":}]', '[tru]', "['a']", '[01]', '["\\x"]', '["\n"]']) {
    const failure = textsOf(payload)
    const issue = '_tag' in failure && failure._tag === 'Malformed' ? failure.issues[0] : undefined
    assert.match(issue?.message ?? '', /^not JSON/, payload)
  }
})

batch('takes bytes that are no UTF-8 for no text', () =>
  assert.equal(
    eventsOf(Uint8Array.from([91, 34, 255, 34, 93])),
    left(malformed([{ path: '', message: 'not UTF-8' }]))
  )
)

batch('has a bound', () => {
  assert.equal(textsOf('[1,2]', 2), ['1', '2'])
  assert.equal(textsOf('[1,2,3]', 2), malformed([{ path: '', message: 'expected at most 2 events' }]))
})

batch('is nested as deeply as it likes', () => {
  const deep = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`
  const texts = textsOf(`[${deep},1]`)
  assert.ok(Array.isArray(texts) && texts.length === 2 && texts[0] === deep && texts[1] === '1')
  assert.is(eventsOf(utf8.encode('['.repeat(1_000_000)))._tag, 'Left')
  assert.is(eventsOf(utf8.encode(`[${'{"a":'.repeat(1_000_000)}`))._tag, 'Left')
})

batch('does not repeat the payload', () =>
  fc.assert(
    fc.property(fc.string(), fc.string(), (before, after) => {
      const failure = textsOf(`${before}secret${after}`)
      assert.ok(Array.isArray(failure) || !JSON.stringify(failure).includes('secret'))
    })
  )
)

batch.run()
