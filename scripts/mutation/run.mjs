// Breaks the pure folders of lib on purpose, one place at a time, and counts what their specs notice: Stryker, one run
// for each file, with the specs that are about it.
// Usage: npm run mutation [FILE]...      npm run mutation retry gate
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(dirname(here))
const work = join(root, '.cache', 'mutation')

const folders = ['core', 'matchers', 'failures', 'ports', 'combinators']
/** Types only: there is nothing to break. */
const types = new Set(['clock', 'codec-kinds', 'idempotency', 'letter', 'letters', 'source'])
/** Where the specs of a file are not those of its name alone. */
const about = {
  codec: ['codec', 'sensitive'],
  combine: ['combine', 'explain'],
  composed: ['composed', 'matching-parts', 'matching', 'router', 'explain'],
  credentials: ['keyed'],
  dedupe: ['dedupe', 'dedupe-store'],
  failure: ['failure', 'failure-guard', 'captured'],
  'from-json': ['failure-json', 'laws'],
  handle: ['handle', 'timeout'],
  key: ['key', 'router'],
  match: ['outcome', 'failure'],
  keyed: ['keyed', 'matching-parts', 'matching', 'router'],
  masked: ['sensitive', 'masking', 'key'],
  masking: ['masking', 'sensitive', 'logging', 'sensitive-shown'],
  matcher: ['matching', 'router', 'composed'],
  matching: ['matching', 'matching-parts', 'keyed', 'composed', 'schema', 'router', 'explain'],
  message: ['message', 'message-origin', 'processor'],
  outcome: ['outcome', 'outcome-fields'],
  mistakes: ['handle', 'combine'],
  resource: ['resource', 'resource-errors'],
  result: ['handle', 'retry', 'resource'],
  retry: ['retry', 'retry-laws'],
  'retry-policy': ['retry-policy', 'retry-policy-bounds', 'retry-laws'],
  route: ['handle', 'matching', 'pipeline'],
  router: ['router', 'handle', 'matching', 'keyed'],
  run: ['run', 'handle'],
  timeout: ['timeout', 'timeout-signal'],
  gathering: ['batch'],
  sensitive: ['sensitive', 'masking', 'codec', 'logging', 'sensitive-shown'],
  tags: ['codec', 'schema', 'matching-parts'],
  'to-json': ['failure-json', 'laws'],
  waiting: ['waiting', 'timeout']
}

/** The folders of what is in `lib` or in `spec`, by name. */
const foldersIn = (side, ending) =>
  new Map(
    folders.flatMap((folder) =>
      readdirSync(join(root, side, folder)).map((name) => [
        name.slice(0, -ending.length),
        `${side}/${folder}`
      ])
    )
  )
const specs = foldersIn('spec', '.spec.ts')
const sources = foldersIn('lib', '.ts')
const wanted = new Set(process.argv.slice(2))
const chosen = [...sources.keys()].filter((file) => (wanted.size > 0 ? wanted.has(file) : !types.has(file)))

const specsOf = (file) => (about[file] ?? [file]).filter((name) => specs.has(name))

const unheard = chosen.filter((file) => specsOf(file).length === 0)
if (unheard.length > 0) throw new Error(`no spec is about ${unheard.join(', ')}: name some in run.mjs`)

const scoreOf = (file) => {
  const report = join(work, `${file}.json`)
  const config = join(work, `${file}.config.json`)
  const command = specsOf(file)
    .map((name) => `node --import ./scripts/typescript.mjs ${specs.get(name)}/${name}.spec.ts`)
    .join(' && ')
  writeFileSync(
    config,
    JSON.stringify({
      mutate: [`${sources.get(file)}/${file}.ts`],
      testRunner: 'command',
      commandRunner: { command },
      checkers: [],
      plugins: [],
      reporters: ['json'],
      jsonReporter: { fileName: report },
      ignorePatterns: ['api', 'bench', 'dist', 'docs', 'scripts/docs', 'scripts/mutation'],
      tempDirName: join('.cache', 'stryker'),
      tsconfigFile: 'none',
      timeoutMS: 4_000,
      concurrency: Number(process.env.CONCURRENCY ?? 2),
      allowEmpty: true
    })
  )
  const stryker = join(here, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js')
  const { status, stdout } = spawnSync(process.execPath, [stryker, 'run', config], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' }
  })
  if (status !== 0) throw new Error(`${file}: Stryker ended with code ${status}\n${stdout}`)
  const mutants = Object.values(JSON.parse(readFileSync(report, 'utf8')).files).flatMap(
    ({ mutants }) => mutants
  )
  const survived = mutants.filter((mutant) => mutant.status === 'Survived')
  return {
    noticed: mutants.filter(({ status }) => status === 'Killed' || status === 'Timeout').length,
    survived
  }
}

const percent = (noticed, all) => (all === 0 ? '' : `${((100 * noticed) / all).toFixed(1)} %`)

execFileSync('npm', ['ci', '--prefix', here], { stdio: 'ignore' })
rmSync(work, { recursive: true, force: true })
mkdirSync(work, { recursive: true })
const sum = { noticed: 0, all: 0 }
for (const file of chosen) {
  const { noticed, survived } = scoreOf(file)
  const all = noticed + survived.length
  console.log(`${file.padEnd(18)} ${percent(noticed, all).padStart(7)}  ${noticed} of ${all}`)
  for (const { location, mutatorName, replacement = '' } of survived)
    console.log(
      `    ${sources.get(file)}/${file}.ts:${location.start.line}:${location.start.column} ${mutatorName} ${replacement.replaceAll(/\s+/g, ' ').slice(0, 90)}`
    )
  sum.noticed += noticed
  sum.all += all
}
console.log(`${'all'.padEnd(18)} ${percent(sum.noticed, sum.all).padStart(7)}  ${sum.noticed} of ${sum.all}`)
