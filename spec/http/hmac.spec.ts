import * as fc from 'fast-check'
import { createHmac } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { left, right } from '../../lib/core/result.js'
import { type HmacOptions, hmac } from '../../lib/http/hmac.js'
import { systemClock } from '../../lib/system.js'
import { unreadable, unverifiedRequest } from '../support/unverified.js'

const secrets = 'not for production'
const header = 'x-signature'
const now = 1_700_000_000_000
const clock = { ...systemClock, now: () => now }

const mismatch = left({ reason: 'the signature does not match' })
const malformed = left({ reason: 'x-signature is not well-formed' })

const digestOf = (
  body: string | Uint8Array,
  secret: string | Uint8Array = secrets,
  { algorithm = 'sha256', encoding = 'hex' }: Pick<HmacOptions, 'algorithm' | 'encoding'> = {}
) => createHmac(algorithm, secret).update(body).digest(encoding)

const timed: HmacOptions = {
  secrets,
  header,
  clock,
  timestamp: { header: 'x-time' },
  signed: (_, body, time) => [time, '.', body]
}
const timedRequest = (time: string) =>
  unverifiedRequest({ 'x-time': time, [header]: digestOf(`${time}.Hello`) }, 'Hello')

const flipped = (bytes: Uint8Array, bit: number) =>
  bytes.map((byte, index) => (index === (bit >> 3) % bytes.length ? byte ^ (1 << (bit & 7)) : byte))

// what is signed

const signing = suite('hmac')

for (const [algorithm, rfc, signature] of [
  ['sha1', 'RFC 2202', 'b617318655057264e28bc0b6fb378c8ef146be00'],
  ['sha256', 'RFC 4231', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    'sha512',
    'RFC 4231',
    '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854'
  ]
] as const)
  signing(`makes of ${algorithm} what test case 1 of ${rfc} says`, async () => {
    const verify = hmac({ secrets: new Uint8Array(20).fill(0x0b), header, algorithm })
    assert.equal(await verify(unverifiedRequest({ [header]: signature }, 'Hi There'))(), right('hmac'))
    assert.equal(await verify(unverifiedRequest({ [header]: signature }, 'Hi there'))(), mismatch)
  })

const algorithm = fc.constantFrom('sha1' as const, 'sha256' as const, 'sha512' as const)
const encoding = fc.constantFrom('hex' as const, 'base64' as const)
const body = fc.uint8Array({ maxLength: 300 })
const key = fc.oneof(
  fc.uint8Array({ minLength: 14, maxLength: 150 }),
  fc.string({ unit: 'grapheme', minLength: 14, maxLength: 50 })
)

signing('lets in any body that is signed with any secret', () =>
  fc.assert(
    fc.asyncProperty(body, key, algorithm, encoding, async (body, secret, algorithm, encoding) => {
      const signature = digestOf(body, secret, { algorithm, encoding })
      const verify = hmac({ secrets: secret, header, algorithm, encoding, prefix: 'v=', principal: 'shop' })
      assert.equal(await verify(unverifiedRequest({ [header]: `v=${signature}` }, body))(), right('shop'))
    })
  )
)

signing('lets in nothing with a bit flipped, in the signature, the body or the secret', () =>
  fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.uint8Array({ minLength: 14, maxLength: 64 }),
      algorithm,
      encoding,
      fc.nat(),
      async (body, secret, algorithm, encoding, bit) => {
        const signature = createHmac(algorithm, secret).update(body).digest()
        const sent = (signature: Uint8Array, body: Uint8Array) =>
          unverifiedRequest({ [header]: Buffer.from(signature).toString(encoding) }, body)
        const verifyBy = (secrets: Uint8Array) => hmac({ secrets, header, algorithm, encoding })
        assert.equal(await verifyBy(secret)(sent(signature, body))(), right('hmac'))
        assert.equal(await verifyBy(secret)(sent(flipped(signature, bit), body))(), mismatch)
        assert.equal(await verifyBy(secret)(sent(signature, flipped(body, bit)))(), mismatch)
        assert.equal(await verifyBy(flipped(secret, bit))(sent(signature, body))(), mismatch)
      }
    )
  )
)

