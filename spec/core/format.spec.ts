import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { malformed } from '../../lib/core/failure.js'
import { bytes, json, text, withoutMark } from '../../lib/core/format.js'
import { amend, message } from '../../lib/core/message.js'
import { left, right } from '../../lib/core/result.js'

const notText = left(malformed([{ path: '', message: 'not UTF-8' }]))
const brokenUtf8 = Uint8Array.from([34, 255, 34])

const asBytes = suite('bytes')

asBytes('gives the payload as it arrived', () => {
  const payload = Uint8Array.from([0, 255, 10, 13])
  const decoded = bytes(message(payload))
  assert.equal(decoded, right(payload))
  assert.is(decoded._tag === 'Right' && decoded.right, payload)
})

asBytes.run()

const asText = suite('text')

asText('gives back any text that was sent as UTF-8', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (sent) =>
      assert.equal(text(message(sent)), right(sent.replace(/^\ufeff/, '')))
    )
  )
)

asText('leaves out a leading byte order mark, and no other', () => {
  assert.equal(text(message('\ufeffHello\ufeff')), right('Hello\ufeff'))
})

asText('keeps line ends and zeros', () => assert.equal(text(message('a\r\n\0b\n')), right('a\r\n\0b\n')))

asText('takes nothing for UTF-8 that is none', () => {
  for (const payload of [brokenUtf8, Uint8Array.from([192, 128]), Uint8Array.from([237, 160, 128])])
    assert.equal(text(message(payload)), notText)
})

asText('reads the bytes that a message was amended with', () => {
  assert.equal(text(amend(message('Hello'), { bytes: Uint8Array.from([72, 105]) })), right('Hi'))
})

asText.run()

const decodedText = suite('withoutMark')

decodedText('leaves out a leading byte order mark, and nothing else', () => {
  const texts = ['\ufeffHello\ufeff', 'Hello', '', '\ufeff']
  assert.equal(texts.map(withoutMark), ['Hello\ufeff', 'Hello', '', ''])
})

decodedText.run()

const asJson = suite('json')

asJson('gives back any JSON that was sent', () =>
  fc.assert(
    fc.property(fc.jsonValue(), (sent) =>
      assert.equal(json(message(JSON.stringify(sent))), right(JSON.parse(JSON.stringify(sent))))
    )
  )
)

asJson('leaves out a leading byte order mark', () => assert.equal(json(message('\ufeff3')), right(3)))

asJson('keeps __proto__ as a field like any other', () => {
  const decoded = json(message('{"__proto__":{"type":"order"}}'))
  const body = decoded._tag === 'Right' ? (decoded.right as object) : {}
  assert.equal([Object.keys(body), Object.getPrototypeOf(body) === Object.prototype], [['__proto__'], true])
})

asJson('takes nothing for JSON that is none', () => {
  for (const payload of ['', ' ', 'Hello', '{"a":1', "{'a':1}", '[1,]', 'NaN', '{"a":1}{"a":2}']) {
    const decoded = json(message(payload))
    const issue =
      decoded._tag === 'Left' && decoded.left._tag === 'Malformed' ? decoded.left.issues[0] : undefined
    assert.is(issue?.path, '', payload)
    assert.match(issue?.message ?? '', /^not JSON( at position \d+)?$/, payload)
  }
})

asJson('keeps the place where it is wrong, if the engine tells', () => {
  const sent = '{"a":1,"b":2,"c":3'
  const told = (): string => {
    try {
      return String(JSON.parse(sent))
    } catch (error) {
      return String(error)
    }
  }
  const place = / at position \d+/.exec(told())?.[0] ?? ''
  assert.equal(json(message(sent)), left(malformed([{ path: '', message: `not JSON${place}` }])))
})

asJson('takes bytes that are no UTF-8 for no text', () => assert.equal(json(message(brokenUtf8)), notText))

asJson('does not repeat the payload', () =>
  fc.assert(
    fc.property(fc.string(), fc.string(), (before, after) => {
      const decoded = json(message(`${before}secret${after}`))
      assert.not.match(JSON.stringify(decoded._tag === 'Left' ? decoded.left : {}), 'secret')
    })
  )
)

asJson.run()
