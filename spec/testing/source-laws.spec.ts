import { PassThrough } from 'node:stream'
import { suite } from 'uvu'
import { type Message, message } from '../../lib/core/message.js'
import { memory } from '../../lib/interpreters/memory.js'
import { lines } from '../../lib/interpreters/stdin.js'
import { type SourceBench, sourceLaws } from '../../lib/testing.js'
import { brokerBench } from '../support/source-broker.js'

const broker = suite('a broker in memory keeps the laws: it')

for (const { name, run } of sourceLaws(brokerBench())) broker(name, run)

broker.run()

const memoryBench: SourceBench = {
  promises: {
    backlog: true,
    reopens: true,
    ends: true,
    redelivers: true,
    delays: true,
    ordered: true,
    anyBytes: true,
    large: true,
    headers: true
  },
  fresh: async () => {
    const sent: Message[] = []
    return {
      open: memory(sent),
      send: async (messages) => {
        for (const { bytes, headers = {} } of messages)
          sent.push(message(bytes, { id: String(sent.length), headers }))
      },
      end: async () => undefined,
      close: async () => undefined
    }
  }
}

const atHand = suite('memory keeps the laws: it')

for (const { name, run } of sourceLaws(memoryBench)) atHand(name, run)

atHand.run()

const linesBench: SourceBench = {
  promises: { backlog: true, live: true, ends: true, ordered: true, large: true },
  fresh: async () => {
    const stream = new PassThrough()
    return {
      open: lines(stream),
      send: async (messages) => {
        for (const { bytes } of messages) {
          stream.write(bytes)
          stream.write('\n')
        }
      },
      end: async () => void stream.end(),
      close: async () => void stream.destroy()
    }
  }
}

const ofLines = suite('lines keeps the laws: it')

for (const { name, run } of sourceLaws(linesBench)) ofLines(name, run)

ofLines.run()
