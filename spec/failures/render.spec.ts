import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Captured } from '../../lib/core/captured.js'
import {
  type Defect,
  type Failure,
  type HookFailed,
  defect,
  dlqUnavailable,
  malformed,
  multipleMatches,
  noMatch,
  rejected,
  timedOut,
  tooManyDeliveries
} from '../../lib/core/failure.js'
import { printable, publicMessage, renderFailure } from '../../lib/failures/render.js'

/** Each failure there is, with these texts in all places. */
const failuresOf = (text: string): readonly Failure[] => {
  const captured: Captured = {
    name: text,
    message: text,
    stack: `${text}: ${text}\n    at ${text} (file.js:1:2)`,
    causes: [{ name: text, message: text, stack: text }]
  }
  const thrown: Defect = { _tag: 'Defect', where: text, ...captured }
  const hook: HookFailed = { _tag: 'HookFailed', hook: text, phase: 'release', error: captured }
  return [
    noMatch([{ route: text, reason: text }], 3),
    multipleMatches([text, text]),
    malformed([{ path: text, message: text }]),
    rejected(text, { [text]: text }),
    thrown,
    hook,
    timedOut(5, true),
    tooManyDeliveries(5),
    dlqUnavailable(text, malformed([{ path: text, message: text }])),
    dlqUnavailable(text, thrown)
  ]
}

const aText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\n',
      '\r',
      '\u001b',
      '\0',
      '\u0007',
      '\u009b',
      '\u2028',
      '\u2029',
      '\u202e',
      '\u2066',
      '\t'
    ),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
  ),
  minLength: 1
})

const rendering = suite('renderFailure')

rendering('sums up each failure in its first line', () => {
  const boom = new RangeError('boom', { cause: 'a cause' })
  const firstLines = [
    noMatch([
      { route: 'a', reason: 'says no' },
      { route: 'b', reason: '.type is absent, not "b"' }
    ]),
    noMatch([{ route: 'a', reason: 'says no' }], 3),
    noMatch([], 3),
    noMatch(),
    multipleMatches(['a', 'b']),
    malformed([
      { path: '.total', message: 'expected number' },
      { path: '', message: 'not JSON' }
    ]),
    rejected('late'),
    rejected('late', { by: 3 }),
    defect('the handler of a', boom),
    { _tag: 'HookFailed', hook: 'tx', phase: 'acquire', error: { name: 'Error', message: 'full' } } as const,
    timedOut(500),
    timedOut(500, true),
    tooManyDeliveries(5),
    dlqUnavailable('disk full', rejected('late'))
  ].map((failure) => renderFailure(failure).split('\n')[0])
  assert.equal(firstLines, [
    'no route matches (a: says no; b: .type is absent, not "b")',
    'no route matches (a: says no; 3 more)',
    'no route matches (3 more)',
    'no route matches, as there is none',
    'several routes match: a, b',
    'malformed: .total expected number, not JSON',
    'rejected: late',
    'rejected: late {"by":3}',
    'defect in the handler of a: RangeError: boom',
    'hook tx failed to acquire: Error: full',
    'timed out after 500 ms',
    'timed out after 500 ms, and the handler may still be running',
    'started 5 times and never finished',
    'the dead letter queue could not store it: disk full; it holds: rejected: late'
  ])
})

rendering('tells the stack of a defect, and its causes', () => {
  const boom = new RangeError('boom', { cause: new TypeError('deep') })
  const lines = renderFailure(defect('here', boom)).split('\n')
  assert.is(lines[0], 'defect in here: RangeError: boom')
  assert.ok(lines.some((line) => /^\s+at .*render\.spec/.test(line)))
  assert.ok(lines.includes('  caused by TypeError: deep'))
})

rendering('ends where a cause is its own', () => {
  const causes: Captured[] = []
  const looped: Defect = { _tag: 'Defect', where: 'the handler', name: 'Error', message: 'late', causes }
  causes.push(looped)
  assert.equal(renderFailure(looped).split('\n'), [
    'defect in the handler: Error: late',
    ...Array.from({ length: 8 }, () => '  caused by Error: late')
  ])
})

