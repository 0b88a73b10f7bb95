// Peak resident memory over 1,000,000 and over 10,000,000 lines of 128 bytes, from a pipe.
// Usage: node bench/memory/run.mjs [LINES] [MORE_LINES]
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { report } from '../report.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const [few = 1_000_000, many = 10_000_000] = process.argv.slice(2).map(Number)
const stdin = join(here, '..', 'stdin')
const database = join(here, '..', 'data', 'memory.db')

const peakMiB = async (lines) => {
  for (const suffix of ['', '-wal', '-shm']) rmSync(database + suffix, { force: true })
  const input = spawn(process.execPath, [join(stdin, 'input.mjs'), String(lines)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const program = spawn(process.execPath, [join(stdin, 'missive.mjs'), database], {
    stdio: [input.stdout, 'ignore', 'pipe']
  })
  let output = ''
  program.stderr.on('data', (text) => (output += String(text)))
  await new Promise((resolve) => program.on('close', resolve))
  const kib = /peak (\d+) KiB/.exec(output)?.[1]
  if (!output.includes(`${lines} acked`) || kib === undefined) throw new Error(output)
  return Number(kib) / 1_024
}

const small = await peakMiB(few)
const large = await peakMiB(many)
const row = (lines, peak, text) => ({
  name: `${lines.toLocaleString('en-US')} lines`,
  text: `${peak.toFixed(1)} MiB${text}`,
  figures: { MiB: [peak] }
})
report('peak resident memory, lines from a pipe', [
  row(few, small, ''),
  row(many, large, `, ${(large - small).toFixed(1)} MiB more`)
])
