/** Laws of what is in flight: one holds it, until its lease ends. */
import { expect, expectEqual } from './comparing.js'
import { type Law, claim, expectBegun, expectInFlight, hold, law, leaseMs } from './idempotency-law.js'
import { answerOf } from './store-trial.js'

export const holdingLaws: readonly Law[] = [
  law('begins what nobody has begun', async ({ ask }) => {
    expectBegun('the first', await ask.begin(claim('ann')))
  }),

  law('does nothing before its Task is run, and all of it once for each time', async ({ store, ask }) => {
    const [begin, finish] = [store.begin(claim('ann')), store.finish({ ...hold('ann'), result: 'paid' })]
    store.abandon(hold('bob'))
    expectBegun('another, before the Task is run', await ask.begin(claim('bob')))
    store.abandon(hold('bob'))
    expectInFlight('before its abandon is run', await ask.begin(claim('cid')), leaseMs)
    await ask.abandon(hold('bob'))
    expectEqual('the Task, run', await begin(), { _tag: 'Right', right: { _tag: 'Begun' } })
    expectEqual('finish, run', await finish(), { _tag: 'Right', right: true })
    expectEqual('finish, run again', await finish(), { _tag: 'Right', right: false })
  }),

  law('tells others how long a key is held at least', async ({ ask, clock }) => {
    await ask.begin(claim('ann'))
    const state = await ask.begin(claim('bob'))
    expectInFlight('at once', state, leaseMs)
    // It may be less than what is left; of a minute it is no second.
    expect('leftMs in milliseconds', state._tag === 'InFlight' && state.leftMs > 1_000, state)
    clock.pass(leaseMs - 1_000)
    expectInFlight('a second before the end', await ask.begin(claim('cid')), 1_000)
    expectInFlight('to who asks with a longer lease', await ask.begin(claim('dan', { leaseMs: 1e9 })), 1_000)
  }),

  law('lets one of a hundred begin that ask at the same time', async ({ ask, clock }) => {
    const tokens = Array.from({ length: 100 }, (_, index) => `token ${index}`)
    for (const what of ['of a key that is new', 'of a key whose lease has ended']) {
      const states = await Promise.all(tokens.map((token) => ask.begin(claim(token))))
      const begun = tokens.filter((_, index) => states[index]?._tag === 'Begun')
      expectEqual(`${what}: how many began`, begun.length, 1)
      for (const state of states) if (state._tag !== 'Begun') expectInFlight(what, state, leaseMs)
      expectEqual(`${what}: it is theirs`, await ask.renew({ ...hold(begun[0] ?? ''), leaseMs }), true)
      clock.pass(leaseMs + 1)
    }
  }),

  law('gives a key to the next once it is abandoned, whatever that does with it', async ({ ask }) => {
    await ask.begin(claim('ann'))
    await ask.abandon(hold('ann'))
    expectBegun('the next', await ask.begin(claim('bob')))
    await ask.abandon(hold('bob'))
    expectBegun('another work', await ask.begin(claim('cid', { fingerprint: 'b2' })))
    expectEqual('its finish', await ask.finish({ ...hold('cid'), result: 'paid' }), true)
  }),

  law('gives a key to the next once its lease has ended, and not before', async ({ ask, clock }) => {
    await ask.begin(claim('ann'))
    clock.pass(leaseMs - 1)
    expectInFlight('before the end', await ask.begin(claim('bob')), 1)
    clock.pass(2)
    expectBegun('after the end', await ask.begin(claim('bob')))
    expectInFlight('to a third', await ask.begin(claim('cid')), leaseMs)
  }),

  law('holds a key for a lease that is counted from its renewal', async ({ ask, clock }) => {
    await ask.begin(claim('ann'))
    for (let round = 0; round < 5; round += 1) {
      clock.pass(leaseMs - 1_000)
      expectEqual('renew', await ask.renew({ ...hold('ann'), leaseMs }), true)
      expectInFlight('after renew', await ask.begin(claim('bob')), leaseMs)
    }
    clock.pass(leaseMs - 1_000)
    expectInFlight('a second before the end', await ask.begin(claim('bob')), 1_000)
    expectEqual('renew for less', await ask.renew({ ...hold('ann'), leaseMs: 500 }), true)
    expectInFlight('after it was renewed for less', await ask.begin(claim('bob')), 500)
    clock.pass(501)
    expectBegun('after the end', await ask.begin(claim('bob')))
    expectEqual('renew for far more', await ask.renew({ ...hold('bob'), leaseMs: leaseMs * 60 }), true)
    clock.pass(leaseMs * 60 - 1)
    expectInFlight('before the end of that', await ask.begin(claim('cid')), 1)
    clock.pass(2)
    expectBegun('after the end of that', await ask.begin(claim('cid', { leaseMs: leaseMs * 60 })))
    clock.pass(leaseMs * 60 - 1)
    expectInFlight('before the end of what was begun for far more', await ask.begin(claim('dan')), 1)
  }),

  law('renews the lease of one key, and of no other that is held by the same', async ({ ask, clock }) => {
    for (const key of ['one', 'other']) await ask.begin(claim('ann', { key }))
    clock.pass(leaseMs - 1_000)
    expectEqual('renew', await ask.renew({ ...hold('ann', 'one'), leaseMs }), true)
    clock.pass(1_001)
    expectInFlight('the one', await ask.begin(claim('bob', { key: 'one' })), leaseMs)
    expectBegun('the other', await ask.begin(claim('bob', { key: 'other' })))
  }),

  law('leaves a key to who took it over, whatever the first one asks', async ({ ask, clock }) => {
    await ask.begin(claim('ann'))
    clock.pass(leaseMs + 1)
    expectBegun('the second', await ask.begin(claim('bob')))
    clock.pass(1_000)
    const unchanged = async (after: string): Promise<void> =>
      expectInFlight(after, await ask.begin(claim('cid')), leaseMs - 1_000)
    expectEqual('renew by the first', await ask.renew({ ...hold('ann'), leaseMs }), false)
    await unchanged('after renew by the first')
    expectEqual('finish by the first', await ask.finish({ ...hold('ann'), result: 'by ann' }), false)
    await unchanged('after finish by the first')
    await ask.abandon(hold('ann'))
    await unchanged('after abandon by the first')
    expectEqual('renew by the second', await ask.renew({ ...hold('bob'), leaseMs }), true)
    expectEqual('finish by the second', await ask.finish({ ...hold('bob'), result: 'by bob' }), true)
    expectEqual('what is found', await ask.begin(claim('cid')), { _tag: 'Finished', result: 'by bob' })
  }),

  law('keeps nothing of a wish that it refuses for its lease', async ({ store, ask }) => {
    for (const odd of [0, -1, NaN, Infinity, 1e300]) {
      const key = `a lease of ${odd}`
      const begun = await answerOf(`begin for ${odd}`, () => store.begin(claim('ann', { key, leaseMs: odd })))
      if (begun._tag === 'Left') expectBegun(`after ${key}`, await ask.begin(claim('bob', { key })))
    }
  }),

  law('answers false about what nobody holds', async ({ ask }) => {
    const tried = async (what: string): Promise<void> => {
      expectEqual(`renew ${what}`, await ask.renew({ ...hold('ann'), leaseMs }), false)
      expectEqual(`finish ${what}`, await ask.finish({ ...hold('ann'), result: 'paid' }), false)
      await ask.abandon(hold('ann'))
    }
    await tried('of what was never begun')
    expectBegun('after that', await ask.begin(claim('ann')))
    await ask.abandon(hold('ann'))
    await tried('of what was abandoned')
    expectBegun('after that', await ask.begin(claim('bob')))
  })
]
