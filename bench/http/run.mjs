// Webhooks of about 120 bytes of JSON over 64 connections that stay open: routed, decoded, handled and answered by bare
// node:http, missive-ts, Fastify and Hono, each a process of its own. Usage: node bench/http/run.mjs [ROUNDS] [REQUESTS]
import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { report } from '../report.mjs'
import { median } from '../rounds.mjs'
import { load } from './load.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const [count = 7, requests = 100_000] = process.argv.slice(2).map(Number)
const connections = 64
const warmUp = 20_000

const heard = (child) =>
  new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`a server ended with ${code}`)))
  })

const measured = async (file) => {
  const child = fork(join(here, file), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const ask = () => {
    const answer = heard(child)
    child.send('cost')
    return answer
  }
  try {
    const { port } = await heard(child)
    await load(port, connections, warmUp)
    const { cpu: before, sum: sumBefore } = await ask()
    const seconds = await load(port, connections, requests)
    const { cpu, sum } = await ask()
    const expected = Array.from({ length: 10 }, (_, index) => (index * requests) / 10).reduce((a, b) => a + b)
    if (sum - sumBefore !== expected) throw new Error(`${file} has handled something else than was sent`)
    return {
      rate: requests / seconds,
      cpu: (cpu.user + cpu.system - before.user - before.system) / requests
    }
  } finally {
    child.removeAllListeners('exit')
    child.kill('SIGKILL')
  }
}

const hasPeers = existsSync(join(here, 'node_modules'))
const programs = {
  'node:http': 'node.mjs',
  'missive-ts': 'missive.mjs',
  ...(hasPeers ? { Fastify: 'fastify.mjs', Hono: 'hono.mjs' } : {})
}
const results = Object.fromEntries(Object.keys(programs).map((name) => [name, []]))
for (let round = 0; round < count; round += 1) {
  const order = Object.entries(programs)
  for (const [name, file] of round % 2 === 0 ? order : order.toReversed())
    results[name].push(await measured(file))
}

const [first] = Object.values(results)
const rows = Object.entries(results).map(([name, all]) => {
  const ratio = (pick) => median(all.map((one, round) => pick(one, first[round]))).toFixed(3)
  const rate = Math.round(median(all.map((one) => one.rate))).toLocaleString('en-US')
  const cpu = median(all.map((one) => one.cpu)).toFixed(2)
  return {
    name,
    text: `${rate.padStart(8)} requests/s  ratio ${ratio((one, other) => one.rate / other.rate)}   server CPU ${cpu} µs a request  ratio ${ratio((one, other) => other.cpu / one.cpu)}`,
    figures: {
      'requests/s': all.map((one) => one.rate),
      'server CPU, µs a request': all.map((one) => one.cpu)
    }
  }
})
report(
  `${requests.toLocaleString('en-US')} requests over ${connections} connections, ${count} rounds, ratios to the first`,
  rows
)
