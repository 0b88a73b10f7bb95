/** Laws of breaking: brokers are restarted, connections are cut or fall silent. */
import { ack } from '../core/outcome.js'
import { expect, expectEqual } from './comparing.js'
import { machineClock as clock, pause } from './machine-clock.js'
import { acked } from './source-left.js'
import { type Law, type Trial, law, sorted, texts } from './source-trial.js'

export const breakingLaws: readonly Law[] = [
  law('goes on by itself after a restart of the broker', ['restarts', 'live'], (trial) =>
    goesOn(trial, trial.broker.restart, 'restarts')
  ),

  law('loses nothing in restarts of the broker', ['restarts', 'keeps', 'live'], (trial) =>
    losesNothing(trial, trial.broker.restart, 'restarts')
  ),

  law('goes on by itself after its connections are cut', ['cuts', 'live'], (trial) =>
    goesOn(trial, trial.broker.cut, 'cuts')
  ),

  law('loses nothing when its connections are cut', ['cuts', 'keeps', 'live'], (trial) =>
    losesNothing(trial, trial.broker.cut, 'cuts')
  ),

  law('goes on by itself after its connections have gone silent', ['stalls', 'live'], (trial) =>
    goesOn(trial, trial.broker.stall, 'stalls')
  ),

  law('loses nothing when its connections go silent', ['stalls', 'keeps', 'live'], (trial) =>
    losesNothing(trial, trial.broker.stall, 'stalls')
  )
]

// helpers

type Fault = (() => Promise<void>) | undefined

const faultOf = (fault: Fault, name: string): (() => Promise<void>) => {
  if (fault === undefined) throw new Error(`the bench promises ${name}, and its broker cannot make one`)
  return fault
}

/** What is sent meanwhile may be lost; what is sent once it is back may not. */
const goesOn = async (trial: Trial, fault: Fault, name: string): Promise<void> => {
  const running = await trial.run({ sent: ['before'] })
  await running.until('a message before', () => running.texts().includes('before'))
  await faultOf(fault, name)()
  const startedAt = clock.monotonic()
  let probes = 0
  while (!running.texts().some((text) => text.startsWith('probe'))) {
    const afterMs = clock.monotonic() - startedAt
    expect(`a message within ${trial.recoverMs} ms`, afterMs < trial.recoverMs, running.events)
    await trial.send([`probe${(probes += 1)}`]).catch(() => undefined)
    await trial.quiet(50)
  }
  await trial.send(['after'])
  await running.until('a message after', () => running.texts().includes('after'))
}

const losesNothing = async (trial: Trial, fault: Fault, name: string): Promise<void> => {
  const sent = texts(trial.count(300, 10_000))
  const running = await trial.run({
    sent,
    options: { concurrency: 8, maxUnsettled: 32 },
    handler: async () => {
      await pause()
      return ack
    }
  })
  const given = () => new Set(running.texts()).size
  for (const part of [1 / 3, 1 / 2]) {
    await running.until('a part of the messages', () => given() >= sent.length * part, given)
    await faultOf(fault, name)()
  }
  const startedAt = clock.monotonic()
  while (given() < sent.length && clock.monotonic() - startedAt < trial.recoverMs) await trial.quiet(10)
  await running.until('all messages', () => given() >= sent.length, given)
  // An answer may get lost for good though what was asked for was done: then the broker knows.
  if (trial.broker.left === undefined) await acked(trial, sent.length)
  await doneForGood(trial)
  expectEqual('the messages', sorted([...new Set(running.texts())]), sorted(sent))
}

/** That what was answered for as done does not come again is watched all the time. */
const doneForGood = async ({ broker, until, quietPastLease }: Trial): Promise<void> => {
  const { left } = broker
  if (left === undefined) return quietPastLease()
  let count = 0
  await until(
    'nothing to be left with the broker',
    async () => (count = await left()) === 0,
    () => `${count} messages`
  )
}
