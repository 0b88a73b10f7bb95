/** A letter as a spec: a file that uvu runs, so that what went wrong once is tried ever after. */
import { Buffer } from 'node:buffer'
import type { Failure } from '../core/failure.js'
import type { StoredLetter } from '../core/letter.js'
import { printable, renderFailure } from '../failures/render.js'
import { failureToJson } from '../failures/to-json.js'
import { keyOf } from './identity.js'

/** What the spec that is written imports and asks for. */
export interface LetterSpecOptions {
  /** The module whose default export is the processor, or a `Resource` of one; as the spec is to import it. */
  readonly through: string
  /** What the spec asks for: that the message is `acked`, which is the default, or that it fails as it did. */
  readonly expect?: 'acked' | 'failure'
  /**
   * The export of that module which makes the processor for a queue, `(dlq) => processor`; the spec gives it a
   * `memoryDlq()`. Without it the spec runs the default export, and what fails is stored in the queue of that.
   */
  readonly factory?: string | undefined
}

/**
 * The source of a uvu spec that gives a letter's message to a processor, and looks at the outcome.
 *
 * @example
 * const queue = memoryDlq()
 * await pipe(receive(json), handle(), withDlq(queue))(message({ total: 3 }, { id: '17' }))()
 * const [letter] = queue.letters()
 * const spec = letter && letterToSpec(letter, { through: './app.js' })
 * assert.ok(spec?.includes('letter("17 from test is acked", async () => {'))
 *
 * @throws RangeError if `factory` is no name of an export, or the letter was settled and has no bytes any more
 * @since 0.1.0
 */
export const letterToSpec = (
  letter: StoredLetter,
  { through, expect = 'acked', factory }: LetterSpecOptions
): string => {
  if (factory !== undefined && !isExportName(factory))
    throw new RangeError(`letterToSpec: factory is ${JSON.stringify(factory)}; give the name of an export`)
  const { id, source, headers, bytes, failure, fault, state } = letter
  if (isEmptied(letter))
    throw new RangeError(
      `letterToSpec: the letter ${letter.key.slice(0, 10)} is ${state}, and its bytes were dropped; give one that has them`
    )
  const fields = { id, source, headers, fault: fault && failureToJson(fault) }
  const name = `${id} from ${source} ${expect === 'acked' ? 'is acked' : 'fails as it did'}`
  const assertion =
    expect === 'acked'
      ? `assert.is(outcome._tag, 'Acked', JSON.stringify(outcome))`
      : `assert.is('failure' in outcome && renderFailure(outcome.failure).split('\\n')[0], ${literal(firstLine(failure))})`
  return `import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { message, processOne${expect === 'failure' ? ', renderFailure' : ''} } from 'missive-ts'
${
  factory === undefined
    ? `// What the app needs is opened, its queue too, and what fails is stored there. For a queue in memory let the module
// export a factory, (dlq) => processor, and export the letter with --factory and its name.
import app from ${literal(through)}`
    : `import { memoryDlq } from 'missive-ts/dlq'
import { ${factory} as processorOf } from ${literal(through)}`
}

const letter = suite(${literal(`dead letter ${letter.key.slice(0, 10)}`)})

letter(${literal(name)}, async () => {
  const delivered = message(${payloadLiteral(bytes)}, ${literal(fields)})
  const outcome = await processOne(${factory === undefined ? 'app' : 'processorOf(memoryDlq())'})(delivered)()
  ${assertion}
})

letter.run()
`
}

/** Could a module export something by this name, as it is written in an import? */
export const isExportName = (name: string): boolean => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)

// helpers

/** Are its bytes others than those that name it? A message may be empty, too. */
const isEmptied = ({ key, bytes, original, ...identity }: StoredLetter): boolean =>
  bytes.length === 0 && keyOf({ ...identity, bytes: original ?? bytes }) !== key

/** JSON is a part of JavaScript, but for a field `__proto__`, which is none there. */
const literal = (value: unknown): string => {
  const json = printable(JSON.stringify(value))
  return json.includes('"__proto__":') ? `JSON.parse(${JSON.stringify(json)})` : json
}

/** Without the stacks, which are others each time. */
const firstLine = (failure: Failure): string => renderFailure(failure).split('\n')[0] ?? ''

const payloadLiteral = (bytes: Uint8Array): string => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const text = buffer.toString('utf8')
  return Buffer.from(text, 'utf8').equals(buffer)
    ? literal(text)
    : `Uint8Array.from(Buffer.from(${literal(buffer.toString('base64'))}, 'base64'))`
}
