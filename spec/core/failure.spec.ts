import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defect, dlqUnavailable, malformed, matchFailure, noMatch, rejected } from '../../lib/core/failure.js'
import { failureToJson } from '../../lib/core/failure-to-json.js'
import { failureFromJson } from '../../lib/core/failure-json.js'
import { right } from '../../lib/core/result.js'

const matching = suite('matchFailure')

matching('takes the case of the tag, or otherwise', () => {
  const code = matchFailure({ Rejected: ({ code }) => code, otherwise: ({ _tag }) => _tag })
  assert.equal([code(rejected('late')), code(noMatch())], ['late', 'NoMatch'])
})

matching.run()

const json = suite('failureToJson, failureFromJson')

json('give the failure back', () => {
  const failures = [
    noMatch([{ route: 'a', reason: 'says no' }], 3),
    malformed([{ path: '.total', message: 'expected number' }]),
    rejected('late', { by: 3 }),
    defect('the handler of a', new Error('boom', { cause: 'x' })),
    dlqUnavailable('full', rejected('late'))
  ]
  for (const failure of failures)
    assert.equal(failureFromJson(JSON.parse(JSON.stringify(failureToJson(failure)))), right(failure))
})

json('can be written whatever the details are', () => {
  const cyclic: Record<string, unknown> = { big: 10n, at: new Date(0), no: undefined, f: () => 1 }
  cyclic.self = cyclic
  const text = JSON.stringify(failureToJson(rejected('odd', cyclic as never)))
  assert.ok(text.includes('"big":"10"') && text.includes('1970') && text.includes('nested too deeply'), text)
})

json('says where data is no failure', () => {
  assert.is(failureFromJson({ _tag: 'Rejected' })._tag, 'Left')
  assert.is(failureFromJson({ _tag: 'Nonsense' })._tag, 'Left')
})

json.run()
