/** Laws of what is finished: it is told to whoever asks, unchanged, until it is forgotten. */
import { expectEqual } from './comparing.js'
import {
  type Bench,
  type Law,
  claim,
  expectBegun,
  expectInFlight,
  hold,
  law,
  leaseMs
} from './idempotency-law.js'
import { answerOf } from './store-trial.js'

export const keepingLaws: readonly Law[] = [
  law('gives back a result as it was, whatever text it is', async ({ ask }) => {
    for (const [name, result] of Object.entries(results)) {
      const key = `a result: ${name}`
      await ask.begin(claim('ann', { key }))
      expectEqual(`finish, ${name}`, await ask.finish({ ...hold('ann', key), result }), true)
      const again = await ask.finish({ ...hold('ann', key), result: 'another' })
      expectEqual(`finish of what is finished, ${name}`, again, false)
      const state = await ask.begin(claim('bob', { key }))
      if (state._tag === 'Finished' && state.result.length > 100)
        expectEqual(`a result, ${name}: is it the same`, state.result === result, true)
      else expectEqual(`a result, ${name}`, state, { _tag: 'Finished', result })
    }
  }),

  law('tells a work from another under its key, in flight and finished', async ({ ask }) => {
    const other = () => ask.begin(claim('bob', { fingerprint: 'A1' }))
    await ask.begin(claim('ann'))
    expectEqual('in flight', await other(), { _tag: 'Mismatch' })
    expectEqual('finish after that', await ask.finish({ ...hold('ann'), result: 'paid' }), true)
    expectEqual('finished', await other(), { _tag: 'Mismatch' })
    expectEqual('the work itself', await ask.begin(claim('cid')), { _tag: 'Finished', result: 'paid' })
  }),

  law('leaves what is finished as it is, whoever asks for what', async ({ ask, clock, ttlMs }) => {
    await ask.begin(claim('ann'))
    await ask.finish({ ...hold('ann'), result: 'paid' })
    const tried = async (token: string): Promise<void> => {
      expectEqual(`renew by ${token}`, await ask.renew({ ...hold(token), leaseMs }), false)
      expectEqual(`finish by ${token}`, await ask.finish({ ...hold(token), result: 'paid twice' }), false)
      await ask.abandon(hold(token))
      expectEqual(`after ${token}`, await ask.begin(claim('cid')), { _tag: 'Finished', result: 'paid' })
    }
    await tried('ann')
    await tried('bob')
    clock.pass(Math.min(leaseMs + 1, ttlMs / 2))
    await tried('ann')
  }),

  law(
    'forgets what is finished when its time is over, counted from the finish',
    async ({ ask, clock, ttlMs }) => {
      await ask.begin(claim('ann'))
      clock.pass(leaseMs / 2)
      await ask.finish({ ...hold('ann'), result: 'paid' })
      clock.pass(ttlMs - 1)
      expectEqual('before the end', await ask.begin(claim('bob')), { _tag: 'Finished', result: 'paid' })
      clock.pass(2)
      expectBegun('after the end', await ask.begin(claim('bob', { fingerprint: 'b2' })))
      expectInFlight('after that', await ask.begin(claim('cid', { fingerprint: 'b2' })), leaseMs)
      expectEqual('its finish', await ask.finish({ ...hold('bob'), result: 'paid again' }), true)
    }
  ),

  law('keeps keys apart, whatever texts they are', async ({ ask }) => {
    for (const key of keys)
      expectBegun(`the key ${JSON.stringify(key).slice(0, 40)}`, await ask.begin(claim('ann', { key })))
    const [finished, abandoned, ...held] = keys as readonly [string, string, ...string[]]
    await ask.finish({ ...hold('ann', finished), result: 'paid' })
    await ask.abandon(hold('ann', abandoned))
    for (const key of held)
      expectInFlight(JSON.stringify(key).slice(0, 40), await ask.begin(claim('bob', { key })), leaseMs)
    for (const [index, key] of held.entries())
      expectEqual('finish', await ask.finish({ ...hold('ann', key), result: `${index}` }), true)
    for (const [index, key] of held.entries())
      expectEqual('a result', await ask.begin(claim('bob', { key })), {
        _tag: 'Finished',
        result: `${index}`
      })
    expectBegun('the abandoned one', await ask.begin(claim('bob', { key: abandoned })))
    const state = await ask.begin(claim('bob', { key: finished }))
    expectEqual('the first', state, { _tag: 'Finished', result: 'paid' })
  }),

  law('forgets none of 500 keys that it has begun, and may refuse some', async ({ store, ask }) => {
    const many = Array.from({ length: 500 }, (_, index) => `many ${index}`)
    await ask.begin(claim('ann'))
    const begin = (key: string) => answerOf('begin', () => store.begin(claim('ann', { key })))
    const answers = await Promise.all(many.map(begin))
    const begun = many.filter((_, index) => answers[index]?._tag === 'Right')
    for (const key of ['order 17', ...begun])
      expectInFlight(key, await ask.begin(claim('bob', { key })), leaseMs)
  }),

  law('keeps fingerprints and tokens apart that look alike', async ({ ask }) => {
    for (const [index, [one, other]] of lookAlikes.entries()) {
      const key = `look-alikes ${index}`
      await ask.begin(claim(one, { key, fingerprint: one }))
      const state = await ask.begin(claim('bob', { key, fingerprint: other }))
      expectEqual(`fingerprints, pair ${index}`, state, { _tag: 'Mismatch' })
      expectEqual(`tokens, pair ${index}`, await ask.finish({ ...hold(other, key), result: 'paid' }), false)
      expectEqual(`the token, pair ${index}`, await ask.finish({ ...hold(one, key), result: 'paid' }), true)
    }
  }),

  law('answers Left or Right, and goes on, whatever it is asked', async ({ store, ask }) => {
    for (const odd of [0, -1, NaN, Infinity, -Infinity, 1e300, Number.MAX_SAFE_INTEGER, 0.5]) {
      const key = `a lease of ${odd}`
      await answerOf(`begin for ${odd}`, () => store.begin(claim('ann', { key, leaseMs: odd })))
      await answerOf(`renew for ${odd}`, () => store.renew({ ...hold('ann', key), leaseMs: odd }))
      await answerOf(`finish after ${odd}`, () => store.finish({ ...hold('ann', key), result: '' }))
    }
    // What comes from outside may be anything, whatever its type says.
    for (const odd of [undefined, null, 7, {}, []] as readonly unknown[] as readonly string[]) {
      const fields = { key: odd, fingerprint: odd, token: odd, result: odd, leaseMs }
      for (const name of ['begin', 'renew', 'finish', 'abandon'] as const)
        await answerOf<unknown>(`${name} of ${typeof odd}`, () => store[name](fields))
      await answerOf('a result', () => store.finish({ ...hold('ann'), result: odd }))
    }
    expectBegun('after all that', await ask.begin(claim('ann')))
    expectEqual('its finish', await ask.finish({ ...hold('ann'), result: 'paid' }), true)
  }),

  law('answers also once it is closed: Left, or as before', async ({ store, ask, close }) => {
    expectBegun('before', await ask.begin(claim('ann')))
    await close()
    const begun = await answerOf('begin', () => store.begin(claim('bob')))
    if (begun._tag === 'Right') expectInFlight('begin, once it is closed', begun.right, leaseMs)
    await closedAnswers(store)
  })
]

