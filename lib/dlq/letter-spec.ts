/** A letter as a spec: a file that uvu runs, so that what went wrong once is tried ever after. */
import { Buffer } from 'node:buffer'
import { failureToJson } from '../core/failure-to-json.js'
import type { StoredLetter } from '../core/letter.js'

export interface LetterSpecOptions {
  /** The module whose default export is the processor, or a `Resource` of one; as the spec is to import it. */
  readonly through: string
  /** What the spec asks for: that the message is `acked`, which is the default, or that it fails as it did. */
  readonly expect?: 'acked' | 'failure'
}

/**
 * The source of a uvu spec that gives a letter's message to a processor, and looks at the outcome.
 *
 * @since 0.1.0
 */
export const letterToSpec = (
  letter: StoredLetter,
  { through, expect = 'acked' }: LetterSpecOptions
): string => {
  const { id, source, headers, bytes, failure } = letter
  const name = `${id} from ${source} ${expect === 'acked' ? 'is acked' : 'fails as it did'}`
  const assertion =
    expect === 'acked'
      ? `assert.is(outcome._tag, 'Acked', JSON.stringify(outcome))`
      : `assert.equal('failure' in outcome && failureToJson(outcome.failure), ${literal(failureToJson(failure))})`
  return `import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ${expect === 'failure' ? 'failureToJson, ' : ''}message, processOne } from 'missive-ts'
import app from ${literal(through)}

const letter = suite(${literal(`dead letter ${letter.key.slice(0, 10)}`)})

letter(${literal(name)}, async () => {
  const delivered = message(${payloadLiteral(bytes)}, ${literal({ id, source, headers })})
  const outcome = await processOne(app)(delivered)()
  ${assertion}
})

letter.run()
`
}

// helpers

/** JSON is a part of JavaScript since ES2019. */
const literal = (value: unknown): string => JSON.stringify(value)

const payloadLiteral = (bytes: Uint8Array): string => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const text = buffer.toString('utf8')
  return Buffer.from(text, 'utf8').equals(buffer)
    ? literal(text)
    : `Uint8Array.from(Buffer.from(${literal(buffer.toString('base64'))}, 'base64'))`
}
