import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tokensOf } from './support/imports.js'
import { repository, run, runFile } from './support/program.js'
import { type Snippet, examplesOf, fencesOf } from './support/snippets.js'

/** A snippet as a module: one line of its own, and then the code. */
interface Program {
  readonly file: string
  readonly line: number
  readonly source: string
  readonly isRun: boolean
}

const read = (path: string): string => readFileSync(join(repository, path), 'utf8')

const sources = readdirSync(join(repository, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('lib', name))
  .toSorted()

// what an example may use without importing it

interface Name {
  readonly name: string
  readonly isType: boolean
}

/** The names in the export lists of a source. */
const exportsOf = (source: string): readonly Name[] =>
  Array.from(source.matchAll(/^export (type )?\{([^}]*)\}/gm), ([, type, list = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => ({ name, isType: type !== undefined }))
  ).flat()

const value = (name: string): Name => ({ name, isType: false })

const importable: readonly (readonly [string, readonly Name[]])[] = [
  ['missive-ts', exportsOf(read('lib/index.ts'))],
  ['missive-ts/node', exportsOf(read('lib/node.ts'))],
  ['missive-ts/dlq', exportsOf(read('lib/dlq.ts'))],
  ['missive-ts/sqlite', exportsOf(read('lib/sqlite.ts'))],
  ['fp-ts/lib/function.js', [value('pipe')]],
  ['fp-ts/lib/Either.js', [value('left'), value('right')]],
  ['fp-ts/lib/Option.js', [value('some'), value('none')]]
]
const namespaces = { assert: 'uvu/assert', t: 'io-ts' }

/** One line with the imports that an example lacks, as docstrings leave them out. */
const importsFor = (code: string): string => {
  const tokens = tokensOf(code)
  const declared = new Set(
    tokens.flatMap(({ value }, index) =>
      /^(?:const|let|function|class|type|interface)$/.test(tokens[index - 1]?.value ?? '') ? [value] : []
    )
  )
  const used = new Set(
    tokens.flatMap(({ kind, value }, index) =>
      kind === 'word' && tokens[index - 1]?.value !== '.' && !declared.has(value) ? [value] : []
    )
  )
  const wholes = Object.entries(namespaces).flatMap(([name, from]) =>
    used.has(name) ? [`import * as ${name} from '${from}'`] : []
  )
  const lists = importable.flatMap(([from, names]) => {
    const list = names.filter(({ name }) => used.has(name))
    const written = list.map(({ name, isType }) => (isType ? `type ${name}` : name))
    return list.length === 0 ? [] : [`import { ${written.join(', ')} } from '${from}'`]
  })
  return ['export {}', ...wholes, ...lists].join('; ')
}

const fenceProgram =
  (file: string) =>
  ({ line, code, info }: Snippet): Program => ({ file, line, source: `export {}\n${code}`, isRun: info !== 'no-run' })

const exampleProgram =
  (file: string) =>
  ({ line, code }: Snippet): Program => ({ file, line, source: `${importsFor(code)}\n${code}`, isRun: true })

// checking and running them

interface Problems {
  /** Each begins with the place. */
  readonly types: readonly string[]
  readonly runs: readonly string[]
}

/** They stand inside the repository, so that packages are found from them. */
const checked = async (programs: readonly Program[]): Promise<Problems> => {
  mkdirSync(join(repository, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(repository, '.cache', 'docs-'))
  try {
    programs.forEach(({ source }, index) => writeFileSync(join(folder, `snippet-${index}.ts`), source))
    writeFileSync(join(folder, 'tsconfig.json'), '{ "extends": "../../tsconfig.json", "include": ["snippet-*.ts"] }')
    writeFileSync(join(folder, 'run.ts'), runner(programs))
    return { types: await typeProblems(folder, programs), runs: await runProblems(folder, programs) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const typeProblems = async (folder: string, programs: readonly Program[]): Promise<readonly string[]> => {
  const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
  const { code, stdout, stderr } = await run(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { cwd: folder })
  const problems = stdout.split(/\n(?=\S)/).filter((line) => line.trim() !== '')
  if (code !== 0 && problems.length === 0) throw new Error(`tsc ended with ${code}: ${stderr}`)
  return problems.map((problem) =>
    problem.trimEnd().replace(/^.*snippet-(\d+)\.ts\((\d+),\d+\)/, (place, index: string, line: string) => {
      const program = programs[Number(index)]
      return program === undefined ? place : `${program.file}:${program.line + Number(line) - 2}`
    })
  )
}

const runProblems = async (folder: string, programs: readonly Program[]): Promise<readonly string[]> => {
  const { code, stdout, stderr } = await runFile(join('.cache', basename(folder), 'run.ts'), { cwd: folder })
  const log = readFileSync(join(folder, 'log'), 'utf8').split('\n').filter((line) => line !== '')
  const { begun, ended, problems } = JSON.parse(`[${log.at(-1)}]`)[0] as Log
  const begunLast = programs[begun.at(-1) ?? 0]
  const isWhole = code === 0 && begun.length === ended.length && ended.length === programs.filter(({ isRun }) => isRun).length
  return isWhole
    ? problems
    : [...problems, `${placeOf(begunLast)}: the process ended with ${code} after this: ${stdout}${stderr}`]
}