// helpers

const closedAnswers = async (store: Bench['store']): Promise<void> => {
  const bob = hold('bob')
  const renewed = await answerOf('renew', () => store.renew({ ...bob, leaseMs }))
  const finished = await answerOf('finish', () => store.finish({ ...bob, result: 'paid' }))
  await answerOf('abandon', () => store.abandon(bob))
  for (const answer of [renewed, finished])
    if (answer._tag === 'Right') expectEqual('by somebody else, once it is closed', answer.right, false)
}

const results: Readonly<Record<string, string>> = {
  empty: '',
  blank: ' \t\r\n ',
  null: 'null',
  number: '00017',
  JSON: '{"a":"\\u0000","b":[1.0]}',
  quotes: `'; "--\\`,
  unicode: 'Zażółć gęślą jaźń \u{1f600} e\u0301 \u00e9 \u2028 \ufeff',
  NUL: 'before\u0000after',
  long: 'Zoë, \u{1f600} '.repeat(100_000)
}

/** Of each two something is the same, to who looks not closely. */
const lookAlikes: readonly (readonly [string, string])[] = [
  ['', ' '],
  ['a', 'A'],
  ['a', 'a '],
  ['a', 'a\u0000'],
  ['a\u0000b', 'a\u0000c'],
  ['\u00e9', 'e\u0301'],
  ['\ufffd', '\ud800'],
  ['1', '1.0'],
  ['1', '01'],
  ['null', 'undefined'],
  ['a%', 'a_'],
  ['x'.repeat(5_000), `${'x'.repeat(4_999)}y`]
]

const keys: readonly string[] = [
  ...new Set(['orders a b', 'orders', 'orders a', '__proto__', 'constructor', ...lookAlikes.flat()])
]
