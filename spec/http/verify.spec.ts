import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isSame, secretBytes } from '../../lib/http/verify.js'
import { tokensOf } from '../support/imports.js'
import { repository } from '../support/program.js'

const same = suite('isSame')

same('says whether two are the same bytes', () =>
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (one, other) => {
      assert.is(isSame(one, Uint8Array.from(one)), true)
      assert.is(isSame(one, other), Buffer.compare(one, other) === 0)
    })
  )
)

same('finds one bit, wherever it is, and a missing byte', () =>
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), (bytes, bit) => {
      const at = bit % (bytes.length * 8)
      const flipped = bytes.map((byte, index) => (index === at >> 3 ? byte ^ (1 << (at & 7)) : byte))
      for (const other of [flipped, bytes.slice(1), bytes.slice(0, -1), new Uint8Array()])
        assert.is(isSame(bytes, other), false)
    })
  )
)

same.run()

const secrets = suite('secretBytes')

secrets('takes text as UTF-8, and copies bytes', () => {
  assert.equal(
    secretBytes('hmac', 'ünguessable, we hope'),
    Uint8Array.from(Buffer.from('ünguessable, we hope'))
  )
  const bytes = new Uint8Array(14)
  const copy = secretBytes('hmac', bytes)
  bytes[0] = 1
  assert.equal(copy, new Uint8Array(14))
})

secrets('takes nothing that can be guessed, and does not repeat it', () => {
  for (const secret of ['hunter2', '13 characters', new Uint8Array(13)])
    assert.throws(
      () => secretBytes('github', secret),
      (thrown: unknown) =>
        thrown instanceof TypeError &&
        /^github: a secret of \d+ bytes can be guessed: take 14 or more$/.test(thrown.message)
    )
})

secrets('says what may be wrong where there is none', () => {
  for (const secret of [undefined, null, 5, '', new Uint8Array()])
    assert.throws(
      () => secretBytes('github', secret as unknown as string),
      (thrown: unknown) =>
        thrown instanceof TypeError && /^github: .*: is its environment variable set\?$/.test(thrown.message)
    )
})

secrets.run()

const portable = suite('verifiers')

portable('touch nothing that Node alone has', () => {
  for (const name of ['verify', 'bearer', 'hmac', 'senders']) {
    const tokens = tokensOf(readFileSync(join(repository, 'lib/http', `${name}.ts`), 'utf8'))
    const foreign = tokens.filter(
      ({ kind, value }) => kind === 'word' && /^(?:Buffer|process|require|global)$/.test(value)
    )
    assert.equal(foreign, [], name)
  }
})

portable.run()
