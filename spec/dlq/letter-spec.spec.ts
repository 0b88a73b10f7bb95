import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Failure, malformed, rejected } from '../../lib/core/failure.js'
import type { DeadLetter, StoredLetter } from '../../lib/core/letter.js'
import { message } from '../../lib/core/message.js'
import type { Processor } from '../../lib/core/processor.js'
import { type LetterSpecOptions, letterToSpec } from '../../lib/dlq/letter-spec.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { withDlq } from '../../lib/timed.js'
import { anyLetter } from '../support/replay-arbitrary.js'
import { onlyLetter, put } from '../support/replay-stores.js'
import { type Ended, repository, runWritten, typescript } from '../support/program.js'

mkdirSync(join(repository, '.cache'), { recursive: true })
/** Inside the repository, so that packages are found from it. */
const folder = mkdtempSync(join(repository, '.cache', 'letter-spec-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const stored = async (fields: Partial<DeadLetter> = {}): Promise<StoredLetter> => {
  const store = memoryDlq()
  await put(store, { id: '17', bytes: new TextEncoder().encode('{"total":"ten"}'), ...fields })
  return onlyLetter(store)
}

const imports = `import { Buffer } from 'node:buffer'
import { pipe } from 'fp-ts/lib/function.js'
import { Resource, ack, bytes, failed, handle, json, otherwise, receive, rejected, withDlq } from 'missive-ts'
`

/** A module of an app, and what a spec imports it by. */
const moduleOf = (name: string, code: string): string => {
  writeFileSync(join(folder, `${name}.ts`), `${imports}${code}`)
  return `./${name}.js`
}

/** Apps as they are when a letter comes, and as they are once somebody has seen to it. */
const totals = (name: string, work: string): string =>
  moduleOf(name, `export default pipe(receive(json), handle(otherwise(async ({ body }) => ${work})))`)

const broken = totals(
  'broken',
  "typeof body.total === 'number' ? ack : failed(rejected('no-number', { total: body.total }))"
)
const fixed = totals('fixed', "Number.isNaN(body.total) ? failed(rejected('no-number')) : ack")
const throwing = totals('throwing', 'body.total.amount.currency')
const opened = moduleOf(
  'opened',
  `export default Resource.of(pipe(receive(json), handle(otherwise(async () => ack))))`
)

let specs = 0

/** Writes the spec of a letter and runs it, as its user does. */
const specOf = (letter: StoredLetter, options: LetterSpecOptions): Promise<Ended> => {
  specs += 1
  const file = join(folder, `letter-${specs}.spec.ts`)
  writeFileSync(file, letterToSpec(letter, options))
  return runFile(file)
}

const runFile = (file: string): Promise<Ended> =>
  runWritten(file, { cwd: repository, env: { NO_COLOR: '1', FORCE_COLOR: '0' } })

const counted = ({ code, stdout }: Ended): readonly unknown[] => [
  code,
  ...(/Total: +(\d+)\s+Passed: +(\d+)/.exec(stdout)?.slice(1) ?? [])
]
const green = [0, '1', '1']
const red = [1, '1', '0']

const specsOf = suite('letterToSpec')

specsOf('is red before the fix, and says what became of the message', async () => {
  const ended = await specOf(await stored(), { through: broken })
  assert.equal(counted(ended), red)
  assert.match(ended.stdout, 'FAIL  dead letter ')
  assert.match(ended.stdout, '17 from test is acked')
  assert.match(ended.stdout, 'no-number')
})

specsOf('is green after the fix', async () => {
  assert.equal(counted(await specOf(await stored(), { through: fixed })), green)
})

specsOf('takes what needs to be opened', async () => {
  assert.equal(counted(await specOf(await stored(), { through: opened })), green)
})

specsOf('gives a factory a queue in memory, whatever the name of it is', async () => {
  const made = moduleOf(
    'made',
    `const orders = (dlq) => pipe(receive(json), handle(otherwise(async () => failed(rejected('late')))), withDlq(dlq))
export { orders, orders as letter, orders as default, orders as if }`
  )
  const letter = await stored({ failure: rejected('late') })
  const names = ['orders', 'letter', 'default', 'if']
  const ended = await Promise.all(
    names.map((factory) => specOf(letter, { through: made, expect: 'failure', factory }))
  )
  assert.equal(
    ended.map(counted),
    names.map(() => green)
  )
  for (const factory of ['', 'a b', "x } from 'y'; import { z", '1a'])
    assert.throws(
      () => letterToSpec(letter, { through: made, factory }),
      /factory is .*give the name of an export/
    )
})

specsOf('asks that a message fails as it did, and not otherwise, where that is wanted', async () => {
  const failing = (failure: Failure) => stored({ failure })
  const [same, other, acked] = await Promise.all([
    specOf(await failing(rejected('no-number', { total: 'ten' })), { through: broken, expect: 'failure' }),
    specOf(await failing(rejected('no-number', { total: 'eleven' })), { through: broken, expect: 'failure' }),
    specOf(await failing(rejected('no-number', { total: 'ten' })), { through: fixed, expect: 'failure' })
  ])
  assert.equal([same, other, acked].map(counted), [green, red, red])
})

/** The letter that a message leaves behind that an app fails. */
const letterThrough = async (
  through: string,
  fields: Parameters<typeof message>[1]
): Promise<StoredLetter> => {
  await import(typescript)
  const { default: app } = (await import(join(folder, through.replace('.js', '.ts')))) as {
    default: Processor
  }
  const store = memoryDlq()
  await withDlq(store)(app)(message('{"total":"ten"}', fields))()
  return onlyLetter(store)
}

specsOf('asks that a message fails as it did also where something was thrown', async () => {
  const letter = await letterThrough(throwing, { id: '17' })
  assert.is(letter.failure._tag, 'Defect')
  assert.equal(counted(await specOf(letter, { through: throwing, expect: 'failure' })), green)
})

specsOf('asks that a message fails as it did also where its source found it wrong', async () => {
  const fault = malformed([{ path: '', message: 'a line of more than 10 bytes' }])
  const letter = await letterThrough(opened.replace('opened', 'fixed'), { id: '17', fault })
  assert.equal(letter.failure, fault)
  assert.equal(counted(await specOf(letter, { through: fixed, expect: 'failure' })), green)
})

/** An app that acks messages that are exactly those of these letters, told by their order. */
const exactly = (name: string, letters: readonly StoredLetter[]): string =>
  moduleOf(
    name,
    `const expected = new Set<string>(JSON.parse(Buffer.from('${Buffer.from(
      JSON.stringify(letters.map(seen))
    ).toString('base64')}', 'base64').toString()))
const text = ({ id, source, headers, bytes }) =>
  JSON.stringify([id, source, Object.entries(headers), Buffer.from(bytes).toString('base64')])
export default pipe(
  receive(bytes),
  handle(otherwise(async (message) => (expected.has(text(message)) ? ack : failed(rejected('changed', text(message))))))
)
`
  )

const seen = ({ id, source, headers, bytes }: StoredLetter): string =>
  JSON.stringify([id, source, Object.entries(headers), Buffer.from(bytes).toString('base64')])

specsOf('gives the processor all bytes exactly, also those that are no text', async () => {
  const letter = await stored({ bytes: Uint8Array.from({ length: 256 }, (_, index) => index) })
  assert.equal(counted(await specOf(letter, { through: exactly('binary', [letter]) })), green)
})

const evil = [
  `'"\`\n\r\t\u2028\u2029\${process.exit(42)}*/ // \\`,
  `'); process.exit(42); ('`,
  `"); process.exit(42); ("`,
  '`); process.exit(42); (`',
  `*/ process.exit(42) /*`,
  `\n process.exit(42)\n`,
  `\u2028process.exit(42)\u2029`,
  `\\"); process.exit(42); //`,
  '</script>\u0000\u202e\ud800'
]

specsOf('holds what letters say as data, however it is written', async () => {
  const letters = await Promise.all(
    evil.map((text) =>
      stored({
        id: text,
        source: text,
        headers: { [text]: text },
        bytes: new TextEncoder().encode(text),
        failure: rejected(text, { [text]: text })
      })
    )
  )
  const through = exactly('evil', letters)
  letters.forEach((letter, index) =>
    writeFileSync(join(folder, `evil-${index}.spec.ts`), letterToSpec(letter, { through }))
  )
  const all = join(folder, 'evil-all.ts')
  writeFileSync(all, letters.map((_, index) => `import './evil-${index}.spec.js'\n`).join(''))
  const ended = await runFile(all)
  assert.equal(counted(ended), [0, String(evil.length), String(evil.length)], ended.stdout + ended.stderr)
})

specsOf('holds whatever letters say as data', async () => {
  const letters = fc.sample(
    anyLetter
      .filter(({ headers }) => !Object.hasOwn(headers, '__proto__'))
      .map((letter) => ({ ...letter, fault: undefined })),
    { numRuns: 150, seed: 17 }
  )
  const through = exactly('any', letters)
  letters.forEach((letter, index) => {
    const expect = index % 3 === 0 ? 'failure' : 'acked'
    const code = letterToSpec(letter, { through, expect })
    // What is asked for is not the matter here, but that the program reads and gives the message as it was.
    writeFileSync(
      join(folder, `any-${index}.spec.ts`),
      code.replace(
        /^ {2}assert\.is\('failure' in outcome[^\n]*$/m,
        "  assert.is(outcome._tag, 'Acked'); void renderFailure"
      )
    )
  })
  const all = join(folder, 'any-all.ts')
  writeFileSync(all, letters.map((_, index) => `import './any-${index}.spec.js'\n`).join(''))
  const ended = await runFile(all)
  assert.equal(counted(ended), [0, '150', '150'], ended.stdout.slice(-3_000) + ended.stderr.slice(0, 3_000))
})

specsOf('shows what a terminal or a reader would be misled by escaped', () =>
  fc.assert(
    fc.property(anyLetter, (letter) => {
      const code = letterToSpec(letter, { through: './app.js', expect: 'failure' })
      assert.not.match(code, /(?!\n)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
    })
  )
)

specsOf('keeps a header that is named __proto__', async () => {
  const letter = await stored({ headers: JSON.parse('{"__proto__":"a"}') as Record<string, string> })
  assert.equal(Object.entries(letter.headers), [['__proto__', 'a']])
  const ended = await specOf(letter, { through: exactly('proto', [letter]) })
  assert.equal(counted(ended), green)
})

specsOf(
  'refuses a letter whose bytes were dropped when it was settled, and takes one that is empty',
  async () => {
    const store = memoryDlq()
    await put(store, { id: '17', bytes: new TextEncoder().encode('{"total":"ten"}') })
    await store.discard({ filter: {}, by: 'ann', note: 'no use' })()
    const letter = await onlyLetter(store)
    assert.throws(() => letterToSpec(letter, { through: broken }), /is discarded, and its bytes were dropped/)
    const empty = await stored({ bytes: new Uint8Array() })
    assert.match(letterToSpec(empty, { through: broken }), 'message("", {')
  }
)

specsOf.run()
