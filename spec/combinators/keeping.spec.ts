import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { asking, keeping } from '../../lib/combinators/keeping.js'
import { left, right } from '../../lib/core/result.js'
import type { IdempotencyError, IdempotencyStore } from '../../lib/ports/idempotency.js'
import { turn, virtualClock } from '../support/clock.js'

const unasked = (): never => {
  throw new Error('nobody asked for that')
}

type Answered = Either<IdempotencyError, boolean>

/** A store that gives these answers to renewals, the last one for good. */
const renewing = (...answers: readonly (() => Promise<Answered>)[]) => {
  const clock = virtualClock()
  const asked: unknown[] = []
  const lost: number[] = []
  const begunAt = clock.monotonic()
  const store: IdempotencyStore = {
    begin: unasked,
    finish: unasked,
    abandon: unasked,
    renew: (claim) => () => {
      asked.push([clock.monotonic() - begunAt, claim])
      return (answers[asked.length - 1] ?? answers[answers.length - 1] ?? unasked)()
    }
  }
  const hold = { key: 'order-17', token: 'me', leaseMs: 3_000 }
  const letGo = keeping(store, hold, clock, () => void lost.push(clock.monotonic() - begunAt))
  return { clock, asked, lost, letGo, hold, times: () => asked.map((one) => (one as [number])[0]) }
}

const held = async () => right(true)

const kept = suite('keeping')

kept('renews three times in each lease, until it is let go', async () => {
  const { clock, asked, times, letGo, lost, hold } = renewing(held)
  for (let step = 0; step < 7; step += 1) await clock.advance(500)
  assert.equal(times(), [1_000, 2_000, 3_000])
  assert.equal(asked[0], [1_000, hold])
  letGo()
  await clock.advance(10_000)
  assert.equal([times().length, lost, clock.waiting()], [3, [], []])
})

kept('tells once that the key is somebody else’s, and asks no more', async () => {
  const { clock, times, lost } = renewing(held, async () => right(false))
  for (let step = 0; step < 12; step += 1) await clock.advance(500)
  assert.equal([times(), lost], [[1_000, 2_000], [2_000]])
})

kept('asks again where the store did not answer, or rejected', async () => {
  const { clock, times, lost } = renewing(
    async () => left({ reason: 'gone' }),
    async () => Promise.reject(new Error('it broke its word')),
    async () => undefined as never,
    held
  )
  for (let step = 0; step < 7; step += 1) await clock.advance(500)
  assert.equal([times(), lost], [[1_000, 2_000, 3_000], []])
})

kept('asks again in the same lease where the store hangs', async () => {
  const { clock, times, lost } = renewing(() => new Promise(() => undefined), held)
  for (let step = 0; step < 5; step += 1) await clock.advance(500)
  assert.equal([times(), lost], [[1_000, 2_500], []])
})

kept('tells nothing and asks nothing once it was let go while the store was asked', async () => {
  for (const answer of [true, false]) {
    let say: (answer: Answered) => void = unasked
    const { clock, times, lost, letGo } = renewing(() => new Promise((resolve) => (say = resolve)))
    await clock.advance(1_000)
    letGo()
    say(right(answer))
    await turn()
    await clock.advance(10_000)
    assert.equal([times(), lost, clock.waiting()], [[1_000], [], []], String(answer))
  }
})

kept.run()

const answers = suite('asking')

const answered = <A>(ask: () => TaskEither<IdempotencyError, A>) => asking(virtualClock(), 1_000)(ask)

answers('gives what the store answers, and a Left for what it throws or rejects with', async () => {
  assert.equal(await answered(() => held), right(true))
  assert.equal(await answered(unasked), left({ reason: 'nobody asked for that' }))
  assert.equal(await answered(() => async () => unasked()), left({ reason: 'nobody asked for that' }))
})

answers('says what is wrong with what a store answers', async () => {
  const reasonOf = async (given: unknown): Promise<unknown> => answered(() => given as never)
  const rejecting = Promise.reject(new Error('nobody heard that'))
  const noTask = 'gave something that is no Task; give a function that gives a Promise'
  for (const given of [undefined, 'yes', rejecting])
    assert.equal(await reasonOf(given), left({ reason: noTask }))
  for (const given of [undefined, null, true, {}])
    assert.equal(await reasonOf(async () => given), left({ reason: 'it answers what is no Either' }))
  for (const error of [undefined, null, 'full', new Error('full'), { reason: 3 }])
    assert.equal(
      await reasonOf(async () => ({ _tag: 'Left', left: error })),
      left({ reason: 'it gives no reason' })
    )
})

answers(
  'waits so long and no longer for a store that hangs, and hears what it rejects with then',
  async () => {
    const clock = virtualClock()
    let reject: (error: Error) => void = unasked
    const asked = asking(clock, 1_000)(() => () => new Promise<never>((_, refuse) => (reject = refuse)))
    let answer: unknown
    void asked.then((given) => (answer = given))
    await clock.advance(999)
    assert.is(answer, undefined)
    await clock.advance(1)
    assert.equal(answer, left({ reason: 'no answer within 1000 ms' }))
    reject(new Error('nobody hears that'))
    await turn()
  }
)

answers.run()
