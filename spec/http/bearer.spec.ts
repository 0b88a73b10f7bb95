import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { left, right } from '../../lib/core/result.js'
import { bearer } from '../../lib/http/bearer.js'
import { unreadable, unverifiedRequest } from '../support/unverified.js'

const refused = (reason: string) => left({ reason, challenge: 'Bearer' })
const unknown = refused('the token is not known')
const noToken = refused('authorization is not a bearer token')

const sent = (authorization: string) => unverifiedRequest({ authorization })

const secret = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 14,
  maxLength: 200
})

const withBearer = suite('bearer')

withBearer('lets in whoever has the secret, and nobody with another', () =>
  fc.assert(
    fc.asyncProperty(secret, secret, async (expected, other) => {
      fc.pre(expected !== other)
      const verify = bearer(expected)
      assert.equal(await verify(sent(`Bearer ${expected}`))(), right('bearer'))
      for (const wrong of [other, expected.slice(1), expected.slice(0, -1), `${expected}x`, `x${expected}`])
        assert.equal(await verify(sent(`Bearer ${wrong}`))(), unknown)
    })
  )
)

withBearer('names the principal whose secret was sent', () =>
  fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), secret), {
        minLength: 1,
        maxLength: 5,
        comparator: (one, other) => one[0] === other[0] || one[1] === other[1]
      }),
      async (pairs) => {
        const verify = bearer(Object.fromEntries(pairs))
        for (const [principal, token] of pairs)
          assert.equal(await verify(sent(`Bearer ${token}`))(), right(principal))
      }
    )
  )
)

withBearer('takes the scheme in any case, and several spaces after it', async () => {
  const verify = bearer('9sJ7mXqd2WvK0uLr')
  for (const scheme of ['Bearer ', 'bearer ', 'BEARER ', 'bEaReR   '])
    assert.equal(await verify(sent(`${scheme}9sJ7mXqd2WvK0uLr`))(), right('bearer'), scheme)
})

withBearer('asks for a token where none is', async () => {
  assert.equal(await bearer('9sJ7mXqd2WvK0uLr')(unverifiedRequest({}))(), refused('authorization is missing'))
})

withBearer('takes nothing for a token that is none', async () => {
  const verify = bearer('9sJ7mXqd2WvK0uLr')
  const headers = [
    '',
    'Bearer',
    'Bearer ',
    '9sJ7mXqd2WvK0uLr',
    'Bearer9sJ7mXqd2WvK0uLr',
    'Basic 9sJ7mXqd2WvK0uLr',
    'Token Bearer 9sJ7mXqd2WvK0uLr',
    'Bearer 9sJ7mXqd2WvK0uLr ',
    'Bearer\t9sJ7mXqd2WvK0uLr',
    'Bearer 9sJ7mXqd2WvK0uLr\n',
    'Bearer 9sJ7mXqd2WvK0uLr\u00a0',
    'Bearer 9sJ7mXqd2WvK0uL\u0159',
    '\u212aearer 9sJ7mXqd2WvK0uLr'
  ]
  for (const header of headers) assert.equal(await verify(sent(header))(), noToken, header)
})

withBearer('takes no header that was sent twice, even if both are right', async () => {
  const verify = bearer('9sJ7mXqd2WvK0uLr')
  for (const header of [
    'Bearer 9sJ7mXqd2WvK0uLr, Bearer 9sJ7mXqd2WvK0uLr',
    'Bearer 9sJ7mXqd2WvK0uLr,Bearer x',
    'Basic eDp5, Bearer 9sJ7mXqd2WvK0uLr'
  ])
    assert.equal(await verify(sent(header))(), noToken, header)
})

withBearer('does not look at a header that is very long', async () => {
  const verify = bearer('x'.repeat(4089))
  assert.equal(await verify(sent(`Bearer ${'x'.repeat(4089)}`))(), right('bearer'))
  assert.equal(await verify(sent(`Bearer ${'x'.repeat(4090)}`))(), noToken)
  assert.equal(await verify(sent(`Bearer ${' '.repeat(1_000_000)}x`))(), noToken)
})

withBearer('never reads the body', async () => {
  const verify = bearer('9sJ7mXqd2WvK0uLr')
  for (const authorization of ['Bearer', 'Bearer x', 'Bearer 9sJ7mXqd2WvK0uLr']) {
    const { request, read } = unreadable({ authorization })
    await verify(request)()
    assert.is(read.times, 0)
  }
})

withBearer('lets in many at once', async () => {
  const verify = bearer('9sJ7mXqd2WvK0uLr')
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      verify(sent(index % 2 === 0 ? 'Bearer 9sJ7mXqd2WvK0uLr' : 'Bearer no'))()
    )
  )
  outcomes.forEach((outcome, index) => assert.equal(outcome, index % 2 === 0 ? right('bearer') : unknown))
})

withBearer('does what it was built with, though the record changes', async () => {
  const tokens = { shop: '9sJ7mXqd2WvK0uLr' }
  const verify = bearer(tokens)
  tokens.shop = 'c4TnYb6EzP1hGa8f'
  assert.equal(await verify(sent('Bearer 9sJ7mXqd2WvK0uLr'))(), right('shop'))
})

withBearer('is not built of secrets that cannot do', () => {
  const problems: readonly (readonly [unknown, RegExp])[] = [
    ['', /^bearer: a secret of 0 bytes can be guessed: is its environment variable set\?$/],
    ['hunter2', /7 bytes can be guessed/],
    [undefined, /environment variable/],
    [null, /environment variable/],
    [{ shop: undefined }, /environment variable/],
    [{}, /needs a secret/],
    [{ '': '9sJ7mXqd2WvK0uLr' }, /needs a name/],
    [{ shop: '9sJ7mXqd2WvK0uLr', bank: '9sJ7mXqd2WvK0uLr' }, /secret of its own/],
    [
      { shop: '9sJ7mXqd2WvK0uLr', bank: 'short' },
      /^bearer: bank: a secret of 5 bytes can be guessed: take 14/
    ],
    ['9sJ7mXqd2WvK0uLr\n', /^bearer: the secret cannot stand in a header/],
    [{ shop: 'a secret of several words' }, /^bearer: the secret of shop cannot stand in a header/],
    ['přísně tajné heslo', /cannot stand in a header/]
  ]
  for (const [tokens, message] of problems)
    assert.throws(
      () => bearer(tokens as string),
      (thrown: unknown) => thrown instanceof TypeError && message.test(thrown.message),
      String(message)
    )
})

withBearer.run()
