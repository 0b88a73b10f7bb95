import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { npmInstall, printedBy, toolsInstalled } from './support/consumers.js'
import { type Packed, manifest, needed, packedIn, specifiers } from './support/packed.js'
import { inEmptyFolder, repository } from './support/program.js'

// what they write

/** Something of every subpath, used. */
const names = {
  'fp-ts/lib/function.js': 'pipe',
  'missive-ts':
    'type Dlq, type Settled, Resource, ack, byField, handle, json, message, receive, route, withDlq',
  'missive-ts/node': 'consume, memory',
  'missive-ts/dlq': 'memoryDlq',
  'missive-ts/sqlite': 'sqliteDlq',
  'missive-ts/redis': 'publicationOf',
  'missive-ts/http': 'toFetch',
  'missive-ts/otel': 'withTracing',
  'missive-ts/testing': 'seededRandom'
}

const body = `
  const orders = (dlq: Dlq): Settled =>
    pipe(receive(json), handle(route(byField('type', 'order'), async () => ack)), withTracing(), withDlq(dlq))
  const used = async (file: string) => {
    const letters = memoryDlq()
    const source = memory([message({ type: 'order' }), message({ type: 'other' })])
    const report = await consume(source)(orders(letters))(new AbortController().signal)()
    const answer = toFetch(orders(letters), { allowAnonymous: true })
    const request = new Request('http://localhost/', { method: 'POST', body: '{"type":"order"}' })
    const { status } = await answer(request)
    const storing = Resource.use((dlq: Dlq) => orders(dlq)(message({ type: 'unknown' })))
    const stored = await storing(sqliteDlq(file))()
    return [
      report.acked,
      letters.letters().length,
      status,
      stored._tag === 'Right' ? stored.right._tag : stored.left.message,
      publicationOf(message('')) === undefined,
      seededRandom(7)() === seededRandom(7)()
    ]
  }`
const finds = [1, 1, 200, 'DeadLettered', true, true]

const typed = Object.entries(names)
  .map(([specifier, list]) => `import { ${list} } from '${specifier}'`)
  .concat(body)
  .join('\n')
const untyped = (source: string): string =>
  source.replace(/\btype \w+, /g, '').replace(/: (?:Dlq|Settled|string)\b/g, '')
const asModule = untyped(typed)
const asCommonJs = asModule.replace(/^import (.+) from (.+)$/gm, 'const $1 = require($2)')

/** A program that prints what it finds. */
const printing = (source: string, name: string): string =>
  `${source}\nused('${name}.db').then((found) => console.log(JSON.stringify(found)))`

/** A test, of Jest or Vitest. */
const testing = (source: string, name: string): string => `${source}
  test('finds what it should', async () => {
    expect(await used('${name}.db')).toEqual(${JSON.stringify(finds)})
  })`

const vitest = "import { expect, test } from 'vitest'\n"
const asRequired = `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\n`

const files = {
  'plain.mjs': printing(asModule, 'mjs'),
  'plain.cjs': printing(asCommonJs, 'cjs'),
  'typed.mts': printing(typed, 'mts'),
  'typed.cts': printing(typed, 'cts'),
  'typed.ts': typed,
  'jest/module.test.mjs': testing(asModule, 'jest-module'),
  'jest/commonjs.test.cjs': testing(asCommonJs, 'jest-commonjs'),
  'jest/package.json': JSON.stringify({ jest: { transform: {} } }),
  'vitest/module.test.mts': testing(`${vitest}${typed}`, 'vitest-module'),
  'vitest/commonjs.test.mts': testing(`${vitest}${asRequired}${asCommonJs}`, 'vitest-commonjs'),
  'vitest/package.json': '{}'
}

// how they run it

const drivers = ['better-sqlite3', 'ioredis', '@opentelemetry/api']
const types = ['@types/node', '@types/better-sqlite3']

