/** Questions, for those who sit at a terminal. */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { type Io, Stop } from './io.js'

/** Can somebody see a question and answer it? */
export const canAsk = ({ stdin, stderr }: Io): boolean => stdin.isTTY === true && stderr.isTerminal

/** Ends the command unless somebody can be asked. */
export const mustAsk = (io: Io, what: string): void => {
  if (!canAsk(io)) throw new Stop(2, `${what}, and there is no terminal to ask on: give --yes if it is right`)
}

/** Anything but a yes is a no; so is the end of the input. */
export const confirmed = async (io: Io, question: string): Promise<boolean> => {
  await io.stderr.write(`${question} [y/N] `)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: io.stdin, output: silent })
  const stop = new AbortController()
  reader.once('close', () => stop.abort())
  try {
    return /^\s*y(?:es)?\s*$/i.test(await reader.question('', { signal: stop.signal }))
  } catch {
    await io.stderr.write('\n')
    return false
  } finally {
    reader.close()
  }
}
