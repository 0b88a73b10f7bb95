import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { join, posix } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Packed, manifest, needed, packedIn, specifiers, succeeded } from './support/packed.js'
import { type Ended, inEmptyFolder, repository, run } from './support/program.js'

// what its users write

const program = `
  const greeter = (dlq) =>
    pipe(
      receive(text),
      handle(
        route(
          (message) => message.body === 'Hello',
          async () => {
            console.log('Hello whoever you are')
            return ack
          }
        )
      ),
      withDlq(dlq)
    )
  runMain(stdin())(pipe(sqliteDlq('hello.db'), Resource.map(greeter)))`

const programNames = {
  'fp-ts/lib/function.js': 'pipe',
  'missive-ts': 'Resource, ack, handle, receive, route, text, withDlq',
  'missive-ts/node': 'runMain, stdin',
  'missive-ts/sqlite': 'sqliteDlq'
}

const asModule = (names: Readonly<Record<string, string>>): string =>
  Object.entries(names)
    .map(([specifier, list]) => `import { ${list} } from '${specifier}'`)
    .join('\n')

const asCommonJs = (names: Readonly<Record<string, string>>): string =>
  Object.entries(names)
    .map(([specifier, list]) => `const { ${list} } = require('${specifier}')`)
    .join('\n')

const namesOf = (load: 'import' | 'require', list: readonly string[]): string => `
  const list = ${JSON.stringify(list)}
  const named = async (specifier) => [specifier, Object.keys(await ${load}(specifier)).sort()]
  Promise.all(list.map(named)).then((all) => console.log(JSON.stringify(Object.fromEntries(all))))`

/** Two copies of the library in one process: what one makes the other takes. */
const mixed = `
  import { createRequire } from 'node:module'
  import * as one from 'missive-ts'
  import { memoryDlq } from 'missive-ts/dlq'
  const other = createRequire(import.meta.url)('missive-ts')
  const dlq = memoryDlq()
  const inner = other.handle(other.route(one.byField('type', 'order'), async () => one.ack))(other.receive(one.json))
  const processor = one.withDlq(dlq)(one.combine(inner))
  const order = other.message({ type: 'order' })
  const outcomes = [await processor(order)(), await processor({ ...one.message({}) })()]
  console.log(outcomes.map(({ _tag }) => _tag).join(), dlq.letters().length)`

const withoutDriver = `
  sqliteDlq('a.db').open().then(({ _tag, left }) => console.log(_tag, left.message))`
const withoutDriverNames = { 'missive-ts/sqlite': 'sqliteDlq' }

const typed = `
  import { pipe } from 'fp-ts/lib/function.js'
  import * as t from 'io-ts'
  import {
    type Dlq, type Interpreter, type Processor, type Report, type Settled,
    ackWith, byField, exponentialBackoff, handle, hook, json, otherwise, receive, route, withDlq, withRetry
  } from 'missive-ts'
  import { type MemoryDlq, memoryDlq } from 'missive-ts/dlq'

  const Order = t.type({ type: t.literal('order.placed'), total: t.number })
  const queue: MemoryDlq = memoryDlq()
  export const orders = (dlq: Dlq): Settled =>
    pipe(
      receive(json),
      hook('startedAt', async ({ message }) => message.receivedAt),
      handle(
        route(Order, async (order, { startedAt }) => ackWith({ note: (order.total + startedAt).toFixed(2) })),
        route(byField('type', 'order.cancelled'), async (_, { message }) => ackWith({ note: message.id })),
        otherwise(async ({ id }) => ackWith({ note: id.trim() }))
      ),
      withRetry(exponentialBackoff({ baseMs: 50, maxDelayMs: 2_000, attempts: 5 })),
      withDlq(dlq)
    )
  export const processor: Processor = orders(queue)
  export const ran = (interpreter: Interpreter): Promise<Report> =>
    interpreter(processor)(new AbortController().signal)()
  export const withTx = hook('tx', async () => new Map<string, number>())
  export const cancelled = byField('type', 'order.cancelled')
  // @ts-expect-error a settled processor has nothing to retry
  pipe(processor as Settled, withRetry(exponentialBackoff({ baseMs: 1, maxDelayMs: 1, attempts: 1 })))
  // @ts-expect-error no hook provides tx
  pipe(receive(json), handle(route(Order, async (_, { tx }) => tx)))`

