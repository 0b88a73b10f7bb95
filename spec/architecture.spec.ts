import { readFileSync, readdirSync } from 'node:fs'
import { join, posix } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Import, importsOf, tokensOf } from './support/imports.js'
import { repository } from './support/program.js'
import { fencesOf } from './support/snippets.js'

/** Sources by their path from the repository's root. */
type Files = ReadonlyMap<string, string>

const read = (path: string): string => readFileSync(join(repository, path), 'utf8')

const filesIn = (...folders: readonly string[]): Files =>
  new Map(
    folders.flatMap((folder) =>
      readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => posix.join(folder, ...name.split(/[\\/]/)))
        .map((path) => [path, read(path)] as const)
    )
  )

const made = (files: Readonly<Record<string, string>>): Files => new Map(Object.entries(files))

const { exports } = JSON.parse(read('package.json')) as {
  readonly exports: Readonly<Record<string, string | { readonly import: { readonly default: string } }>>
}

/** The files that users import, by subpath. */
const entries: ReadonlyMap<string, string> = new Map(
  Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === 'string'
      ? []
      : [[subpath, target.import.default.replace(/^\.\/dist\/esm\/(.*)\.js$/, 'lib/$1.ts')] as const]
  )
)

interface Edge extends Import {
  readonly from: string
  /** A file, or a package's specifier. */
  readonly to: string
}

const edgesOf = (files: Files): readonly Edge[] =>
  Array.from(files).flatMap(([from, source]) =>
    importsOf(source).map((found) => ({
      ...found,
      from,
      to: targetOf(from, found.specifier ?? 'something computed')
    }))
  )

const targetOf = (from: string, specifier: string): string =>
  specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts') : specifier

const rendered = ({ from, line, to }: Edge): string => `${from}:${line} imports ${to}`

// who may import whom

const driver = 'better-sqlite3'
const telemetry = '@opentelemetry/api'
/** The files that may know a driver. */
const drivers: ReadonlyMap<string, RegExp> = new Map([
  [driver, /^lib\/(?:(?:dlq|idempotency)\/sqlite(?:-\w+)?|sqlite\/\w+)\.ts$/],
  ['ioredis', /^lib\/redis\/driver\.ts$/],
  [telemetry, /^lib\/otel\/[\w-]+\.ts$/]
])
const shared: ReadonlySet<string> = new Set([
  'lib/interpreters/consume.ts',
  'lib/interpreters/run-main.ts',
  'lib/interpreters/tally.ts',
  ...[
    'bounds',
    'counting',
    'decisions',
    'discarding',
    'each-letter',
    'engine',
    'filter',
    'fingerprint',
    'identity',
    'row',
    'store',
    'tidied',
    'transitions'
  ].map((name) => `lib/dlq/${name}.ts`)
])
/** What is started as a thread, and by whom. */
const started: ReadonlyMap<string, string> = new Map([
  ['lib/dlq/sqlite-worker.ts', 'lib/dlq/sqlite.ts'],
  ['lib/idempotency/sqlite-worker.ts', 'lib/idempotency/sqlite.ts']
])

const isEntry = (path: string): boolean => Array.from(entries.values()).includes(path)

const isFunctional = ({ to, isType }: Edge): boolean =>
  /^fp-ts\/lib\/\w+\.js$/.test(to) ||
  /^io-ts(?:\/lib\/\w+\.js)?$/.test(to) ||
  (to === '@standard-schema/spec' && isType)
