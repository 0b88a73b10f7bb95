// Messages of a Redis stream, read, decoded, routed and acknowledged: by hand, with missive-ts, and jobs of BullMQ.
// Usage: node bench/streams/run.mjs [ROUNDS] [MESSAGES] [MESSAGES_OF_BULLMQ]
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from '../rounds.mjs'
import { startRedis } from '../redis.mjs'
import { report } from '../report.mjs'
import { payload } from './messages.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const [rounds = 7, count = 300_000, jobs = 30_000] = process.argv.slice(2).map(Number)
const redis = await startRedis()
const { client, port } = redis

const fillStream = async () => {
  await client.flushall()
  await client.xgroup('CREATE', 's', 'g', '0', 'MKSTREAM')
  for (let index = 0; index < count; index += 1_000) {
    const pipeline = client.pipeline()
    for (let each = index; each < index + 1_000; each += 1) pipeline.xadd('s', '*', 'payload', payload(each))
    await pipeline.exec()
  }
}

const fillQueue = async () => {
  const { Queue } = await import('bullmq')
  await client.flushall()
  const queue = new Queue('s', { connection: { port } })
  for (let index = 0; index < jobs; index += 1_000)
    await queue.addBulk(
      Array.from({ length: 1_000 }, (_, each) => ({
        name: 'order',
        data: { payload: payload(index + each) }
      }))
    )
  await queue.close()
}

const run = (file, messages) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(here, file), String(port), String(messages)], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    child.on('close', (code) =>
      code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`${file} ended with ${code}`))
    )
  })

const contenders = [
  { name: 'hand-tuned ioredis', file: 'hand.mjs', fill: fillStream, messages: count },
  { name: 'missive-ts', file: 'missive.mjs', fill: fillStream, messages: count },
  ...(existsSync(join(here, 'node_modules', 'bullmq'))
    ? [{ name: 'BullMQ, concurrency 100', file: 'bullmq.mjs', fill: fillQueue, messages: jobs }]
    : [])
]

const results = new Map(contenders.map(({ name }) => [name, []]))
for (let round = 0; round < rounds; round += 1) {
  for (const { name, file, fill, messages } of round % 2 === 0 ? contenders : contenders.toReversed()) {
    await fill()
    const before = await redis.cpu()
    const { seconds, cpuMicros } = await run(file, messages)
    const server = (((await redis.cpu()) - before) * 1_000_000) / messages
    results.get(name).push({ rate: messages / seconds, cpuMicros, server })
  }
}
await redis.stop()

const [first] = results.values()
const rows = [...results].map(([name, all]) => {
  const of = (pick) => median(all.map(pick))
  const rate = Math.round(of(({ rate }) => rate)).toLocaleString('en-US')
  const ratio = median(all.map(({ rate }, round) => rate / first[round].rate))
  return {
    name,
    text: `${rate.padStart(8)}/s  ratio ${ratio.toFixed(3)}  CPU a message: client ${of(({ cpuMicros }) => cpuMicros).toFixed(2)} µs, server ${of(({ server }) => server).toFixed(2)} µs`,
    figures: {
      'messages/s': all.map(({ rate }) => rate),
      'client CPU, µs a message': all.map(({ cpuMicros }) => cpuMicros),
      'server CPU, µs a message': all.map(({ server }) => server)
    }
  }
})
report(
  `${count.toLocaleString('en-US')} messages of a stream (${jobs.toLocaleString('en-US')} jobs of BullMQ), ${rounds} rounds`,
  rows
)
