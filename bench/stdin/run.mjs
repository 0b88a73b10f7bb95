// Whole-process time over 1,000,000 JSON lines of 128 bytes, 10 routes, a queue in place.
// Usage: node bench/stdin/run.mjs [ROUNDS] [LINES]
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rounds, time } from '../rounds.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const [count = 7, lines = 1_000_000] = process.argv.slice(2).map(Number)
const data = join(here, '..', 'data')
const input = join(data, `${lines}.ndjson`)
mkdirSync(data, { recursive: true })
if (!existsSync(input) || statSync(input).size !== lines * 128) {
  const output = openSync(input, 'w')
  const maker = spawn(process.execPath, [join(here, 'input.mjs'), String(lines)], {
    stdio: ['ignore', output, 'inherit']
  })
  await new Promise((resolve) => maker.on('close', resolve))
  closeSync(output)
}

const program = (name, stdin) => () => {
  const database = join(data, `${name}.db`)
  for (const suffix of ['', '-wal', '-shm']) rmSync(database + suffix, { force: true })
  return time(process.execPath, [join(here, `${name}.mjs`), database], async () => [
    await stdin(),
    'ignore',
    'ignore'
  ])
}
const fromFile = () => openSync(input, 'r')
const fromPipe = () => {
  const cat = spawn('cat', [input], { stdio: ['ignore', 'pipe', 'inherit'] })
  return cat.stdout
}

for (const [name, stdin] of Object.entries({ 'a file': fromFile, 'a pipe': fromPipe })) {
  await rounds(
    `${lines.toLocaleString('en-US')} lines from ${name}, seconds, ${count} rounds`,
    {
      'hand-written, chunks': program('chunks', stdin),
      'hand-written, readline': program('readline', stdin),
      'missive-ts': program('missive', stdin)
    },
    count
  )
}
