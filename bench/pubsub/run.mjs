// Messages from Redis Pub/Sub: a server, a publisher and a subscriber, each a process of its own; 300,000 messages of
// about 120 bytes of JSON. Usage: node bench/pubsub/run.mjs [ROUNDS] [MESSAGES]
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startRedis } from '../redis.mjs'
import { report } from '../report.mjs'
import { median } from '../rounds.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const [count = 9, messages = 300_000] = process.argv.slice(2).map(Number)

// The publisher is faster than any subscriber: nobody is to be cut off for that.
const { port, stop } = await startRedis('--client-output-buffer-limit', 'pubsub 0 0 0')

/** One subscriber gets all that is published once it listens. */
const measured = async (name) => {
  const node = (...args) => [process.execPath, args.map((each) => String(each))]
  const client = spawn(...node(join(here, `${name}.mjs`), port, messages), {
    stdio: ['ignore', 'pipe', 'ignore']
  })
  const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]()
  await lines.next()
  spawn(...node(join(here, 'publish.mjs'), port, messages), { stdio: 'ignore' })
  const timer = setTimeout(() => client.kill('SIGKILL'), 60_000)
  const { value } = await lines.next()
  clearTimeout(timer)
  if (value === undefined) throw new Error(`${name} did not get all ${messages} messages, or dropped some`)
  const { received, seconds, cpuMicroseconds } = JSON.parse(value)
  return { rate: received / seconds, cpu: cpuMicroseconds / received }
}

const programs = {
  'ioredis, listener': 'listener',
  'ioredis, bare table': 'table',
  'missive-ts': 'missive'
}
const results = Object.fromEntries(Object.keys(programs).map((name) => [name, []]))
for (let round = 0; round < count; round += 1) {
  const order = Object.entries(programs)
  for (const [name, program] of round % 2 === 0 ? order : order.toReversed())
    results[name].push(await measured(program))
}

const [first] = Object.values(results)
const rows = Object.entries(results).map(([name, all]) => {
  const ratio = (pick) => median(all.map((one, round) => pick(one) / pick(first[round]))).toFixed(3)
  const rate = Math.round(median(all.map((one) => one.rate))).toLocaleString('en-US')
  const cpu = median(all.map((one) => one.cpu)).toFixed(3)
  return {
    name,
    text: `${rate.padStart(9)} messages/s  ratio ${ratio(({ rate }) => rate)}   ${cpu} µs of CPU a message  ratio ${ratio(({ cpu }) => cpu)}`,
    figures: {
      'messages/s': all.map((one) => one.rate),
      'CPU, µs a message': all.map((one) => one.cpu)
    }
  }
})
report(`${messages.toLocaleString('en-US')} messages, ${count} rounds, ratios to the first`, rows)
await stop()