rendering('tells causes of causes, each once, and of a stack its frames alone', () => {
  const deepest = new Error('meet at ten\nat noon')
  const boom = new RangeError('boom', { cause: new TypeError('deep', { cause: deepest }) })
  const [, ...lines] = renderFailure(defect('here', boom)).split('\n')
  const frames = lines.filter((line) => line.includes('render.spec'))
  assert.ok(frames.length > 0 && frames.every((line) => line.startsWith('    at ')))
  assert.equal(
    lines.filter((line) => line.includes('caused by')),
    ['  caused by TypeError: deep', '  caused by Error: meet at ten']
  )
  const said = lines.filter((line) => /meet|noon/.test(line))
  assert.equal(said, ['  caused by Error: meet at ten', '    at noon'])
})

rendering('is one line where there is no stack and no cause', () => {
  const failure = { _tag: 'Defect', where: 'here', name: 'Error', message: 'late' } as const
  assert.is(renderFailure(failure), 'defect in here: Error: late')
})

rendering('lets nothing through that a terminal would act on', () =>
  fc.assert(
    fc.property(aText, (text) => {
      for (const failure of failuresOf(text)) {
        const text = renderFailure(failure).replaceAll('\n', '')
        assert.not.match(text, /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
      }
    })
  )
)

rendering('lets nothing forge a line: what follows the first is indented', () =>
  fc.assert(
    fc.property(aText, (text) => {
      for (const failure of failuresOf(text)) {
        const [, ...lines] = renderFailure(failure).split('\n')
        assert.equal(
          lines.filter((line) => line !== '' && !/^\s/.test(line)),
          []
        )
      }
    })
  )
)

rendering('shows control characters escaped', () => {
  assert.is(renderFailure(rejected('a\u001b[31mb')), 'rejected: a\\u001b[31mb')
  assert.is(renderFailure(malformed([{ path: '', message: 'a\nb\u202e' }])), 'malformed: a\\u000ab\\u202e')
})

rendering('reads errors that user code has made by hand, whatever is in them', () => {
  const odd = [
    { name: 3, message: null, stack: ['a'], causes: 'none' },
    { name: 'Error', message: 'late', stack: 17, causes: [undefined, null, 3, { name: 'Error' }] }
  ]
  const texts = odd.map((error) => renderFailure({ _tag: 'Defect', where: 'here', ...error } as never))
  assert.equal(
    texts.map((text) => text.split('\n')[0]),
    ['defect in here: 3: null', 'defect in here: Error: late']
  )
})

rendering.run()

const publishing = suite('publicMessage')

publishing('says what is wrong with the message', () => {
  assert.is(
    publicMessage(malformed([{ path: '.total', message: 'expected number' }])),
    'the payload is malformed: .total expected number'
  )
  assert.is(publicMessage(noMatch([{ route: 'a', reason: 'b' }])), 'nothing here takes this message')
  assert.is(publicMessage(multipleMatches(['a', 'b'])), 'it is not clear what this message is for')
  assert.is(publicMessage(rejected('late', { by: 3 })), 'rejected: late')
})

publishing('says nothing of the inside', () => {
  const inside = failuresOf('secret').filter(({ _tag }) => _tag !== 'Malformed' && _tag !== 'Rejected')
  for (const failure of [...inside, rejected('late', { secret: 'secret' })])
    assert.not.match(publicMessage(failure), 'secret')
})

publishing('says the same of everything that is not the fault of the message', () => {
  const tags = new Set(['Defect', 'HookFailed', 'TimedOut', 'TooManyDeliveries', 'DlqUnavailable'])
  const said = failuresOf('secret').flatMap((failure) =>
    tags.has(failure._tag) ? [publicMessage(failure)] : []
  )
  assert.equal([said.length, [...new Set(said)]], [6, ['the message could not be handled']])
})

publishing('is one line of what can be printed', () =>
  fc.assert(
    fc.property(aText, (text) => {
      for (const failure of failuresOf(text))
        assert.is(publicMessage(failure), printable(publicMessage(failure)))
    })
  )
)

publishing.run()

const printing = suite('printable')

printing('escapes what a terminal acts on, and nothing else', () => {
  assert.is(printable('Grüße, 😀 "x" \\n'), 'Grüße, 😀 "x" \\n')
  assert.is(
    printable('\u0000\u001b\u007f\u009b\u2028\u202e\u2066'),
    '\\u0000\\u001b\\u007f\\u009b\\u2028\\u202e\\u2066'
  )
})

printing.run()
