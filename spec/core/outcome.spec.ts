import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defect, malformed, noMatch, rejected } from '../../lib/core/failure.js'
import { interruption, message } from '../../lib/core/message.js'
import {
  type Outcome,
  type Verdict,
  ack,
  ackWith,
  deadLettered,
  failed,
  matchOutcome,
  matchVerdict,
  nack,
  released,
  toOutcome,
  toVerdict,
  unlessInterrupted
} from '../../lib/core/outcome.js'

const verdicts: readonly Verdict[] = [
  ack,
  ackWith({ note: 'a', reply: { n: 1 } }),
  nack(),
  nack({ reason: 'busy', afterMs: 50 }),
  failed(rejected('late')),
  failed(noMatch()),
  failed(malformed([])),
  failed(defect('here', new Error('boom')))
]
const others: readonly Outcome[] = [
  deadLettered(rejected('late')),
  released('shutdown'),
  released('leaseLost')
]

const constructing = suite('constructors')

constructing('make plain data', () => {
  assert.equal(ack, { _tag: 'Acked' })
  assert.equal(ackWith({ note: 'a', reply: 1 }), { _tag: 'Acked', note: 'a', reply: 1 })
  assert.equal(nack(), { _tag: 'Nacked' })
  assert.equal(nack({ reason: 'busy', afterMs: 5 }), { _tag: 'Nacked', reason: 'busy', afterMs: 5 })
  assert.equal(failed(noMatch()), { _tag: 'Failed', failure: noMatch() })
  assert.equal(deadLettered(noMatch()), { _tag: 'DeadLettered', failure: noMatch() })
  assert.equal(released('leaseLost'), { _tag: 'Released', reason: 'leaseLost' })
})

constructing('take a delay that is over for none, and refuse one that is no number', () => {
  assert.equal(nack({ afterMs: -5 }), { _tag: 'Nacked', afterMs: 0 })
  for (const afterMs of [Number.NaN, Infinity, '5' as never])
    assert.throws(
      () => nack({ afterMs }),
      (error: unknown) => error instanceof RangeError && error.message === `nack: afterMs is ${afterMs}`
    )
})

constructing.run()

const matchingVerdicts = suite('matchVerdict')

matchingVerdicts('takes the case of the tag, or otherwise', () => {
  const all = matchVerdict({
    Acked: ({ note }) => `acked ${note}`,
    Nacked: ({ afterMs }) => `nacked ${afterMs}`,
    Failed: ({ failure }) => `failed ${failure._tag}`
  })
  const some = matchVerdict<string>({ Acked: () => 'acked', otherwise: ({ _tag }) => _tag })
  assert.equal([ackWith({ note: 'a' }), nack({ afterMs: 5 }), failed(noMatch())].map(all), [
    'acked a',
    'nacked 5',
    'failed NoMatch'
  ])
  assert.equal([ack, nack(), failed(noMatch())].map(some), ['acked', 'Nacked', 'Failed'])
})

matchingVerdicts.run()

const matchingOutcomes = suite('matchOutcome')

matchingOutcomes('takes the case of the tag, or otherwise', () => {
  const all = matchOutcome<unknown>({
    Acked: () => 200,
    Nacked: () => 503,
    Failed: () => 500,
    DeadLettered: () => 202,
    Released: ({ reason }) => reason
  })
  const some = matchOutcome<unknown>({ DeadLettered: () => 202, otherwise: ({ _tag }) => _tag })
  assert.equal([ack, nack(), failed(noMatch()), ...others].map(all), [
    200,
    503,
    500,
    202,
    'shutdown',
    'leaseLost'
  ])
  assert.equal([ack, ...others].map(some), ['Acked', 202, 'Released', 'Released'])
})

matchingOutcomes.run()

const converting = suite('toVerdict, toOutcome')

const none = [undefined, undefined]

converting('give back what there is', () => {
  for (const verdict of verdicts) assert.equal([toVerdict(verdict), toOutcome(verdict)], [verdict, verdict])
  for (const outcome of others) assert.equal([toVerdict(outcome), toOutcome(outcome)], [undefined, outcome])
})

converting('leave out what does not belong', () => {
  const seen = [
    { _tag: 'Acked', reason: 'odd', at: 3 },
    { _tag: 'Nacked', reply: 'odd' }
  ].map(toOutcome)
  assert.equal(seen, [ack, nack()])
})

converting('take nothing else for one', () => {
  const wrong: readonly unknown[] = [
    undefined,
    null,
    0,
    'Acked',
    [],
    {},
    () => ack,
    Promise.resolve(ack),
    { _tag: 'acked' },
    { _tag: ['Acked'] },
    { _tag: 'Acked', note: 3 },
    { _tag: 'Nacked', reason: {} },
    { _tag: 'Nacked', afterMs: 'soon' },
    { _tag: 'Nacked', afterMs: NaN },
    { _tag: 'Nacked', afterMs: -1 },
    { _tag: 'Failed' },
    { _tag: 'Failed', failure: undefined },
    { _tag: 'Failed', failure: 'late' },
    { _tag: 'Failed', failure: {} },
    { _tag: 'Failed', failure: { _tag: 'Late' } },
    { _tag: 'Failed', failure: { _tag: 'toString' } },
    { _tag: 'Failed', failure: { _tag: '__proto__' } },
    { _tag: 'Failed', failure: { _tag: Object.create(null) } },
    { _tag: 'Failed', failure: { _tag: 'Rejected', code: 3 } },
    { _tag: 'Failed', failure: { _tag: 'Malformed', issues: [3] } },
    { _tag: 'DeadLettered' },
    { _tag: 'DeadLettered', failure: { _tag: 'Late' } },
    { _tag: 'Released' },
    { _tag: 'Released', reason: 'tired' }
  ]
  for (const [index, value] of wrong.entries())
    assert.equal([toVerdict(value), toOutcome(value)], none, `number ${index}`)
})

converting('take no random value for one', () =>
  fc.assert(fc.property(fc.anything(), (value) => assert.equal([toVerdict(value), toOutcome(value)], none)))
)

converting('read each field once, so that what was checked is what is used', () => {
  for (const convert of [toVerdict, toOutcome])
    for (const verdict of verdicts.filter((verdict) => verdict !== ack)) {
      const reads: string[] = []
      const counting = new Proxy<object>(verdict, {
        get: (target, name, receiver) => {
          reads.push(String(name))
          return Reflect.get(target, name, receiver)
        }
      })
      assert.equal(convert(counting), verdict)
      assert.equal(reads.toSorted(), [...new Set(reads)].toSorted())
    }
})

converting.run()

const interrupting = suite('unlessInterrupted')

const interrupted = (reason: 'shutdown' | 'leaseLost') =>
  message('1', { signal: AbortSignal.abort(interruption(reason)) })

interrupting('leaves every outcome alone while the message is wanted', () => {
  for (const outcome of [...verdicts, ...others])
    for (const wanted of [message('1'), message('1', { signal: AbortSignal.abort() })])
      assert.is(unlessInterrupted(wanted, outcome), outcome)
})

interrupting('makes Released of what did not finish, and leaves what did', () => {
  for (const reason of ['shutdown', 'leaseLost'] as const) {
    const seen = [...verdicts, ...others].map((outcome) => unlessInterrupted(interrupted(reason), outcome))
    const expected = [...verdicts, ...others].map((outcome) =>
      outcome._tag === 'Failed' || outcome._tag === 'Nacked' ? released(reason) : outcome
    )
    assert.equal(seen, expected)
  }
})

interrupting.run()
