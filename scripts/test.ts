// Runs every spec as a process of its own, and fails on what uvu lets pass: a `before` that throws, a suite that is
// never run, a file without tests, a process that does not end, a skipped test. All is compiled once before: processes
// and threads that compile what they load take three times as long to start, and specs start hundreds of them.
// Usage: tsx scripts/test.ts [PART OF A FILE'S NAME]...
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

interface Result {
  readonly file: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly seconds: number
  readonly problem: string | undefined
  readonly output: string
}

const root = fileURLToPath(new URL('..', import.meta.url))
const deadlineMs = 240_000
const parts = process.argv.slice(2)

const sourcesIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
    .toSorted()

const specs = sourcesIn('spec').filter(
  (file) =>
    file.endsWith('.spec.ts') &&
    (parts.length === 0 || parts.some((part) => file.includes(part, 'spec/'.length)))
)

/** Compiles all that specs run into a folder, where the package's own name means what was compiled. */
const compile = (folder: string): void => {
  buildSync({
    absWorkingDir: root,
    entryPoints: ['lib', 'spec', 'examples'].flatMap(sourcesIn),
    outdir: folder,
    outbase: '.',
    format: 'esm',
    target: 'node20',
    sourcemap: true
  })
  const manifest = readFileSync(join(root, 'package.json'), 'utf8')
  writeFileSync(join(folder, 'package.json'), manifest.replaceAll('./dist/esm/', './lib/'))
}

const total = (output: string, name: string): number | undefined => {
  const found = new RegExp(`^\\s*${name}:\\s+(\\d+)`, 'm').exec(output)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** How many tests were skipped because their user wants no Redis. */
const skippedOf = (output: string): number =>
  process.env.MISSIVE_SKIP_REDIS === '1'
    ? [...output.matchAll(/^no Redis wanted: (\d+) tests skipped$/gm)].reduce(
        (all, [, n]) => all + Number(n),
        0
      )
    : 0

const problemOf = (file: string, code: number | null, output: string): string | undefined => {
  const source = readFileSync(join(root, file), 'utf8')
  const suites = source.match(/\b(?:suite|redisSuite)\(/g)?.length ?? 0
  const runs = source.match(/\.run\(\)/g)?.length ?? 0
  const [all, passed, skipped] = ['Total', 'Passed', 'Skipped'].map((name) => total(output, name))
  if (code === null) return `did not end within ${deadlineMs / 1_000} s`
  if (code !== 0) return `ended with code ${code}`
  if (suites !== runs) return `${suites} suites, but ${runs} of them are run`
  const unwanted = skippedOf(output)
  if (all === undefined || all + unwanted === 0) return 'ran no test'
  if (skipped !== unwanted) return `skipped ${skipped} tests`
  return passed === all ? undefined : `passed ${passed} of ${all} tests`
}

/** What ends the specs that run. */
const living = new Set<() => void>()

const run = (file: string): Promise<Result> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, ['--enable-source-maps', join(folder, file.replace(/ts$/, 'js'))], {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' }
    })
    const startedAt = performance.now()
    let output = ''
    child.stdout.on('data', (text) => (output += String(text)))
    child.stderr.on('data', (text) => (output += String(text)))
    const killGroup = () => {
      try {
        process.kill(-(child.pid as number), 'SIGKILL')
      } catch {
        // it has ended, and so have all that it started
      }
    }
    living.add(killGroup)
    const timer = setTimeout(killGroup, deadlineMs)
    child.on('exit', killGroup)
    child.on('close', (code) => {
      clearTimeout(timer)
      living.delete(killGroup)
      const problem = problemOf(file, code, output)
      const passed = total(output, 'Passed') ?? 0
      const failed = problem === undefined ? 0 : Math.max((total(output, 'Total') ?? 0) - passed, 1)
      const seconds = (performance.now() - startedAt) / 1_000
      resolve({ file, passed, failed, skipped: skippedOf(output), seconds, problem, output })
    })
  })

const cache = join(root, '.cache')
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, 'specs-'))
// For specs that run as another user.
chmodSync(folder, 0o755)
process.on('exit', () => {
  for (const kill of living) kill()
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
compile(folder)

const results: Result[] = []
const queue = [...specs]
const worker = async (): Promise<void> => {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const result = await run(file)
    results.push(result)
    const { problem, passed, skipped, seconds, output } = result
    console.log(
      problem === undefined
        ? `ok    ${result.file} (${passed}${skipped === 0 ? '' : `, ${skipped} skipped`}) ${seconds.toFixed(1)} s`
        : `FAIL  ${result.file}: ${problem}\n${output}`
    )
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, worker))

const sum = (pick: (result: Result) => number) => results.reduce((all, result) => all + pick(result), 0)
const failed = specs.length === 0 ? 1 : sum((result) => result.failed)
if (specs.length === 0) console.log('no spec was found')
const skipped = sum((result) => result.skipped)
console.log(
  `${sum((result) => result.passed)} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`
)
process.exitCode = failed === 0 ? 0 : 1
