// Runs all benches one after the other and writes what they found: RESULTS.md and results.svg, beside this file.
// Usage: npm run bench [-- --quick]. With --quick there are few rounds of little, and what is written goes to bench/data.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { chart } from './chart.mjs'
import { chartGroups, page } from './results.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const data = join(here, 'data')
const quick = process.argv.includes('--quick')
mkdirSync(data, { recursive: true })

// The arguments of --quick: rounds first, then how much of it.
const benches = [
  { name: 'stdin', about: 'Lines of stdin', quick: [3, 100_000] },
  { name: 'routing', about: 'Routing', quick: [3], flags: ['--expose-gc'] },
  { name: 'memory', about: 'Memory', quick: [100_000, 1_000_000] },
  { name: 'streams', about: 'Redis Streams', quick: [3, 50_000, 3_000] },
  { name: 'pubsub', about: 'Redis Pub/Sub', quick: [3, 50_000] },
  { name: 'http', about: 'HTTP', quick: [3, 10_000] },
  { name: 'letters/put', about: 'Dead letters in SQLite, written', quick: [3, 10_000] },
  { name: 'letters/read', about: 'Dead letters in SQLite, read', quick: [20_000] },
  { name: 'letters/redis', about: 'Dead letters in Redis', quick: [3, 10_000] },
  { name: 'combinators', about: 'What each combinator adds', quick: [3, 2_000] }
].map((bench) => ({
  ...bench,
  file: join(here, bench.name.includes('/') ? `${bench.name}.mjs` : `${bench.name}/run.mjs`)
}))

/** Those that are compared with lie beside the bench that needs them. What is there already stays. */
const installPeers = (bench) => {
  const npm = (...args) => spawnSync('npm', args, { cwd: join(here, bench), stdio: 'ignore' }).status === 0
  if (npm('ls')) return
  console.log(`bench/${bench}: npm ci`)
  if (!npm('ci', '--ignore-scripts', '--no-audit', '--no-fund'))
    console.log(`bench/${bench}: its peers could not be installed (offline?), so they are left out`)
}

/** The tables that a bench gives, and whether it ended well. */
const run = async ({ name, file, flags = [], quick: less }) => {
  const output = join(data, 'tables.json')
  rmSync(output, { force: true })
  console.log(`\n## ${name}`)
  const child = spawn(process.execPath, [...flags, file, ...(quick ? less.map(String) : [])], {
    stdio: 'inherit',
    env: { ...process.env, BENCH_JSON: output }
  })
  const code = await new Promise((resolve) => child.on('exit', resolve))
  const lines = code === 0 ? readFileSync(output, 'utf8').trim().split('\n') : []
  rmSync(output, { force: true })
  return { tables: lines.map((line) => JSON.parse(line)), failed: code !== 0 }
}

const packageOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** Of those that were found by the bench in this folder; none of those that are not installed. */
const versionsOf = (folder, ...names) =>
  names.flatMap((name) => {
    const installed = join(here, folder, 'node_modules', name)
    return existsSync(installed) ? [`${name} ${packageOf(installed).version}`] : []
  })

const redisVersion = () => {
  const { stdout } = spawnSync(process.env.REDIS_SERVER ?? 'redis-server', ['--version'], {
    encoding: 'utf8'
  })
  const version = / v=(\S+)/.exec(stdout ?? '')?.[1]
  return version === undefined ? [] : [`Redis ${version}`]
}

const startedAt = new Date()
const busy = loadavg()[0]
for (const bench of ['streams', 'http']) installPeers(bench)

const found = {}
for (const bench of benches) {
  const { tables, failed } = await run(bench)
  found[bench.name] = tables
  bench.failed = failed
}
const minutes = (Date.now() - startedAt.getTime()) / 60_000

const { name, version } = packageOf(join(here, '..'))
const day = startedAt.toISOString().slice(0, 10)
const machine = [
  `${name} ${version}, ${startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC, in ${minutes.toFixed(0)} min${quick ? ', with --quick: too little to say anything' : ''}`,
  `${cpus()[0].model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB of memory, load ${busy.toFixed(1)} at the start; clients, servers and Redis share it`,
  [
    `Node ${process.versions.node}`,
    ...redisVersion(),
    ...versionsOf('..', 'ioredis', 'better-sqlite3'),
    ...versionsOf('streams', 'bullmq'),
    ...versionsOf('http', 'fastify', 'hono', '@hono/node-server')
  ].join(', ')
]

const target = quick ? data : here
const results = join(target, 'RESULTS.md')
const options = { ...(await resolveConfig(results)), parser: 'markdown' }
writeFileSync(results, await format(page({ found, benches, machine }), options))
writeFileSync(
  join(target, 'results.svg'),
  chart({
    title: 'missive-ts: speed against what one would write by hand',
    note: `1 is the hand-written baseline, longer is faster. ${name} ${version}, ${day}.`,
    groups: chartGroups(found)
  })
)
console.log(
  `\nbench/${quick ? 'data/' : ''}RESULTS.md and results.svg are written, after ${minutes.toFixed(1)} minutes`
)
process.exitCode = benches.some(({ failed }) => failed) ? 1 : 0
