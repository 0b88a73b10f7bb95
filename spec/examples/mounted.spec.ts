import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { deadLettered, malformed, message } from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { billing, inExpress, inFastify, inHono, inKoa } from '../../examples/mounted.js'
import { until, within } from '../support/deadline.js'
import { wordsEnv, wordsOf } from '../support/program.js'

const order = { type: 'order.placed', id: '17', total: 3 }

const send = async (url: string, payload: object) => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(payload) })
  return [response.status, await response.json()]
}

const handling = suite('billing')

handling('charges an order, and keeps one without a total', async () => {
  const written: string[] = []
  const processor = billing((line) => written.push(line), memoryDlq())
  await processor(message(order))()
  assert.equal(written, ['charged 17: 3'])
  const failure = malformed([{ path: '.total', message: 'expected number' }])
  const { total: _, ...rest } = order
  assert.equal(await processor(message(rest))(), deadLettered(failure))
})

handling.run()

const servers = {
  inExpress: async (processor: Parameters<typeof inExpress>[0]) =>
    inExpress(processor).listen(0, '127.0.0.1'),
  inFastify: async (processor: Parameters<typeof inFastify>[0]) => {
    const app = inFastify(processor)
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },
  inKoa: async (processor: Parameters<typeof inKoa>[0]) => inKoa(processor).listen(0, '127.0.0.1'),
  inHono: async (processor: Parameters<typeof inHono>[0]) =>
    serve({ fetch: inHono(processor).fetch, port: 0, hostname: '127.0.0.1' }) as Server
}

const mounting = suite('a processor that is mounted')

for (const [name, start] of Object.entries(servers))
  mounting(`${name} answers under /hooks, and the server elsewhere`, async () => {
    const written: string[] = []
    const queue = memoryDlq()
    const server = await start(billing((line) => written.push(line), queue))
    try {
      if (!server.listening) await within('the server', once(server, 'listening'))
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      assert.equal(await send(`${origin}/hooks/orders`, order), [200, { result: 'ack' }])
      assert.equal(await send(`${origin}/hooks/orders`, {}), [202, { result: 'dead-lettered' }])
      assert.is(await (await fetch(origin)).text(), 'a shop')
      assert.equal([written, queue.letters().length], [['charged 17: 3'], 1])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

mounting.run()

const program = suite('examples/mounted.ts')

program('says where each server listens, and all of them take orders', async () => {
  const child = spawn(process.execPath, wordsOf('examples/mounted.ts'), {
    env: { ...process.env, ...wordsEnv }
  })
  let stdout = ''
  child.stdout.on('data', (text) => (stdout += String(text)))
  const addresses = () => [...stdout.matchAll(/^(\w+): (http\S+)$/gm)].map(([, name, url]) => ({ name, url }))
  try {
    await until('four addresses', () => addresses().length === 4)
    assert.equal(
      addresses().map(({ name }) => name),
      ['Express', 'Fastify', 'Koa', 'Hono']
    )
    for (const { name, url = '' } of addresses()) {
      assert.equal(await send(url, { ...order, id: name }), [200, { result: 'ack' }])
      await until('the charge', () => stdout.includes(`charged ${name}: 3\n`))
    }
  } finally {
    child.kill('SIGKILL')
  }
})

program.run()
