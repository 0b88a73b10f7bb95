import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type HandshakeOptions, handshake } from '../../lib/http/handshake.js'

const allow = 'POST, OPTIONS'

const asked = (origin: string, options: Partial<HandshakeOptions>, rate?: string) =>
  handshake(
    { 'webhook-request-origin': origin, ...(rate === undefined ? {} : { 'webhook-request-rate': rate }) },
    { allow, ...options }
  )

const granted = (origin: string, rate = '*') => ({
  status: 200,
  headers: { allow, 'webhook-allowed-origin': origin, 'webhook-allowed-rate': rate }
})
const denied = { status: 403, headers: { allow } }

const shaking = suite('handshake')

shaking('says which methods there are where nobody asks for permission', () => {
  assert.equal(handshake({}, { allow, allowedOrigins: '*' }), { status: 204, headers: { allow } })
})

shaking('allows an origin that is listed, whatever its case', () => {
  const allowedOrigins = ['eventemitter.example.com', 'Other.example.com']
  assert.equal(asked('eventemitter.example.com', { allowedOrigins }), granted('eventemitter.example.com'))
  assert.equal(asked('OTHER.example.com', { allowedOrigins }), granted('OTHER.example.com'))
  assert.equal(asked('example.com', { allowedOrigins }), denied)
})

shaking('allows an origin that a function says yes to, and no promise', () => {
  const allowedOrigins = (origin: string) => origin.endsWith('.example.com')
  assert.equal(asked('A.Example.com', { allowedOrigins }), granted('A.Example.com'))
  assert.equal(asked('example.com.evil.org', { allowedOrigins }), denied)
  assert.equal(asked('a.example.com', { allowedOrigins: (async () => true) as never }), denied)
})

shaking('allows everybody by an asterisk', () =>
  assert.equal(asked('eventemitter.example.com', { allowedOrigins: '*' }), granted('*'))
)

shaking('allows nobody by default', () => assert.equal(asked('eventemitter.example.com', {}), denied))

shaking('says the rate that is allowed, whatever is asked for', () => {
  const options = { allowedOrigins: '*', allowedRate: 100 } as const
  for (const rate of [undefined, '120', '50', '0', 'many', '1\r\nx: y'])
    assert.equal(asked('a.example.com', options, rate), granted('*', '100'))
  assert.equal(asked('a.example.com', { allowedOrigins: '*' }, '120'), granted('*'))
})

shaking('repeats nothing that is no name', () => {
  const names = [
    '',
    '*',
    'a b',
    'a,b',
    'a.example.com\r\nx: y',
    'https://a.example.com',
    '-a',
    'a.',
    'é.example.com'
  ]
  for (const origin of [...names, 'a'.repeat(254)]) {
    assert.equal(asked(origin, { allowedOrigins: () => true }), denied, origin)
    assert.equal(asked(origin, { allowedOrigins: '*' }), denied, origin)
    assert.equal(asked(origin, { allowedOrigins: [origin] }), denied, origin)
  }
})

shaking('has no header that could be two', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (origin, rate) => {
      const { headers } = asked(origin, { allowedOrigins: () => true }, rate)
      for (const value of Object.values(headers)) assert.match(value, /^[\w.*, -]+$/)
    })
  )
)

shaking.run()
