/** missive dlq edit: other bytes for a letter, its own ones kept beside them. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { explain, renderExplanation } from '../combinators/explain.js'
import { toMessage } from '../core/letter-message.js'
import type { DeadLetterStore, Edited, StoredLetter } from '../core/letter.js'
import { printable } from '../core/render.js'
import { answerOf } from './answer.js'
import { type CommonOptions, declare, keyArgument, keyBeginning, queueArgument } from './command.js'
import { canAsk, confirmed } from './confirm.js'
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
    .option('--force', 'save also what the processor would refuse')
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
  const { key, id, bytes: from } = letter
  const { by, note, json = false } = options
  const to = options.file === undefined ? await typed(io, letter, options) : await given(io, letter, options)
  const isChanged = !isSame(from, to)
  if (isChanged) {
    const edited = await answerOf(store.edit({ key, id, from, to, by, ...(note !== undefined && { note }) }))
    if (edited !== 'edited') throw new Stop(1, `nothing was edited: ${short(key)} ${reasons[edited]}`)
  }
  const text = isChanged
    ? `${short(key)} edited; its original is kept`
    : 'the bytes are the same; nothing was edited'
  await say(io.stdout, json ? jsonText({ key, edited: isChanged }) : text)
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
const typed = async (io: Io, letter: StoredLetter, options: Options): Promise<Uint8Array> => {
  const editor = io.env.VISUAL || io.env.EDITOR
  if (!canAsk(io)) throw new Stop(2, 'there is no terminal to edit on; give the new payload by --file')
  if (editor === undefined || editor === '')
    throw new Stop(2, 'no editor is known; set EDITOR, or give the new payload by --file')
  const folder = mkdtempSync(join(tmpdir(), 'missive-'))
  const file = join(folder, `${short(letter.key)}.${extensions[formOf(letter.bytes)]}`)
  // Ctrl-C in the editor is the editor's.
  const listenNoMore = io.onSignal(() => undefined)
  try {
    writeFileSync(file, letter.bytes, { mode: 0o600, flag: 'wx' })
    for (;;) {
      await opened(editor, file)
      const to = withoutLastBreak(letter.bytes, readFileSync(file))
      const refusal = isSame(letter.bytes, to) ? undefined : await refusalOf(io, letter, to, options)
      if (refusal === undefined) return to
      await say(io.stderr, `it would be ${refusal}`)
      if (!(await confirmed(io, 'Edit it again?')))
        throw new Stop(1, 'nothing was edited; --force edits what would be refused')
    }
  } finally {
    listenNoMore()
    rmSync(folder, { recursive: true, force: true })
  }
}

const extensions = { json: 'json', text: 'txt', bytes: 'bin' } as const

const opened = (editor: string, file: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, editor, file], { stdio: 'inherit' })
    child.on('error', ({ message }) => reject(new Stop(2, `the editor did not start: ${printable(message)}`)))
    child.on('close', (code) => {
      if (code === 0) resolve()
      else reject(new Stop(2, `nothing was edited, as the editor ended with ${code ?? 'a signal'}`))
    })
  })

/** Editors end a file with a line break, where there was none before. */
const withoutLastBreak = (before: Uint8Array, after: Uint8Array): Uint8Array =>
  after.at(-1) === lineBreak && before.at(-1) !== lineBreak ? after.subarray(0, -1) : after

const lineBreak = 0x0a

/** Why the processor would refuse these bytes, if it is to be asked. */
const refusalOf = async (
  io: Io,
  letter: StoredLetter,
  bytes: Uint8Array,
  { through, force = false }: Options
): Promise<string | undefined> => {
  if (through === undefined || force) return undefined
  return withProcessor(io, resolve(io.cwd, through), async (processor) => {
    const explanation = explain(processor)(toMessage({ ...letter, bytes, fault: undefined }))
    return explanation._tag === 'Refused' ? renderExplanation(explanation) : undefined
  })
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0
