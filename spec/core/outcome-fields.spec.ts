import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rejected } from '../../lib/core/failure.js'
import { ack, toOutcome, toVerdict } from '../../lib/core/outcome.js'

const failure = rejected('no')

const verdicts = suite('toVerdict')

verdicts('takes a delay that can be waited, and none that cannot', () => {
  for (const afterMs of [0, 0.5, 1, Number.MAX_VALUE])
    assert.equal(toVerdict({ _tag: 'Nacked', afterMs }), { _tag: 'Nacked', afterMs })
  for (const afterMs of [-1, Infinity, Number.NaN, '1', null, {}])
    assert.is(toVerdict({ _tag: 'Nacked', afterMs }), undefined, JSON.stringify(afterMs))
})

verdicts('takes texts for notes and reasons, and nothing else', () => {
  assert.equal(toVerdict({ _tag: 'Acked', note: '' }), { _tag: 'Acked', note: '' })
  assert.equal(toVerdict({ _tag: 'Nacked', reason: '' }), { _tag: 'Nacked', reason: '' })
  for (const other of [1, null, {}])
    assert.equal(
      [toVerdict({ _tag: 'Acked', note: other }), toVerdict({ _tag: 'Nacked', reason: other })],
      [undefined, undefined]
    )
})

verdicts('leaves out what is not said, and what is none of a verdict’s', () => {
  assert.equal(Object.keys(toVerdict({ _tag: 'Acked', extra: 1, afterMs: 2 }) ?? {}), ['_tag'])
  assert.equal(Object.keys(toVerdict({ _tag: 'Nacked', note: 'a' }) ?? {}), ['_tag'])
  assert.equal(toVerdict({ _tag: 'Acked', reply: null }), { _tag: 'Acked', reply: null })
  assert.is(toVerdict(ack), ack)
})

verdicts('takes nothing that is none', () => {
  const none = [undefined, null, 'Acked', ack._tag, {}, { _tag: 'Done' }, { _tag: 'Failed' }, [ack]]
  for (const given of none) assert.is(toVerdict(given), undefined)
  for (const _tag of ['DeadLettered', 'Released'])
    assert.is(toVerdict({ _tag, failure, reason: 'shutdown' }), undefined)
  assert.equal(toVerdict({ _tag: 'Failed', failure }), { _tag: 'Failed', failure })
})

verdicts.run()

const outcomes = suite('toOutcome')

outcomes('takes what verdicts are, and what only the library makes', () => {
  assert.is(toOutcome(ack), ack)
  assert.equal(toOutcome({ _tag: 'Nacked', afterMs: 0 }), { _tag: 'Nacked', afterMs: 0 })
  assert.equal(toOutcome({ _tag: 'DeadLettered', failure, reason: 1 }), { _tag: 'DeadLettered', failure })
  for (const reason of ['shutdown', 'leaseLost'])
    assert.equal(toOutcome({ _tag: 'Released', reason, failure }), { _tag: 'Released', reason })
  for (const given of [
    { _tag: 'DeadLettered' },
    { _tag: 'Released' },
    { _tag: 'Released', reason: 'tired' },
    null
  ])
    assert.is(toOutcome(given), undefined)
})

outcomes.run()