const typedOnNode = `${typed}
  import { Resource } from 'missive-ts'
  import { consume, lines, memory, runMain, stdin } from 'missive-ts/node'
  import { replay } from 'missive-ts/dlq'
  import { type SqliteDlq, sqliteDlq } from 'missive-ts/sqlite'
  export const one = ran(consume(memory([])))
  export const all = pipe(sqliteDlq('a.db'), Resource.use((queue: SqliteDlq) => queue.page({ filter: { tag: 'NoMatch' }, limit: 10 })))
  runMain(replay(sqliteDlq('a.db'), { tag: 'Malformed' }, { rate: 10 }))(orders(memoryDlq()))
  export const other = ran(consume(lines(process.stdin)))
  runMain(stdin({ concurrency: 2 }))(pipe(sqliteDlq('a.db'), Resource.map(orders)))
  ${specifiers.map((specifier, index) => `import * as entry${index} from '${specifier}'`).join('; ')}
  export const everything = [${specifiers.map((_, index) => `{ ...entry${index} }`).join()}] as const`

const node = (folder: string, file: string, source: string, input = ''): Promise<Ended> => {
  writeFileSync(join(folder, file), source)
  return run(process.execPath, [file], { cwd: folder, input })
}

/** Everything of CommonJS that a process has loaded, once it has every subpath. */
const loaded = `
  for (const specifier of ${JSON.stringify(specifiers)}) require(specifier)
  console.log(Object.keys(require.cache).join('\\n'))`

// what is in it

const holdsWhatItShould = ({ copy, files, executables }: Packed): void => {
  const lib = readdirSync(join(copy, 'lib'), { recursive: true, encoding: 'utf8' })
  const names = lib.flatMap((path) => (path.endsWith('.ts') ? [path.slice(0, -'.ts'.length)] : []))
  const built = names.flatMap((name) => [
    ...['.js', '.js.map', '.d.ts', '.d.ts.map'].map((ending) => `dist/esm/${name}${ending}`),
    ...(name.startsWith('cli/') ? [] : ['.js', '.d.ts'].map((ending) => `dist/cjs/${name}${ending}`)),
    `lib/${name}.ts`
  ])
  const pages = readdirSync(join(copy, 'docs')).map((name) => `docs/${name}`)
  const others = [...pages, 'CHANGELOG.md', 'LICENSE', 'README.md', 'dist/cjs/package.json', 'package.json']
  assert.equal(files.toSorted(), [...built, ...others].toSorted())
  assert.equal(executables, [posix.normalize(manifest.bin.missive)])
}

/** Of each file that was built from a file of lib: the map beside it, to that file, which is there. */
const isMapped = async (unpacked: string, { copy, files }: Packed): Promise<void> => {
  const read = (path: string) => readFileSync(join(unpacked, path), 'utf8')
  for (const path of files) {
    const source = read(path)
    assert.not.ok(source.includes(copy) || source.includes(repository), `${path} says where it was built`)
    const named = /^\/\/# sourceMappingURL=(.+)$/m.exec(source)?.[1]
    const isEsm = /^dist\/esm\/.*\.(?:js|d\.ts)$/.test(path)
    assert.is(named, isEsm ? `${posix.basename(path)}.map` : undefined, path)
    if (isEsm) assert.is(unmapped(path, source, read), undefined)
  }
}

/** What is wrong with the map of a file, if anything is. */
const unmapped = (path: string, source: string, read: (path: string) => string): string | undefined => {
  const map = JSON.parse(read(`${path}.map`)) as SourceMapPayload
  const origin = path.replace(/^dist\/esm/, 'lib').replace(/(?:\.d\.ts|\.js)$/, '.ts')
  const sources = map.sources.map((from) => posix.join(posix.dirname(path), map.sourceRoot ?? '', from))
  if (sources.join() !== origin) return `${path} is mapped to ${sources.join()}`
  const made = source.split('\n')
  const line = made.findIndex((text) => declared.test(text))
  const name = declared.exec(made[line] ?? '')?.[1]
  if (name === undefined) return undefined
  const entry = new SourceMap(map).findEntry(line, (made[line] as string).indexOf(name))
  const from = 'originalLine' in entry ? read(origin).split('\n')[entry.originalLine] : undefined
  return from?.includes(name) === true ? undefined : `${path}: ${name} is mapped to ${from}`
}

const declared = /^export (?:declare )?(?:const|class|interface|type) (\w+)/

// what they find

const loadsNoDriver = async (folder: string): Promise<void> => {
  const paths = await succeeded(node(folder, 'loaded.cjs', loaded))
  assert.match(paths, /missive-ts\/dist\/cjs\/redis\.js/)
  assert.equal(
    paths.split('\n').filter((path) => /better-sqlite3|ioredis|opentelemetry/.test(path)),
    []
  )
}

const hasSameNamesInBothKinds = async (folder: string): Promise<void> => {
  const [esm, cjs] = await Promise.all([
    succeeded(node(folder, 'names.mjs', namesOf('import', specifiers))),
    succeeded(node(folder, 'names.cjs', namesOf('require', specifiers)))
  ])
  assert.is(cjs, esm)
  const names = JSON.parse(esm) as Readonly<Record<string, readonly string[]>>
  assert.equal(Object.keys(names), specifiers)
  for (const [specifier, list] of Object.entries(names)) assert.ok(list.length > 0, specifier)
}

