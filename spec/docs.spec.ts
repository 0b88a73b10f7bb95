import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { until, within } from './support/deadline.js'
import { tokensOf } from './support/imports.js'
import { inEmptyFolder, repository, run, runWritten, typescript } from './support/program.js'
import { withRedis } from './support/redis-server.js'
import { redisSuite } from './support/redis-suite.js'
import { type Snippet, examplesOf, fencesOf, stepsOf, settled } from './support/snippets.js'

/** A snippet as a module: one line of its own, and then the code. */
interface Program {
  readonly file: string
  readonly line: number
  readonly source: string
  readonly isRun: boolean
  /** By which other programs of its page import it. */
  readonly name?: string | undefined
}

const read = (path: string): string => readFileSync(join(repository, path), 'utf8')

/** The README, and what it leads to. */
const pages: readonly string[] = [
  'README.md',
  ...readdirSync(join(repository, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .toSorted()
    .map((name) => `docs/${name}`)
]

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
  ['missive-ts/redis', exportsOf(read('lib/redis.ts'))],
  ['missive-ts/http', exportsOf(read('lib/http.ts'))],
  ['missive-ts/otel', exportsOf(read('lib/otel.ts'))],
  ['missive-ts/testing', exportsOf(read('lib/testing.ts'))],
  ['fp-ts/lib/function.js', [value('pipe')]],
  ['fp-ts/lib/Either.js', [value('left'), value('right')]],
  ['fp-ts/lib/Option.js', [value('some'), value('none')]],
  ['node:http', [value('createServer')]],
  ['node:events', [value('once')]],
  ['node:fs', [value('mkdtempSync'), value('readFileSync')]],
  ['node:os', [value('tmpdir')]],
  ['node:path', [value('join')]],
  ['node:stream', [value('Readable')]],
  ['node:net', [{ name: 'AddressInfo', isType: true }]]
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
  ({ line, code, info }: Snippet): Program => ({
    file,
    line,
    source: `export {}\n${code}`,
    isRun: !/\bno-run\b/.test(info),
    name: nameIn(info)
  })

/** `main.ts`, of a fence that begins with `ts no-run main.ts`. */
const nameIn = (info: string): string | undefined => /\b[\w-]+\.ts$/.exec(info)?.[0]

const exampleProgram =
  (file: string) =>
  ({ line, code }: Snippet): Program => ({ file, line, source: `${importsFor(code)}\n${code}`, isRun: true })

// checking and running them

interface Problems {
  /** Each begins with the place. */
  readonly types: readonly string[]
  readonly runs: readonly string[]
}

/** The modules stand inside the repository, so that packages are found from them. */
const checked = async (programs: readonly Program[]): Promise<Problems> => {
  mkdirSync(join(repository, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(repository, '.cache', 'docs-'))
  try {
    const tsconfig = { extends: '../../tsconfig.json', include: ['snippet-*.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
    writeFileSync(join(folder, 'run.ts'), runner(programs))
    for (const [index, { source, name }] of programs.entries()) {
      writeFileSync(join(folder, `snippet-${index}.ts`), source)
      if (name !== undefined && source.includes('export default'))
        writeFileSync(join(folder, name), `export { default } from './snippet-${index}.js'\n`)
    }
    const [types, runs] = await Promise.all([typeProblems(folder, programs), runProblems(folder, programs)])
    return { types, runs }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const placeOf = (program: Program | undefined, line = 2): string =>
  program === undefined ? 'nowhere' : `${program.file}:${program.line + line - 2}`

const typeProblems = async (folder: string, programs: readonly Program[]): Promise<readonly string[]> => {
  const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
  const { code, stdout, stderr } = await run(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], {
    cwd: folder
  })
  const problems = stdout
    .trimEnd()
    .split(/\n(?=\S)/)
    .filter((problem) => problem !== '')
  if ((code === 0) !== (problems.length === 0)) throw new Error(`tsc ended with ${code}: ${stdout}${stderr}`)
  return problems.map((problem) =>
    problem.replace(/^snippet-(\d+)\.ts\((\d+),\d+\)/, (_, index: string, line: string) =>
      placeOf(programs[Number(index)], Number(line))
    )
  )
}

/** Logs each number before it is run, and after it what was thrown. */
const runner = (programs: readonly Program[]): string => `
  import { appendFileSync } from 'node:fs'
  for (const index of ${JSON.stringify([...programs.keys()].filter((index) => programs[index]?.isRun))}) {
    appendFileSync('log', String(index))
    const problem = await import(\`./snippet-\${index}.ts\`).then(() => '', (error) => \`\${error}\${error.details ?? ''}\`)
    appendFileSync('log', \` \${JSON.stringify(problem)}\\n\`)
  }
  appendFileSync('log', 'end')
  process.exit(0)`

const runProblems = async (folder: string, programs: readonly Program[]): Promise<readonly string[]> => {
  const { code, stdout, stderr } = await runWritten(join(folder, 'run.ts'), { cwd: folder })
  const log = readFileSync(join(folder, 'log'), 'utf8').split('\n')
  const problems = log.flatMap((line) => {
    const [, index, problem = '""'] = /^(\d+)(?: (.*))?$/.exec(line) ?? []
    const thrown = JSON.parse(problem) as string
    return index === undefined || thrown === '' ? [] : [`${placeOf(programs[Number(index)])}: ${thrown}`]
  })
  const last = log.at(-1) ?? ''
  return code === 0 && last === 'end'
    ? problems
    : [...problems, `${placeOf(programs[Number(last)])}: the process ended with ${code} ${stdout}${stderr}`]
}

// specs

const fences = pages.flatMap((page) => fencesOf(read(page)).map(fenceProgram(page)))
const examples = sources.flatMap((file) => examplesOf(read(file)).map(exampleProgram(file)))

const documentation = suite('the documentation')

documentation(
  'is type-checked and run, every fence of the README and of docs/, and every @example',
  async () => {
    assert.ok(
      fences.length >= 5 && examples.length >= 20,
      `${fences.length} fences, ${examples.length} examples`
    )
    assert.equal(await checked([...fences, ...examples]), { types: [], runs: [] })
  }
)

documentation('is found whole', () => {
  const markers = (text: string, marker: RegExp) => text.match(marker)?.length ?? 0
  for (const page of pages)
    assert.is(
      fences.filter(({ file }) => file === page).length,
      markers(read(page), /^[ \t]*```(?!python|console|$)/gm),
      page
    )
  const tags = sources.reduce((sum, file) => sum + markers(read(file), /@example/g), 0)
  assert.is(examples.length, tags)
})

documentation('has an assertion in every @example', () => {
  const without = examples.filter(({ source }) => !source.includes('assert.'))
  assert.equal(
    without.map((program) => placeOf(program)),
    []
  )
})

documentation('has examples/hello.ts as the first program of the README', () => {
  assert.is(fencesOf(read('README.md'))[0]?.code, read('examples/hello.ts'))
})

documentation('has no link to a file or a heading that is not there', () => {
  const dead = pages.flatMap((page) =>
    Array.from(read(page).matchAll(/\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]*))?\)/g)).flatMap(
      ([link, path = '', heading]) => {
        const file = path === '' ? page : join(dirname(page), path)
        const isThere =
          existsSync(join(repository, file)) && (heading === undefined || headingsOf(file).includes(heading))
        return isThere ? [] : [`${page}: ${link}`]
      }
    )
  )
  assert.equal(dead, [])
})

documentation('has every page in the index', () => {
  const index = read('docs/README.md')
  const missing = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md')
  assert.equal(
    missing.filter((page) => !index.includes(`(${basename(page)})`)),
    []
  )
})

documentation('tells of every value that can be imported', () => {
  const words = new Set(pages.flatMap((page) => read(page).match(/[\w$]+/g) ?? []))
  const names = importable.flatMap(([from, all]) => (from.startsWith('missive-ts') ? all : []))
  const untold = names.filter(({ name, isType }) => !isType && !words.has(name))
  assert.equal(untold, [])
})

/** As GitHub names them in links. */
const headingsOf = (page: string): readonly string[] =>
  Array.from(read(page).matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-')
  )

documentation.run()

// the consoles of the quickstart

/** What npm and Redis would bring, from this repository: no package is installed, and no server is theirs. */
const commands = `npx() {
  local name=$1; shift
  case $name in
    missive) node --import "$TYPESCRIPT" "$REPOSITORY/lib/cli/main.ts" "$@" ;;
    tsx) node --import "$TYPESCRIPT" "$@" ;;
  esac
}
redis-cli() {
  node --input-type=module --eval "
    import { Redis } from 'ioredis'
    const redis = new Redis(process.env.REDIS_URL)
    console.log(await redis.call(...process.argv.slice(1)))
    redis.disconnect()" -- "$@"
}`

/** Runs a command in bash; at a line `^C` of its output, and once it is quiet, it gets a SIGINT as from a terminal. */
const typed = async (
  command: string,
  output: string,
  {
    cwd,
    env,
    isQuiet
  }: {
    readonly cwd: string
    readonly env: NodeJS.ProcessEnv
    readonly isQuiet: () => Promise<boolean>
  }
): Promise<string> => {
  const child = spawn('bash', ['-c', `${commands}\n{ ${command}\n} 2>&1`], {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const [before, after] = output.split(/^\^C$/m)
  try {
    if (after !== undefined) {
      const last = before?.trimEnd().split('\n').at(-1) ?? ''
      await until(`${command} to print ${last}`, () => printed.includes(last))
      await until(`${command} to be quiet`, isQuiet)
      printed += '^C\n'
      process.kill(-(child.pid as number), 'SIGINT')
    }
    await within(command, ended)
  } finally {
    if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid as number), 'SIGKILL')
  }
  return printed
}

const quickstart = redisSuite('the quickstart')

quickstart('goes as it is printed there, but for what installs and starts things', () =>
  withRedis(
    ({ url, port, cli }) =>
      inEmptyFolder(async (folder) => {
        const page = read('docs/quickstart.md')
        const here = (text: string) => text.replaceAll('redis://localhost:6379', url)
        for (const { info, code } of fencesOf(page)) {
          const name = nameIn(info)
          if (name !== undefined) writeFileSync(join(folder, name), here(code))
        }
        symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
        writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
        const steps = stepsOf(page).filter(({ command }) => !/^(?:mkdir|npm|redis-server)\b/.test(command))
        assert.ok(steps.length >= 8, `${steps.length} steps`)
        const env = {
          TYPESCRIPT: typescript,
          REPOSITORY: repository,
          TSX_TSCONFIG_PATH: join(repository, 'tsconfig.json'),
          REDIS_URL: url,
          NO_COLOR: '1'
        }
        const isQuiet = async () => String(await cli('XPENDING', 'orders', 'billing')).startsWith('0,')
        const keys = new Map<string, string>()
        const keysIn = (text: string) => text.match(/\b(?=[0-9a-f]*\d)[0-9a-f]{10}\b/g) ?? []
        for (const { line, command, output } of steps) {
          // A key that is printed in the page stands for the one that was printed in its place here.
          const own = here(command).replace(/\b[0-9a-f]{10}\b/g, (key) => keys.get(key) ?? key)
          const printed = (await typed(own, output, { cwd: folder, env, isQuiet })).replaceAll(
            `127.0.0.1:${port}`,
            'localhost:6379'
          )
          assert.is(settled(printed), settled(output), `docs/quickstart.md:${line} $ ${command}\n${printed}`)
          keysIn(output).forEach((key, index) => keys.set(key, keysIn(printed)[index] ?? key))
        }
      }),
    { appendonly: 'everysec' }
  )
)

quickstart.run()

const checking = suite('checked')

checking('gives the place of what does not compile, throws, rejects, or ends the process', async () => {
  const markdown = (...lines: readonly string[]) => ['# title', '', '```ts', ...lines, '```', ''].join('\n')
  const docstring = (...lines: readonly string[]) =>
    [
      '/**',
      ' * Text.',
      ' *',
      ' * @example',
      ...lines.map((line) => ` * ${line}`),
      ' *',
      ' * @since 0.1.0',
      ' */'
    ].join('\n')
  const programs = [
    ...fencesOf(markdown(`const one: string = 'one'`, 'const two: string = 2')).map(fenceProgram('types.md')),
    ...fencesOf(markdown('const one: number = 1', `throw new Error('thrown')`)).map(
      fenceProgram('throws.md')
    ),
    ...fencesOf(markdown('process.exit(3)').replace('```ts', '```ts no-run')).map(fenceProgram('unrun.md')),
    ...examplesOf(docstring('assert.is(ack._tag, "Nacked")')).map(exampleProgram('asserts.ts')),
    ...examplesOf(docstring('assert.equal(right(1), left(1))', 'const b: Verdict = ack')).map(
      exampleProgram('names.ts')
    ),
    ...fencesOf(markdown('await new Promise(() => undefined)')).map(fenceProgram('hangs.md'))
  ]
  const { types, runs } = await checked(programs)
  assert.equal(
    types.map((problem) => problem.split(': error')[0]),
    ['types.md:5']
  )
  assert.equal(
    runs.map((problem) => problem.split(/[:\n](?= )/)[0]),
    ['throws.md:4', 'asserts.ts:5', 'names.ts:5', 'hangs.md:4']
  )
})

checking.run()
