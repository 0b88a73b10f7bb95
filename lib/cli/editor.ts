/** Payloads, changed by somebody in an editor. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { printable } from '../failures/render.js'
import { canAsk } from './confirm.js'
import { type Io, Stop, say } from './io.js'

/** The editor that somebody can use. */
export const editorOf = (io: Io): string => {
  const editor = io.env.VISUAL || io.env.EDITOR
  if (!canAsk(io)) throw new Stop(2, 'there is no terminal to edit on; give the new payload by --file')
  if (editor === undefined || editor === '')
    throw new Stop(2, 'no editor is known; set EDITOR, or give the new payload by --file')
  return editor
}

/**
 * Opens the editor on a file of its own, and again as long as `use` wants that. The file is gone after, unless `use`
 * throws: then it is the only place where what was written is, and that is said.
 */
export const inEditor = async (
  io: Io,
  editor: string,
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
  use: (written: Uint8Array) => Promise<'done' | 'again'>
): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'missive-'))
  const file = join(folder, name)
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  let [isOpen, isOnlyThere] = [false, false]
  const listenNoMore = io.onSignal(() => {
    // Ctrl-C in the editor is the editor's.
    if (isOpen) return
    remove()
    io.quit(1)
  })
  try {
    writeFileSync(file, bytes, { mode: 0o600, flag: 'wx' })
    let answer: 'done' | 'again'
    do {
      isOpen = true
      await opened(editor, file)
      isOpen = false
      if (!existsSync(file)) throw new Stop(2, 'nothing was edited, as the editor left no file')
      isOnlyThere = true
      answer = await use(withoutLastBreak(bytes, readFileSync(file)))
      isOnlyThere = false
    } while (answer === 'again')
  } catch (thrown) {
    if (isOnlyThere) await say(io.stderr, `what was written is kept in ${printable(file)}`)
    throw thrown
  } finally {
    listenNoMore()
    if (!isOnlyThere) remove()
  }
}

// helpers

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
