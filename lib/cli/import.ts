/** missive dlq import: letters of another queue, from NDJSON. */
import type { Command } from 'commander'
import type { StoredLetter } from '../core/letter.js'
import { letterFromJson } from '../dlq/letter-json.js'
import { printable } from '../failures/render.js'
import type { DeadLetterStore } from '../ports/letters.js'
import { answerOf } from './answer.js'
import { type CommonOptions, declare, queueArgument } from './command.js'
import { linesIn } from './input.js'
import { type Io, say } from './io.js'
import { jsonText } from './json.js'
import { withQueue } from './open.js'
import { progressOf } from './progress.js'
import { counted } from './time.js'

interface Options extends CommonOptions {
  readonly create?: boolean
}

interface Counts {
  readonly added: number
  readonly present: number
  readonly bad: number
}

export const importLetters = (dlq: Command, io: Io): void =>
  void declare(dlq, {
    name: 'import',
    summary: 'add letters that `export` wrote; those that are here already stay as they are',
    examples: ['import shop.db letters.ndjson', 'export old.db | missive dlq import new.db - --create'],
    json: 'one object: { added, present, bad }'
  })
    .argument('<queue>', queueArgument)
    .argument('<file>', 'NDJSON; - is stdin')
    .option('--create', 'make the queue if there is none')
    .action((queue: string, file: string, options: Options) => run(io, queue, file, options))

// helpers

const run = async (io: Io, queue: string, file: string, options: Options): Promise<void> => {
  const { json = false, create = false } = options
  // Before a queue is made.
  const { lines, share } = linesIn(io, file)
  const add = async (store: DeadLetterStore): Promise<void> => {
    const counts = { added: 0, present: 0, bad: 0 }
    const progress = progressOf(io)
    let batch: StoredLetter[] = []
    let batchBytes = 0
    const addBatch = async (): Promise<void> => {
      if (batch.length === 0) return
      for (const result of await answerOf(store.add(batch))) counts[result] += 1
      batch = []
      batchBytes = 0
      progress.at(counts.added + counts.present, share())
    }
    let number = 0
    try {
      for await (const line of lines) {
        number += 1
        const read = letterIn(line)
        if (read === undefined) continue
        if (typeof read === 'string') {
          counts.bad += 1
          progress.end()
          await say(io.stderr, `line ${number}: ${printable(read)}`)
          continue
        }
        batch.push(read)
        batchBytes += line.length
        if (batch.length >= maxBatch || batchBytes >= maxBatchBytes) await addBatch()
      }
      await addBatch()
    } catch (thrown) {
      if (number > 0)
        await say(io.stderr, `the last line that was read is ${number}; until then: ${told(counts)}`)
      throw thrown
    } finally {
      progress.end()
    }
    if (counts.bad > 0) io.end(1)
    await say(io.stdout, json ? jsonText(counts) : told(counts))
  }
  await withQueue(io, queue, add, { create })
}

const told = ({ added, present, bad }: Counts): string =>
  `${counted(added)} added, ${counted(present)} present, ${counted(bad)} bad`

/** A letter, or what is wrong with the line; `undefined` if it is empty. */
const letterIn = (line: Uint8Array): StoredLetter | string | undefined => {
  let text: string
  try {
    text = utf8.decode(line).trim()
  } catch {
    return 'it is not UTF-8'
  }
  if (text === '') return undefined
  const read = letterFromJson(text)
  return read._tag === 'Left' ? read.left : read.right
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
const maxBatch = 200
const maxBatchBytes = 8 * 1_048_576