signing('lets in no signature that was cut, or is of other bytes', () =>
  fc.assert(
    fc.asyncProperty(
      body,
      body,
      algorithm,
      encoding,
      fc.nat(),
      async (body, other, algorithm, encoding, cut) => {
        const verify = hmac({ secrets, header, algorithm, encoding })
        const signature = digestOf(body, secrets, { algorithm, encoding })
        const at = cut % signature.length
        for (const part of [
          signature.slice(0, at),
          signature.slice(at + 1),
          `${signature}${signature.slice(at)}`
        ])
          assert.equal(await verify(unverifiedRequest({ [header]: part }, body))(), malformed)
        if (Buffer.compare(body, other) !== 0)
          assert.equal(await verify(unverifiedRequest({ [header]: signature }, other))(), mismatch)
      }
    )
  )
)

signing('signs bytes, whatever text they may be', async () => {
  const body = Uint8Array.from([0xef, 0xbb, 0xbf, 0xff, 0x00, 0x0d, 0x0a])
  assert.equal(
    await hmac({ secrets, header })(unverifiedRequest({ [header]: digestOf(body) }, body))(),
    right('hmac')
  )
})

signing('takes hex in either case, and base64 in one spelling alone', async () => {
  const hex = digestOf('Hello').toUpperCase()
  assert.equal(
    await hmac({ secrets, header })(unverifiedRequest({ [header]: hex }, 'Hello'))(),
    right('hmac')
  )
  const verify = hmac({ secrets, header, encoding: 'base64' })
  const base64 = digestOf('Hello', secrets, { encoding: 'base64' })
  const last = base64.at(-2) as string
  const sibling = String.fromCharCode(last.charCodeAt(0) + 1)
  for (const [spelling, expected] of [
    [base64, right('hmac')],
    [`${base64.slice(0, -2)}${sibling}=`, mismatch],
    [base64.slice(0, -1), malformed],
    [base64.replaceAll('=', ''), malformed],
    [` ${base64}`, malformed]
  ] as const)
    assert.equal(await verify(unverifiedRequest({ [header]: spelling }, 'Hello'))(), expected, spelling)
})

signing('signs what it is told to, and nothing that is not there', async () => {
  const verify = hmac({
    secrets,
    header,
    signed: ({ method, path, headers }, body) => [method, path, headers['x-id'], body, Uint8Array.of(10)]
  })
  const signature = digestOf('POST/17Hello\n')
  assert.equal(
    await verify(unverifiedRequest({ [header]: signature, 'x-id': '17' }, 'Hello'))(),
    right('hmac')
  )
  assert.equal(await verify(unverifiedRequest({ [header]: signature, 'x-id': '18' }, 'Hello'))(), mismatch)
  assert.equal(
    await verify(unverifiedRequest({ [header]: digestOf('POST/Hello\n') }, 'Hello'))(),
    left({ reason: 'what is signed is not complete or not well-formed' })
  )
})

signing('rejects with what the body rejects with, and with what `signed` throws', async () => {
  const tooLarge = new Error('too large')
  const { request } = unreadable({ [header]: digestOf('Hello') }, tooLarge)
  const thrownBy = async (options: HmacOptions) => hmac(options)(request)().catch((thrown: unknown) => thrown)
  assert.is(await thrownBy({ secrets, header }), tooLarge)
  const careless = new Error('careless')
  const verify = hmac({
    secrets,
    header,
    signed: () => {
      throw careless
    }
  })
  const sent = unverifiedRequest({ [header]: digestOf('Hello') })
  assert.is(await verify(sent)().catch((thrown: unknown) => thrown), careless)
})

signing.run()

// secrets that change

const rotation = suite('several secrets')

const [older, newer, other] = ['the older secret', 'the newer secret', 'another secret'] as const

rotation('let in who signs with any of them', async () => {
  const verify = hmac({ secrets: [older, Buffer.from(newer)], header })
  for (const [secret, expected] of [
    [older, right('hmac')],
    [newer, right('hmac')],
    [other, mismatch]
  ] as const)
    assert.equal(
      await verify(unverifiedRequest({ [header]: digestOf('Hello', secret) }, 'Hello'))(),
      expected,
      secret
    )
})

rotation('go with several signatures: one pair is enough', async () => {
  const verify = hmac({ secrets: [older, newer], header, separator: ',' })
  const signatures = (...by: readonly string[]) =>
    unverifiedRequest({ [header]: by.map((secret) => digestOf('Hello', secret)).join(',') }, 'Hello')
  assert.equal(await verify(signatures(other, newer))(), right('hmac'))
  assert.equal(await verify(signatures(older, other, other))(), right('hmac'))
  assert.equal(await verify(signatures(other, other))(), mismatch)
})

