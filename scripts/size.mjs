// What each subpath costs who imports it: bundled, minified and compressed, and a plain import of it in Node. Fails when
// a size is over its budget; no time has one. Measures dist, so build first.
// Usage: node scripts/size.mjs [--no-times]
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
const specifiers = Object.keys(manifest.exports)
  .filter((subpath) => !subpath.endsWith('.json'))
  .map((subpath) => `missive-ts${subpath.slice(1)}`)

/** Bytes, minified and compressed. Tell in the commit why one is raised. */
const budgets = {
  'missive-ts': 20_000,
  'missive-ts/node': 14_650,
  'missive-ts/dlq': 21_800,
  'missive-ts/sqlite': 13_700,
  'missive-ts/redis': 41_500,
  'missive-ts/http': 20_800,
  'missive-ts/otel': 5_950,
  'missive-ts/testing': 48_200
}

/** All of lib/core, whatever of it is used. */
const coreBudget = 8_192

/** What a bundler keeps of the root where only this is used. The first is the smallest whole program. */
const programs = [
  { names: ['receive', 'handle', 'route', 'withDlq'], budget: 8_192 },
  { names: ['receive', 'handle', 'route', 'withDlq', 'withRetry', 'exponentialBackoff'], budget: 10_700 }
]

// sizes

const bundled = async (contents) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: Object.keys(manifest.peerDependencies).flatMap((name) => [name, `${name}/*`]),
    tsconfigRaw: {},
    logLevel: 'error'
  })
  const { contents: bytes } = outputFiles[0]
  return { minified: bytes.length, compressed: gzipSync(bytes, { level: 9 }).length }
}

// imports

const node = (...parts) => execFileSync(process.execPath, parts, { cwd: root, encoding: 'utf8' })
const inUrl = (source) => `data:text/javascript,${encodeURIComponent(source)}`

const timed = (specifier) =>
  `const before = performance.now(); await import('${specifier}'); console.log(performance.now() - before)`

/** Writes down each module as Node loads it; those that CommonJS loads are in its cache. */
const hooks = inUrl(`import { writeSync } from 'node:fs'
  export const load = (url, context, next) => {
    if (url.startsWith('file:')) writeSync(1, url + '\\n')
    return next(url, context)
  }`)
const registering = inUrl(`import { register } from 'node:module'; register(${JSON.stringify(hooks)})`)
const listed = (specifier) => `import { createRequire } from 'node:module'
  import { pathToFileURL } from 'node:url'
  await import('${specifier}')
  for (const path of Object.keys(createRequire(import.meta.url).cache)) console.log(pathToFileURL(path).href)`

const asModule = ['--input-type=module', '-e']

const modulesOf = (specifier) => {
  const urls = node('--import', registering, ...asModule, listed(specifier))
    .trim()
    .split('\n')
  return new Set(urls.filter((url) => url !== '')).size
}

const timesOf = (specifier) => {
  const times = Array.from({ length: 9 }, () => Number(node(...asModule, timed(specifier))))
  return times.toSorted((a, b) => a - b)[4]
}

// printing

const bytes = (count) => count.toLocaleString('en')
const inColumns = (rows) => {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const line = (row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
  return rows.map((row) => line(row).join('  ').trimEnd()).join('\n')
}

const coreModules = readdirSync(`${root}/dist/esm/core`)
  .filter((name) => name.endsWith('.js'))
  .map((name) => `./dist/esm/core/${name}`)
const coreNames = await Promise.all(coreModules.map(async (path) => Object.keys(await import(`../${path}`))))
if (new Set(coreNames.flat()).size < coreNames.flat().length)
  throw new Error('two modules of lib/core export the same name, of which a bundle of all would have none')

const withTimes = !process.argv.includes('--no-times')
const measured = [
  ...specifiers.map((specifier) => ({
    title: specifier,
    source: `export * from '${specifier}'`,
    specifier,
    budget: budgets[specifier] ?? 0
  })),
  {
    title: 'all of lib/core',
    source: coreModules.map((path) => `export * from '${path}'`).join('\n'),
    budget: coreBudget
  },
  ...programs.map(({ names, budget }) => ({
    title: `{ ${names.join(', ')} }`,
    source: `export { ${names.join(', ')} } from 'missive-ts'`,
    budget
  }))
]

const over = []
const rows = [['bytes', 'minified', 'gzip', 'budget', ...(withTimes ? ['modules', 'import'] : [])]]
for (const { title, source, specifier, budget } of measured) {
  const { minified, compressed } = await bundled(source)
  if (compressed > budget) over.push(`${title} is ${bytes(compressed - budget)} bytes over its budget`)
  const times =
    specifier === undefined
      ? ['', '']
      : withTimes
        ? [`${modulesOf(specifier)}`, `${timesOf(specifier).toFixed(0)} ms`]
        : []
  rows.push([title, ...[minified, compressed, budget].map(bytes), ...(withTimes ? times : [])])
}
console.log(inColumns(rows))
for (const line of over) console.error(line)
if (over.length > 0) process.exitCode = 1