/** A folder with the package, its drivers and the tools installed, and with these files. */
const consumerIn = async ({ installed }: Packed, tools: string): Promise<string> => {
  const folder = await installed('consumer', [...needed, ...drivers, ...types])
  for (const name of ['vitest', 'jest']) symlinkSync(join(tools, name), join(folder, 'node_modules', name))
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), source)
  }
  return folder
}

const ours = join(repository, 'node_modules')
const node = (cwd: string, ...parts: readonly string[]): Promise<string> =>
  printedBy(cwd, process.execPath, ...parts)

const prints = async (folder: string, ...parts: readonly string[]): Promise<void> =>
  assert.equal(JSON.parse(await node(folder, ...parts)), finds, parts.join(' '))

const strict = { target: 'es2022', strict: true, noEmit: true, types: ['node'] }

/** Under each `module` a project of its own. */
const isTyped = async (
  folder: string,
  compiler: string,
  options: { readonly module: string; readonly [name: string]: string | boolean },
  files: readonly string[]
): Promise<void> => {
  const project = `tsconfig.${options.module}.json`
  writeFileSync(join(folder, project), JSON.stringify({ compilerOptions: { ...strict, ...options }, files }))
  await node(folder, join(compiler, 'bin', 'tsc'), '-p', project, '--pretty', 'false')
}

/** Every tool that its users have, in one folder. */
const isUsedByAll = async (packed: Packed): Promise<void> => {
  const tools = await toolsInstalled()
  const consumer = await consumerIn(packed, tools)
  const tsx = join(ours, 'tsx', 'dist', 'cli.mjs')
  await prints(consumer, 'plain.mjs')
  await prints(consumer, 'plain.cjs')
  await prints(consumer, tsx, 'typed.mts')
  await prints(consumer, tsx, 'typed.cts')

  const [jest, jestFolder] = [join(tools, 'jest', 'bin', 'jest.js'), join(consumer, 'jest')]
  await node(jestFolder, jest, 'commonjs')
  await node(jestFolder, '--experimental-vm-modules', jest, 'module')
  await node(join(consumer, 'vitest'), join(tools, 'vitest', 'vitest.mjs'), 'run')

  const latest = join(ours, 'typescript')
  const nodenext = { module: 'nodenext', skipLibCheck: false }
  await isTyped(consumer, latest, nodenext, ['typed.mts', 'typed.cts'])
  await isTyped(consumer, latest, { module: 'esnext', moduleResolution: 'bundler' }, ['typed.ts'])
  await isTyped(consumer, latest, { module: 'commonjs' }, ['typed.ts'])
  // An older one resolves for CommonJS as Node 10 did, without `exports`.
  const older = join(tools, 'typescript5')
  await isTyped(consumer, older, nodenext, ['typed.mts', 'typed.cts'])
  await isTyped(consumer, older, { module: 'commonjs', skipLibCheck: true }, ['typed.ts'])
}

/** An empty folder, `npm install` and `npx`. */
const isInstalledByNpm = async ({ tarball }: Packed): Promise<void> => {
  const empty = join(dirname(tarball), 'empty')
  mkdirSync(empty)
  writeFileSync(join(empty, 'package.json'), '{}')
  await npmInstall(empty, tarball)
  const found = readdirSync(join(empty, 'node_modules')).filter((name) => !name.startsWith('.'))
  assert.equal(found.toSorted(), ['@standard-schema', 'commander', 'fp-ts', 'io-ts', 'missive-ts'])
  const loading = specifiers.map((specifier) => `import '${specifier}'`).join('\n')
  await node(empty, '--input-type=module', '-e', loading)
  assert.is(await printedBy(empty, 'npx', 'missive', '--version'), `${manifest.version}\n`)
}

// specs

const consuming = suite('whoever installs it')

consuming('runs, tests and type-checks every subpath in both kinds of modules, and gets a command', () =>
  inEmptyFolder(async (folder) => {
    const packed = await packedIn(folder)
    await isInstalledByNpm(packed)
    await isUsedByAll(packed)
  })
)

consuming.run()