rotation('are those it was built with', async () => {
  const secret = Buffer.from(newer)
  const verify = hmac({ secrets: secret, header })
  const sent = unverifiedRequest({ [header]: digestOf('Hello', newer) }, 'Hello')
  secret.fill(0)
  assert.equal(await Promise.all([verify(sent)(), verify(sent)()]), [right('hmac'), right('hmac')])
})

rotation.run()

// when it was signed

const tolerance = suite('a timestamp')

tolerance('is good up to the limit, on both sides, and not a millisecond more', async () => {
  const seconds = String(now / 1000)
  const at = (now: number) =>
    hmac({ ...timed, toleranceMs: 2000, clock: { ...clock, now: () => now } })(timedRequest(seconds))()
  assert.equal(await at(now), right('hmac'))
  assert.equal(await at(now + 2000), right('hmac'))
  assert.equal(await at(now - 2000), right('hmac'))
  assert.equal(await at(now + 2001), left({ reason: 'the timestamp is too old' }))
  assert.equal(await at(now - 2001), left({ reason: 'the timestamp is from the future' }))
})

tolerance('is good for 5 minutes unless something else is said', async () => {
  for (const [time, expected] of [
    [now / 1000 - 300, right('hmac')],
    [now / 1000 - 301, left({ reason: 'the timestamp is too old' })],
    [now / 1000 + 300, right('hmac')],
    [now / 1000 + 301, left({ reason: 'the timestamp is from the future' })]
  ] as const)
    assert.equal(await hmac(timed)(timedRequest(String(time)))(), expected, String(time))
})

tolerance('is measured by the clock of the machine, unless another is given', async () => {
  const { clock: _, ...options } = timed
  const seconds = String(Math.floor(Date.now() / 1000))
  assert.equal(await hmac(options)(timedRequest(seconds))(), right('hmac'))
})

tolerance('may be of any age where one says so', async () => {
  assert.equal(await hmac({ ...timed, toleranceMs: Infinity })(timedRequest('0'))(), right('hmac'))
})

tolerance('is signed: another does not match', async () => {
  const request = timedRequest(String(now / 1000))
  const later = { ...request, headers: { ...request.headers, 'x-time': String(now / 1000 + 1) } }
  assert.equal(await hmac(timed)(later)(), mismatch)
})

tolerance('is a number of seconds, once', async () => {
  const seconds = String(now / 1000)
  const odd = [
    '',
    'now',
    `${seconds}.5`,
    `-${seconds}`,
    `+${seconds}`,
    ` ${seconds}`,
    `${seconds}\n`,
    '1e9',
    '0x1',
    'NaN',
    'Infinity',
    '9'.repeat(13),
    '٣'.repeat(10),
    `${seconds}, ${seconds}`,
    `${seconds},${seconds}`
  ]
  for (const time of odd)
    assert.equal(await hmac(timed)(timedRequest(time))(), left({ reason: 'x-time is not well-formed' }), time)
})

tolerance('is to be there, and is looked at before the body', async () => {
  const { request, read } = unreadable({ [header]: digestOf('Hello') })
  assert.equal(await hmac(timed)(request)(), left({ reason: 'x-time is missing' }))
  const stale = { ...request, headers: { ...request.headers, 'x-time': '1' } }
  assert.equal(await hmac(timed)(stale)(), left({ reason: 'the timestamp is too old' }))
  assert.is(read.times, 0)
})

tolerance.run()

// hostile headers

const hostile = suite('a header')

hostile('is to be there, and well-formed, before the body is read', async () => {
  const verify = hmac({ secrets, header: 'X-Signature', prefix: 'sha256=' })
  const { request, read } = unreadable({})
  assert.equal(await verify(request)(), left({ reason: 'x-signature is missing' }))
  const good = digestOf('Hello')
  for (const value of [
    '',
    'sha256=',
    good,
    `sha1=${good}`,
    `SHA256=${good}`,
    `sha256=sha256=${good}`,
    `sha256=${good}\u00a0`,
    `sha256=${good.slice(1)}\u0131`,
    `sha256=${good.slice(2)}0x`
  ])
    assert.equal(await verify({ ...request, headers: { [header]: value } })(), malformed, value)
  assert.is(read.times, 0)
})