const isTypeOfFpTs = ({ to, isType }: Edge): boolean => isType && /^fp-ts\/lib\/\w+\.js$/.test(to)
/** The pure folders: each may import itself and those before it. */
const pure = ['core', 'matchers', 'failures', 'ports', 'combinators']
const depthOf = (path: string): number => pure.findIndex((folder) => path.startsWith(`lib/${folder}/`))
const isPure = ({ to }: Edge): boolean => depthOf(to) >= 0
const isBelow = ({ from, to }: Edge): boolean => depthOf(to) >= 0 && depthOf(to) <= depthOf(from)
const isSystem = ({ to }: Edge): boolean => to === 'lib/system.ts' || to === 'lib/here.ts'
const isCommand = (path: string): boolean => path.startsWith('lib/cli/')
const isInside = ({ to }: Edge): boolean => to.startsWith('lib/') && !isEntry(to) && !isCommand(to)
const isNode = ({ to }: Edge): boolean => to.startsWith('node:')
const isAtEdge = (edge: Edge): boolean => isNode(edge) || drivers.get(edge.to)?.test(edge.from) === true
/** What sources and queues on Redis have in common. */
const isOfRedis = ({ from, to }: Edge): boolean =>
  to.startsWith('lib/redis/') && /^lib\/(?:interpreters|dlq|idempotency)\/redis(?:-\w+)*\.ts$/.test(from)
/** What queues and stores of idempotency in files have in common. */
const isOfSqlite = ({ from, to }: Edge): boolean =>
  to.startsWith('lib/sqlite/') && /^lib\/(?:dlq|idempotency)\/sqlite(?:-\w+)*\.ts$/.test(from)
/** What a server of ours and the handlers for others' have in common. */
const isOfHttp = ({ from, to }: Edge): boolean =>
  to.startsWith('lib/http/') && /^lib\/interpreters\/http(?:-\w+)*\.ts$/.test(from)
/** Where a message came from, for who tells of it. */
const isOrigin = ({ to }: Edge): boolean =>
  /^lib\/(?:redis\/(?:entry|publication)|http\/request)\.ts$/.test(to)
/** It is loaded when a pipeline is built, and not by whoever imports the entry. */
const isLoaded = ({ to, isType }: Edge): boolean => to !== telemetry || isType
/** Laws of sources are laws of the loop over them, too. */
const isLoop = ({ to }: Edge): boolean => to === 'lib/interpreters/consume.ts'
const isBeside = ({ from, to }: Edge): boolean => posix.dirname(from) === posix.dirname(to)