const hasManifest = async (folder: string): Promise<void> => {
  const source = `console.log(require('missive-ts/package.json').version)`
  assert.is(await succeeded(node(folder, 'manifest.cjs', source)), `${manifest.version}\n`)
}

const greets = async (folder: string, file: string, source: string): Promise<void> => {
  const queue = `${file}.db`
  const { code, stdout, stderr } = await node(
    folder,
    file,
    source.replace('hello.db', queue),
    'Hello\nGoodbye\n'
  )
  assert.is(stdout, 'Hello whoever you are\n', file)
  assert.is(stderr, `2 received, 1 acked, 1 dead-lettered\ndead letters: ${join(folder, queue)}\n`)
  assert.is(code, 0, file)
}

/** The command as npm links it: by the package's own word for where it is. */
const commands = async (folder: string, queue: string): Promise<void> => {
  const command = join(folder, 'node_modules', 'missive-ts', manifest.bin.missive)
  assert.match(readFileSync(command, 'utf8'), /^#!\/usr\/bin\/env node\n/)
  const listed = await succeeded(
    run(process.execPath, [command, 'dlq', 'ls', queue, '--json'], { cwd: folder })
  )
  const { failure, payload } = JSON.parse(listed) as { readonly failure: object; readonly payload: object }
  assert.equal(
    [failure, payload],
    [{ _tag: 'NoMatch', routes: [{ route: 'route 1', reason: 'says no' }] }, { text: 'Goodbye' }]
  )
}

const mixes = async (folder: string): Promise<void> =>
  assert.is(await succeeded(node(folder, 'mixed.mjs', mixed)), 'Acked,DeadLettered 1\n')

const asksForDriver = async (folder: string, file: string, source: string): Promise<void> =>
  assert.match(
    await succeeded(node(folder, file, source)),
    /^Left better-sqlite3 cannot be loaded \(.*\); install it: npm install better-sqlite3@/
  )

/** Declarations are checked as well: of what its users export, each type must have a name that they can import. */
const isTyped = async (folder: string, source: string, options: object): Promise<void> => {
  for (const file of ['typed.mts', 'typed.cts']) writeFileSync(join(folder, file), source)
  const strict = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    declaration: true,
    noEmit: true,
    skipLibCheck: false
  }
  const tsconfig = { compilerOptions: { ...strict, ...options }, files: ['typed.mts', 'typed.cts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
  await succeeded(run(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], { cwd: folder }))
}

// specs

/** Before TypeScript 5.7 arrays of bytes had no type parameter, and a declaration with one does not compile. */
const isOfOldTypes = (root: string, { files }: Packed): void => {
  const declared = files.filter((file) => file.endsWith('.d.ts'))
  assert.ok(declared.length > 100)
  for (const file of declared)
    assert.not.match(readFileSync(join(root, file), 'utf8'), /\b(?:Uint8Array|Buffer)</, file)
}

const packing = suite('the package')

packing('works once it is installed, as modules and as CommonJS, run and type-checked', () =>
  inEmptyFolder(async (folder) => {
    const packed = await packedIn(folder)
    const { installed } = packed
    holdsWhatItShould(packed)
    const types = ['@types/node', '@types/better-sqlite3']
    const [full, bare] = await Promise.all([
      installed('full', [...needed, ...types, 'better-sqlite3', 'ioredis', '@opentelemetry/api']),
      installed('bare', needed)
    ])
    isOfOldTypes(join(bare, 'node_modules', 'missive-ts'), packed)
    await Promise.all([
      hasSameNamesInBothKinds(bare),
      hasManifest(bare),
      greets(full, 'program.mjs', `${asModule(programNames)}${program}`),
      greets(full, 'program.cjs', `${asCommonJs(programNames)}${program}`),
      mixes(bare),
      loadsNoDriver(full),
      isMapped(join(bare, 'node_modules', 'missive-ts'), packed),
      asksForDriver(bare, 'driver.mjs', `${asModule(withoutDriverNames)}${withoutDriver}`),
      asksForDriver(bare, 'driver.cjs', `${asCommonJs(withoutDriverNames)}${withoutDriver}`),
      isTyped(full, typedOnNode, { types: ['node'] }),
      isTyped(bare, typed, { types: [], lib: ['es2022', 'dom'] })
    ])
    await commands(full, 'program.cjs.db')
  })
)

packing('is locked to no registry', () => {
  const lock = readFileSync(join(repository, 'package-lock.json'), 'utf8')
  const { packages } = JSON.parse(lock) as { readonly packages: Readonly<Record<string, object>> }
  assert.ok(Object.keys(packages).length > 10)
  assert.equal(
    Object.entries(packages).flatMap(([name, locked]) => ('resolved' in locked ? [name] : [])),
    []
  )
  assert.not.match(lock, /:\/\/[^"]*registry|"resolved"/)
})

packing.run()
