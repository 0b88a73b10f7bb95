import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { issueLines, payloadLines } from '../../lib/cli/payload.js'

const nested = (depth: number): Uint8Array => Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`)

const payloads = suite('a payload that is shown')

payloads('is indented, number by number as it is written', () =>
  assert.equal(payloadLines(Buffer.from('{"a":[1.0,{"a":[]}],"a":1e2}'), false), [
    '{',
    '  "a": [',
    '    1.0,',
    '    {',
    '      "a": []',
    '    }',
    '  ],',
    '  "a": 1e2',
    '}'
  ])
)

payloads('stays as it is where it is nested so deeply that it would be spaces for the most part', () => {
  for (const depth of [5_000, 200_000])
    assert.equal(payloadLines(nested(depth), false), [Buffer.from(nested(depth)).toString()])
})

payloads('is shown beside what is wrong with it, however deeply it is nested', () => {
  for (const depth of [3, 200_000])
    assert.is(issueLines([{ path: '', message: 'expected an object' }], nested(depth)).length, 1)
})

payloads.run()