const breaches = (files: Files): readonly string[] => {
  const edges = edgesOf(files)
  const isPublic = (path: string): boolean =>
    edges.some(({ from, to, isType }) => isEntry(from) && to === path && !isType)

  /** The interpreters or queues that a helper works for: it may be one, and nobody else's. */
  const ownersOf = (path: string, seen: readonly string[] = []): readonly string[] => {
    if (isPublic(path) || seen.includes(path)) return isPublic(path) ? [path] : []
    const starter = started.get(path)
    const users = edges.filter((edge) => edge.to === path && isBeside(edge)).map(({ from }) => from)
    const owners = users.concat(starter ?? []).flatMap((user) => ownersOf(user, [...seen, path]))
    return [...new Set(owners)]
  }
  const isNear = ({ from, to }: Edge): boolean => {
    const [owner, another] = ownersOf(to)
    const isOwn = another === undefined && (owner === undefined || ownersOf(from).includes(owner))
    return posix.dirname(from) === posix.dirname(to) && (shared.has(to) || isOwn)
  }
  const isAllowed = (edge: Edge): boolean => {
    const { from } = edge
    if (isEntry(from)) return isInside(edge)
    if (from.startsWith('lib/core/')) return isBelow(edge) || isTypeOfFpTs(edge)
    if (depthOf(from) > 0) return isBelow(edge) || isFunctional(edge)
    if (/^lib\/(?:interpreters|dlq)\//.test(from))
      return [isPure, isSystem, isFunctional, isAtEdge, isNear, isOfRedis, isOfSqlite, isOfHttp].some(
        (allows) => allows(edge)
      )
    if (/^lib\/(?:redis|sqlite|http|idempotency)\//.test(from))
      return [isPure, isSystem, isFunctional, isAtEdge, isBeside, isOfSqlite, isOfRedis].some((allows) =>
        allows(edge)
      )
    if (from.startsWith('lib/otel/')) {
      const isKnown = [isPure, isSystem, isFunctional, isAtEdge, isBeside, isOrigin].some((allows) =>
        allows(edge)
      )
      return isKnown && isLoaded(edge)
    }
    if (from.startsWith('lib/testing/'))
      return [isPure, isSystem, isFunctional, isNode, isBeside, isLoop].some((allows) => allows(edge))
    if (isCommand(from)) {
      const { to } = edge
      // What `--through` names is the user's.
      const isUsers = from === 'lib/cli/module.ts' && edge.specifier === undefined
      const isOffered = isPublic(to) || shared.has(to) || to === 'commander' || isUsers
      return isOffered || [isPure, isSystem, isFunctional, isNode, isBeside].some((allows) => allows(edge))
    }
    return /^lib\/(?:system|timed)\.ts$/.test(from) && (isPure(edge) || isSystem(edge))
  }
  return edges.filter((edge) => !isAllowed(edge)).map(rendered)
}

const layers = suite('who may import whom')

layers('is kept by lib', () => {
  const lib = filesIn('lib')
  assert.ok(entries.size >= 4 && Array.from(entries.values()).every((path) => lib.has(path)))
  assert.equal(breaches(lib), [])
})

layers('is broken by the core when it imports more than itself and types of fp-ts', () => {
  const allowed = `
    import type { Either } from 'fp-ts/lib/Either.js'
    export { a } from './b.js'
    export const c = () => import('./d.js')`
  assert.equal(breaches(made({ 'lib/core/a.ts': allowed })), [])
  const refused = [
    `import 'node:fs'`,
    `import type { Stats } from 'node:fs'`,
    `import { right } from 'fp-ts/lib/Either.js'`,
    `import type { Either } from 'fp-ts/Either'`,
    `import * as t from 'io-ts'`,
    `import type { StandardSchemaV1 } from '@standard-schema/spec'`,
    `import Database from 'better-sqlite3'`,
    `import type { Matching } from '../matchers/matching.js'`,
    `import { consume } from '../interpreters/consume.js'`,
    `import { systemClock } from '../system.js'`,
    `import { withRetry } from '../combinators/retry.js'`,
    `export * from '../index.js'`,
    `export type { A } from '../dlq/memory.js'`,
    `const a = await import('node:os')`,
    `const a = require('ioredis')`,
    'const a = await import(`./${name}.js`)'
  ]
  for (const source of refused) assert.is(breaches(made({ 'lib/core/a.ts': source })).length, 1, source)
})

layers('is broken by a pure folder that imports one above it, or more than what is functional', () => {
  const found = (folder: string, source: string) => breaches(made({ [`lib/${folder}/a.ts`]: source })).length
  for (const [index, folder] of pure.entries()) {
    for (const below of pure.slice(0, index + 1))
      assert.is(found(folder, `import { b } from '../${below}/b.js'`), 0, `${folder}, ${below}`)
    for (const above of pure.slice(index + 1))
      assert.is(found(folder, `import type { B } from '../${above}/b.js'`), 1, `${folder}, ${above}`)
  }
  const functional = `
    import * as t from 'io-ts'
    import { right } from 'fp-ts/lib/Either.js'
    import type { StandardSchemaV1 } from '@standard-schema/spec'`
  const refused = [
    `import 'node:fs'`,
    `import { pipe } from 'fp-ts/function'`,
    `import { StandardSchemaV1 } from '@standard-schema/spec'`,
    `import { systemClock } from '../system.js'`,
    `import { consume } from '../interpreters/consume.js'`
  ]
  for (const folder of pure.slice(1)) {
    assert.is(found(folder, functional), 0, folder)
    for (const source of refused) assert.is(found(folder, source), 1, `${folder}: ${source}`)
  }
})

layers('is broken by interpreters and queues that reach for each other', () => {
  const house = {
    'lib/node.ts': ['consume', 'run-main', 'stdin', 'memory']
      .map((name) => `export * from './interpreters/${name}.js'`)
      .join('\n'),
    'lib/dlq.ts': `export { memoryDlq } from './dlq/memory.js'`,
    'lib/sqlite.ts': `export { sqliteDlq } from './dlq/sqlite.js'`,
    'lib/interpreters/consume.ts': `import './loop.js'`,
    'lib/interpreters/loop.ts': `import './settler.js'\nimport type { A } from './tally.js'`,
    'lib/dlq/sqlite.ts': `import './sqlite-driver.js'`,
    'lib/dlq/sqlite-driver.ts': `import type { Connect } from './sqlite.js'`
  }
  const found = (from: string, ...specifiers: readonly string[]) =>
    specifiers.flatMap((specifier) => {
      const source = Object.entries(house).find(([path]) => path === from)?.[1] ?? ''
      return breaches(made({ ...house, [from]: `${source}\nimport '${specifier}'` })).length > 0
        ? [specifier]
        : []
    })

  assert.equal(breaches(made(house)), [])
  const near = [
    './lines.js',
    './consume.js',
    './run-main.js',
    '../core/message.js',
    '../system.js',
    'node:fs'
  ]
  assert.equal(found('lib/interpreters/stdin.ts', ...near), [])
  const far = ['./loop.js', './settler.js', './memory.js', '../dlq/memory.js', '../node.js', driver]
  assert.equal(found('lib/interpreters/stdin.ts', ...far), far)
  assert.equal(found('lib/interpreters/loop.ts', './tally.js', './stdin.js'), ['./stdin.js'])

  assert.equal(found('lib/dlq/sqlite.ts', driver, './identity.js', './sqlite-driver.js', 'node:fs'), [])
  const other = ['./sqlite.js', './sqlite-driver.js', '../interpreters/consume.js', driver]
  assert.equal(found('lib/dlq/memory.ts', './identity.js', ...other), other)
})

layers(
  'is broken by whoever imports the command, and by a command that reaches for what is not offered',
  () => {
    const house = {
      'lib/dlq.ts': `export { memoryDlq } from './dlq/memory.js'`,
      'lib/dlq/memory.ts': `import './memory-engine.js'`,
      'lib/cli/main.ts': `import { ls } from './ls.js'`
    }
    const found = (path: string, specifier: string) =>
      breaches(made({ ...house, [path]: `import '${specifier}'` })).length
    const offered = [
      'commander',
      'node:fs',
      '../core/letter.js',
      '../dlq/memory.js',
      '../dlq/row.js',
      './main.js'
    ]
    for (const specifier of offered) assert.is(found('lib/cli/ls.ts', specifier), 0, specifier)
    for (const specifier of ['../dlq/memory-engine.js', '../dlq.js', driver])
      assert.is(found('lib/cli/ls.ts', specifier), 1, specifier)
    for (const path of ['lib/dlq.ts', 'lib/dlq/memory-engine.ts', 'lib/core/a.ts', 'lib/testing/a.ts'])
      assert.is(found(path, path === 'lib/dlq.ts' ? './cli/main.js' : '../cli/main.js'), 1, path)
    for (const path of ['lib/dlq/memory-engine.ts', 'lib/core/a.ts', 'lib/testing/a.ts'])
      assert.is(found(path, 'commander'), 1, path)
  }
)

layers('is broken by laws that reach for more than the loop', () => {
  const found = (specifier: string) => breaches(made({ 'lib/testing/a.ts': `import '${specifier}'` })).length
  for (const specifier of ['./b.js', '../core/message.js', '../interpreters/consume.js', 'node:util'])
    assert.is(found(specifier), 0, specifier)
  for (const specifier of [
    '../interpreters/loop.js',
    '../interpreters/memory.js',
    '../dlq/memory.js',
    driver
  ])
    assert.is(found(specifier), 1, specifier)
})

layers('is broken by telemetry that reaches for more than what messages say, or loads its API', () => {
  const found = (line: string) => breaches(made({ 'lib/otel/a.ts': line })).length
  for (const specifier of ['./b.js', '../core/message.js', '../redis/entry.js', '../here.js', 'node:module'])
    assert.is(found(`import '${specifier}'`), 0, specifier)
  assert.is(found(`import type { Span } from '${telemetry}'`), 0)
  for (const specifier of ['../redis/driver.js', '../interpreters/consume.js', telemetry, driver])
    assert.is(found(`import '${specifier}'`), 1, specifier)
})

layers('is broken by whoever imports an entry, and by a file that has no place', () => {
  for (const entry of entries.values()) {
    const specifier = `./${posix.basename(entry, '.ts')}.js`
    assert.is(breaches(made({ 'lib/timed.ts': `import '${specifier}'` })).length, 1, entry)
    assert.is(breaches(made({ 'lib/dlq.ts': `export * from '${specifier}'` })).length, 1, entry)
    assert.is(breaches(made({ 'lib/dlq/a.ts': `import type { A } from '.${specifier}'` })).length, 1, entry)
  }
  assert.is(breaches(made({ 'lib/dlq.ts': `export * from './dlq/memory.js'` })).length, 0)
  assert.is(breaches(made({ 'lib/dlq.ts': `export * from 'io-ts'` })).length, 1)
  assert.is(breaches(made({ 'lib/odd.ts': `import './core/message.js'` })).length, 1)
})

layers.run()

// what is pure touches nothing outside

const timers = ['Timeout', 'Immediate', 'Interval'].flatMap((name) => [`set${name}`, `clear${name}`])
const outside = new Set(
  timers.concat('process', 'console', 'performance', 'crypto', 'fetch', 'Buffer', 'globalThis', 'require')
)
const outsideMembers = new Set(['Math.random', 'AbortSignal.timeout'])

const impurities = (files: Files): readonly string[] =>
  Array.from(files).flatMap(([path, source]) => {
    const tokens = tokensOf(source)
    return tokens.flatMap(({ kind, value, line }, index) => {
      if (kind !== 'word' || tokens[index - 1]?.value === '.') return []
      const member = `${value}.${tokens[index + 1]?.value === '.' ? tokens[index + 2]?.value : ''}`
      const isClock = value === 'Date' && tokens[index - 1]?.value !== 'instanceof'
      return isClock || outside.has(value) || outsideMembers.has(member) ? [`${path}:${line} ${value}`] : []
    })
  })

const purity = suite('the pure folders')

purity('touch no clock, no timer, no randomness and no process', () => {
  const files = filesIn(...pure.map((folder) => `lib/${folder}`))
  assert.ok(files.has('lib/core/message.ts') && files.has('lib/combinators/retry.ts'))
  assert.equal(impurities(files), [])
})

purity('would be found out', () => {
  const touching = [
    'process.exit(1)',
    "console.log('')",
    'Date.now()',
    'new Date()',
    'const { now } = Date',
    'Math.random()',
    'setTimeout(f, 1)',
    'queue(setImmediate)',
    'const a = { setInterval }',
    'performance.now()',
    'globalThis.process',
    'AbortSignal.timeout(1)',
    '`${process.pid}`',
    '`${`${console}`}`'
  ]
  for (const source of touching) assert.is(impurities(made({ 'lib/core/a.ts': source })).length, 1, source)
  const harmless = `
    /* process */ // console.log
    const text = 'Date.now()' + "process" + \`console \${name} process\` + /process['"]/.source
    message.process(value instanceof Date, Math.min(1, 2), AbortSignal.any([]))`
  assert.equal(impurities(made({ 'lib/core/a.ts': harmless })), [])
})

purity.run()

// what an entry loads

/** Everything that importing a file imports, types included: who type-checks needs them, too. */
const reachedFrom = (start: string, edges: readonly Edge[]): readonly string[] => {
  const reached = new Set([start])
  for (const path of reached) for (const { from, to } of edges) if (from === path) reached.add(to)
  return [...reached]
}

const packagesOf = (entry: string, files: Files): readonly string[] =>
  reachedFrom(entry, edgesOf(files))
    .filter((path) => !files.has(path))
    .toSorted()

const loading = suite('an entry')

loading('loads the driver of its subpath alone, and the root no part of Node', () => {
  const lib = filesIn('lib')
  const foreign = Array.from(entries, ([subpath, entry]) => {
    const packages = packagesOf(entry, lib).filter(
      (name) => !/^(?:fp-ts|io-ts|@standard-schema)\b/.test(name)
    )
    return [subpath, packages.map((name) => (name.startsWith('node:') ? 'node:' : name))] as const
  })
  assert.equal(Object.fromEntries(foreign.map(([subpath, names]) => [subpath, [...new Set(names)]])), {
    '.': [],
    './node': ['node:'],
    './dlq': ['node:'],
    './sqlite': [driver, 'node:'],
    './redis': ['ioredis', 'node:'],
    './http': ['node:'],
    './otel': [telemetry, 'node:'],
    './testing': ['node:']
  })
})

loading('would be found out wherever the import is', () => {
  const files = made({
    'lib/index.ts': `export { a } from './core/a.js'`,
    'lib/core/a.ts': `import type { B } from './b.js'`,
    'lib/core/b.ts': `export const b = () => import('ioredis')`,
    'lib/core/c.ts': `import 'node:fs'`
  })
  assert.equal(packagesOf('lib/index.ts', files), ['ioredis'])
})

loading.run()

// cycles

const cyclesOf = (files: Files): readonly string[] => {
  const edges = edgesOf(files).filter(({ isType }) => !isType)
  return Array.from(files.keys()).filter((path) =>
    edges.some(({ from, to }) => from === path && reachedFrom(to, edges).includes(path))
  )
}

const cycles = suite('imports in a circle')

cycles('are nowhere in lib', () => assert.equal(cyclesOf(filesIn('lib')), []))

cycles('would be found, whatever their length, unless they are of types', () => {
  const circle = (last: string) =>
    made({
      'lib/a.ts': `import { b } from './b.js'`,
      'lib/b.ts': `export * from './c.js'`,
      'lib/c.ts': last,
      'lib/d.ts': `import './a.js'`
    })
  assert.equal(cyclesOf(circle(`import './a.js'`)), ['lib/a.ts', 'lib/b.ts', 'lib/c.ts'])
  assert.equal(cyclesOf(circle(`import './c.js'`)), ['lib/c.ts'])
  assert.equal(cyclesOf(circle(`import type { A } from './a.js'`)), [])
})

cycles.run()

// how fp-ts is imported

/** \`fp-ts/function\` type-checks, runs under tsx, and fails in plain Node. */
const misspelled = (files: Files): readonly string[] =>
  edgesOf(files)
    .filter(({ to }) => /^(?:fp-ts|io-ts)(?:\/|$)/.test(to))
    .filter(({ to }) => to !== 'io-ts' && !/^(?:fp-ts|io-ts)\/lib\/\w+\.js$/.test(to))
    .map(rendered)

const spelling = suite('fp-ts and io-ts')

spelling('are imported in the one way that Node resolves', () => {
  const readme = fencesOf(read('README.md')).map(({ line, code }) => [`README.md:${line}`, code] as const)
  const files = new Map([...filesIn('lib', 'spec', 'examples'), ...readme])
  assert.ok(readme.length > 0 && files.has('examples/hello.ts') && files.has('spec/architecture.spec.ts'))
  assert.equal(misspelled(files), [])
})

spelling('would be found out elsewhere', () => {
  const wrong = [
    'fp-ts',
    'fp-ts/function',
    'fp-ts/lib/function',
    'fp-ts/es6/function.js',
    'io-ts/PathReporter'
  ]
  for (const name of wrong)
    assert.is(misspelled(made({ 'spec/a.ts': `import * as a from '${name}'` })).length, 1)
  const right = ['fp-ts/lib/function.js', 'io-ts', 'io-ts/lib/PathReporter.js', 'fp-ts-std/Task']
  for (const name of right)
    assert.equal(misspelled(made({ 'spec/a.ts': `import * as a from '${name}'` })), [])
})

spelling.run()

// suites

const makers = ['suite', 'redisSuite']

/** Suites that nobody runs are passed by uvu in silence. */
const forgotten = (files: Files): readonly string[] =>
  Array.from(files).flatMap(([path, source]) => {
    const tokens = tokensOf(source).map(({ value }) => value)
    const follows = (index: number, ...values: readonly string[]) =>
      values.every((value, offset) => tokens[index + offset] === value)
    const isMade = (index: number) => makers.some((maker) => follows(index, '=', maker, '('))
    const names = tokens.flatMap((name, index) => (isMade(index + 1) ? [name] : []))
    const missing = names.filter(
      (name) => !tokens.some((_, index) => follows(index, name, '.', 'run', '(', ')'))
    )
    return names.length === 0 ? [`${path} has no suite`] : missing.map((name) => `${path} never runs ${name}`)
  })

const suites = suite('the suites')

suites('are run in every spec', () => {
  const specs = new Map(Array.from(filesIn('spec')).filter(([path]) => path.endsWith('.spec.ts')))
  assert.ok(specs.has('spec/architecture.spec.ts'))
  assert.equal(forgotten(specs), [])
})

suites('would be found out when they are not', () => {
  const found = forgotten(
    made({
      'spec/a.spec.ts': `const a = suite('a')\na.run()`,
      'spec/b.spec.ts': `const a = suite('a')\nconst b = suite('b')\na.run() // b.run()`,
      'spec/c.spec.ts': `assert.ok(true)`
    })
  )
  assert.equal(found, ['spec/b.spec.ts never runs b', 'spec/c.spec.ts has no suite'])
})

suites.run()

// the reader of imports

const reader = suite('importsOf')

reader('reads every form of import', () => {
  const source = `import a from 'a'
    import * as b from "b"
    import c, { type C, d } from 'c'
    import type { D } from 'd'
    import type E from 'e'
    import 'f'
    import {
      g
    } from 'g'
    export { h } from 'h'
    export type { I } from 'i'
    export * from 'j'
    export type * from 'k'
    export * as l from 'l'
    const m = await import('m')
    const n = require('n')
    const o = await import('o', { with: { type: 'json' } })
    import type, { p } from 'p'`
  const found = importsOf(source).map(
    ({ specifier, isType, line }) => `${line} ${specifier}${isType ? ' type' : ''}`
  )
  assert.is(
    found.join(', '),
    '1 a, 2 b, 3 c, 4 d type, 5 e type, 6 f, 7 g, 10 h, 11 i type, 12 j, 13 k type, 14 l, 15 m, 16 n, 17 o, 18 p'
  )
})

reader('takes nothing for an import that is none', () => {
  const source = `
    // import 'a'
    /* import 'b' */
    const text = "import 'c'" + 'it\\'s' + \`import 'd' \${"import 'e'"} import('f')\` + /import('g')['"]/.source
    export const h = 1 / 2, i = h / 1
    export { h }
    export type { J }
    const url = import.meta.url
    array.import('k')
    export default 'l'`
  assert.equal(importsOf(source), [])
})

reader('says where what is imported is computed', () => {
  for (const source of ['import(name)', "import('./' + name)", 'import(`./${name}`)'])
    assert.equal(importsOf(source), [{ specifier: undefined, isType: false, line: 1 }], source)
})

reader.run()
