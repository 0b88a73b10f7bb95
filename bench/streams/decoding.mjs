// The reply to a read of 410 entries, decoded by ioredis to what missive-ts works with, and by missive-ts. dist, so build first.
// Usage: node bench/streams/decoding.mjs [ROUNDS]
import { createRequire } from 'node:module'
import { entriesDecoder, entriesOf } from '../../dist/esm/redis/entries.js'
import { median } from '../rounds.mjs'
import { payload } from './messages.mjs'

const { Decoder } = createRequire(import.meta.url)('ioredis/built/resp/decoder.js')
const [rounds = 9] = process.argv.slice(2).map(Number)
const [count, times, chunkBytes, bulkString] = [410, 500, 65_536, 36]

const bulk = (text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
const entry = (_, index) =>
  `*2\r\n${bulk(`1764422222222-${index}`)}*2\r\n${bulk('payload')}${bulk(payload(100_000 + index))}`
const reply = Buffer.from(
  `*1\r\n*2\r\n${bulk('s')}*${count}\r\n${Array.from({ length: count }, entry).join('')}`
)
const chunks = Array.from({ length: Math.ceil(reply.length / chunkBytes) }, (_, index) =>
  reply.subarray(index * chunkBytes, (index + 1) * chunkBytes)
)

let found
const decoder = new Decoder({
  getTypeMapping: () => ({ [bulkString]: Buffer }),
  onReply: (decoded) => (found = entriesOf(decoded)),
  onErrorReply: () => undefined,
  onPush: () => undefined
})
const contenders = {
  ioredis: () => {
    for (const chunk of chunks) decoder.write(chunk)
  },
  'missive-ts': () => {
    const { write } = entriesDecoder(() => undefined)
    for (const chunk of chunks) found = write(chunk)?.reply.right
  }
}

const micros = (decode) => {
  const startedAt = performance.now()
  for (let time = 0; time < times; time += 1) decode()
  if (found[0][1].length !== count) throw new Error('not all entries were decoded')
  return ((performance.now() - startedAt) * 1_000) / times / count
}

const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
for (let round = 0; round < rounds; round += 1)
  for (const [name, decode] of Object.entries(contenders)) results[name].push(micros(decode))
for (const [name, all] of Object.entries(results))
  console.log(`${name.padEnd(10)}  ${median(all).toFixed(3)} µs an entry`)