hostile('that was sent twice is refused, even if both are right', async () => {
  const good = digestOf('Hello')
  const bad = digestOf('Hello', 'the wrong secret')
  for (const value of [`${good}, ${good}`, `${good},${good}`, `${bad}, ${good}`, `${good}, `, `, ${good}`])
    assert.equal(
      await hmac({ secrets, header })(unverifiedRequest({ [header]: value }, 'Hello'))(),
      malformed,
      value
    )
})

hostile('of many signatures is tried as far as it goes, each secret once', async () => {
  const verify = hmac({ secrets, header, separator: ',', prefix: 'v1=' })
  const bad = `v1=${'0'.repeat(64)}`
  const list = (count: number) =>
    [...Array.from({ length: count }, () => bad), `v1=${digestOf('Hello')}`].join(',')
  assert.equal(await verify(unverifiedRequest({ [header]: list(50) }, 'Hello'))(), right('hmac'))
  const { request, read } = unreadable({ [header]: list(5000) })
  assert.equal(await verify(request)(), malformed)
  assert.is(read.times, 0)
})

hostile('that is very long costs nothing', async () => {
  const { request, read } = unreadable({ [header]: ' ,v1='.repeat(1_000_000) })
  assert.equal(await hmac({ secrets, header, separator: ',', prefix: 'v1=' })(request)(), malformed)
  assert.equal(await hmac({ secrets, header })(request)(), malformed)
  assert.is(read.times, 0)
})

hostile('may have empty parts and unknown ones, and none that is broken', async () => {
  const verify = hmac({ secrets, header, separator: ',', prefix: 'v1=' })
  const good = `v1=${digestOf('Hello')}`
  for (const [value, expected] of [
    [`,, ${good} ,`, right('hmac')],
    [`v0=x,v2,=,${good},v1`, right('hmac')],
    [`${good},v1=`, malformed],
    [`v1=zz,${good}`, malformed],
    [',,', malformed],
    [`v0=${digestOf('Hello')}`, malformed]
  ] as const)
    assert.equal(await verify(unverifiedRequest({ [header]: value }, 'Hello'))(), expected, value)
})

hostile('of any text is refused, and nothing of the secret is said', () =>
  fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), fc.boolean(), async (value, isTimed) => {
      const headers = { [header]: value, 'x-time': isTimed ? value : String(now / 1000) }
      const outcome = await hmac({ ...timed, separator: ',' })(unverifiedRequest(headers, 'Hello'))()
      assert.is(outcome._tag, 'Left')
      const said = JSON.stringify(outcome)
      assert.not.ok(said.includes(secrets) || said.includes(digestOf('Hello').slice(0, 8)))
    })
  )
)

hostile('that does not match is told nothing of the one that would', async () => {
  for (const algorithm of ['sha1', 'sha256', 'sha512'] as const) {
    const wrong = digestOf('Hello', 'the wrong secret', { algorithm })
    const verify = hmac({ secrets, header, algorithm })
    assert.equal(await verify(unverifiedRequest({ [header]: wrong }, 'Hello'))(), mismatch)
  }
})

hostile.run()

// mistakes of configuration

const built = suite('hmac, when it is built')

built('takes no options that cannot do', () => {
  const problems: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ secrets: [] }, /needs a secret/],
    [{ secrets: '' }, /0 bytes can be guessed/],
    [{ secrets: ['a secret that is long enough', 'short'] }, /5 bytes can be guessed/],
    [{ secrets: undefined }, /environment variable/],
    [{ secrets: [undefined] }, /environment variable/],
    [{ header: '' }, /a header needs a name/],
    [{ header: undefined }, /a header needs a name/],
    [{ separator: '' }, /a separator a character/],
    [{ algorithm: 'md5' }, /sha1, sha256 or sha512/],
    [{ algorithm: 'toString' }, /sha1, sha256 or sha512/],
    [{ encoding: 'base64url' }, /hex or base64/],
    [{ principal: '' }, /a principal needs a name/],
    [{ timestamp: { header: 'x-time' } }, /not signed proves nothing/],
    [{ timestamp: { header: '' }, signed: () => [] }, /a header needs a name/],
    [{ toleranceMs: -1 }, /toleranceMs/],
    [{ toleranceMs: NaN }, /toleranceMs/]
  ]
  for (const [options, message] of problems)
    assert.throws(
      () => hmac({ secrets, header, ...options }),
      (thrown: unknown) =>
        thrown instanceof TypeError && message.test(thrown.message) && thrown.message.startsWith('hmac: '),
      String(message)
    )
})

built.run()
