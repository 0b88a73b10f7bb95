/** missive dlq edit: other bytes for a letter, its own ones kept beside them. */
import type { Command } from 'commander'
import { explain, renderExplanation } from '../combinators/explain.js'
import type { StoredLetter } from '../core/letter.js'
import { toMessage } from '../ports/letter-message.js'
import type { DeadLetterStore, Edited } from '../ports/letters.js'
import { answerOf } from './answer.js'
import { type CommonOptions, declare, keyArgument, keyBeginning, queueArgument } from './command.js'
import { confirmed } from './confirm.js'
import { editorOf, inEditor } from './editor.js'
import { bytesIn } from './input.js'
import { type Io, Stop, say } from './io.js'
import { jsonText } from './json.js'
import { deadNamed, short } from './keys.js'
import { throughOption, withProcessor } from './module.js'
import { withQueue } from './open.js'
import { formOf } from './payload.js'
import { whoami } from './who.js'

interface Options extends CommonOptions {
  readonly file?: string
  readonly through?: string
  readonly force?: boolean
  readonly by: string
  readonly note?: string
}

export const edit = (dlq: Command, io: Io): void =>
  void declare(dlq, {
    name: 'edit',
    summary: 'replace the payload of a dead letter, to be replayed; the original is kept',
    examples: [
      'edit shop.db 2f9c01 --through ./app.js',
      "show shop.db 2f9c01 --payload | sed 's/ten/10/' | missive dlq edit shop.db 2f9c01 --file -"
    ],
    json: 'one object: { key, edited }'
  })
    .argument('<queue>', queueArgument)
    .argument('<key>', keyArgument, keyBeginning)
    .option('--file <file>', 'the new payload; - is stdin (default: $VISUAL or $EDITOR is opened)')
    .option(throughOption[0], 'a module whose processor must take what is saved')
    .option('--force', 'save also what is empty, or what the processor would refuse')
    .option('--by <who>', "who edits, for the letter's history", whoami())
    .option('--note <text>', "why, for the letter's history")
    .action((queue: string, key: string, options: Options) =>
      withQueue(io, queue, async (store) => {
        const [letter] = await deadNamed(store, [key])
        if (letter !== undefined) await run(io, store, letter, options)
      })
    )

// helpers

const run = async (io: Io, store: DeadLetterStore, letter: StoredLetter, options: Options): Promise<void> => {
  const { key, bytes: from } = letter
  const { json = false } = options
  let isChanged = false
  const use = async (to: Uint8Array): Promise<void> => {
    isChanged = !isSame(from, to)
    if (isChanged) await save(store, letter, to, options)
  }
  if (options.file === undefined) await typed(io, letter, options, use)
  else await use(await given(io, letter, options))
  const text = isChanged
    ? `${short(key)} edited; its original is kept`
    : 'the bytes are the same; nothing was edited'
  await say(io.stdout, json ? jsonText({ key, edited: isChanged }) : text)
}

const save = async (
  store: DeadLetterStore,
  { key, id, bytes: from }: StoredLetter,
  to: Uint8Array,
  { by, note }: Options
): Promise<void> => {
  const edited = await answerOf(store.edit({ key, id, from, to, by, ...(note !== undefined && { note }) }))
  if (edited !== 'edited') throw new Stop(1, `nothing was edited: ${short(key)} ${reasons[edited]}`)
}

const reasons: Readonly<Record<Exclude<Edited, 'edited'>, string>> = {
  changed: 'was edited by somebody else meanwhile; show it, and edit it again',
  busy: 'is not dead any more',
  missing: 'is gone'
}

const given = async (io: Io, letter: StoredLetter, options: Options): Promise<Uint8Array> => {
  const to = await bytesIn(io, options.file ?? '-')
  const refusal = await refusalOf(io, letter, to, options)
  if (refusal !== undefined)
    throw new Stop(1, `nothing was edited, as it would be ${refusal}; --force edits it`)
  return to
}

/** What somebody makes of it in an editor, until the processor would take it. */
const typed = async (
  io: Io,
  letter: StoredLetter,
  options: Options,
  use: (to: Uint8Array) => Promise<void>
): Promise<void> => {
  const editor = editorOf(io)
  // Whoever mistypes its module wants to know before anything is written.
  await refusalOf(io, letter, letter.bytes, options)
  const name = `${short(letter.key)}.${extensions[formOf(letter.bytes)]}`
  let isGivenUp = false
  await inEditor(io, editor, { name, bytes: letter.bytes }, async (to) => {
    const refusal = isSame(letter.bytes, to) ? undefined : await refusalOf(io, letter, to, options)
    if (refusal === undefined) {
      await use(to)
      return 'done'
    }
    await say(io.stderr, `it would be ${refusal}`)
    isGivenUp = !(await confirmed(io, 'Edit it again?'))
    return isGivenUp ? 'done' : 'again'
  })
  if (isGivenUp) throw new Stop(1, 'nothing was edited; --force edits what would be refused')
}

const extensions = { json: 'json', text: 'txt', bytes: 'bin' } as const

/** Why these bytes are better not saved: nothing is most often what a command left that failed. */
const refusalOf = async (
  io: Io,
  letter: StoredLetter,
  bytes: Uint8Array,
  { through, force = false }: Options
): Promise<string | undefined> => {
  if (force) return undefined
  if (bytes.length === 0) return 'empty'
  if (through === undefined) return undefined
  return withProcessor(io, through, async (processor) => {
    const explanation = explain(processor)(toMessage({ ...letter, bytes, fault: undefined }))
    return explanation._tag === 'Refused' ? renderExplanation(explanation) : undefined
  })
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0
