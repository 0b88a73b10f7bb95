// Clients that are slow, large, many or gone: none of them may hurt the others, or the process.
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { http } from '../../lib/http.js'
import { type Processor, type Verdict, ack, ackWith } from '../../lib/index.js'
import { until, within } from '../support/deadline.js'
import { type Client, answersIn, chunkOf, connect, hangUp, requestOf } from '../support/http-client.js'
import { addressIn, countsOf, counting, gate, post, serving } from '../support/http-server.js'
import { killAll, program } from '../support/run-main-child.js'

const many = 300
const mebibyte = 1_048_576

const all = <A>(count: number, make: (index: number) => Promise<A>): Promise<A[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)))

/** A JSON text of so many bytes. */
const textOf = (bytes: number): string => `"${'x'.repeat(bytes - 2)}"`

const isOk = async (address: string): Promise<void> => {
  const response = await post(address)
  assert.equal([response.status, await response.text()], [200, '{"result":"ack"}'])
}

// slow clients

const slow = suite('slow clients')
slow.after(hangUp)

const head = 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\nX-Long: '

const slowHeads = (address: string, dripping: Promise<void>[]): Promise<Client[]> =>
  all(many, async () => {
    const client = await connect(address)
    dripping.push(client.drip(head + 'x'.repeat(1_000), 40))
    return client
  })

const slowBodies = (address: string, dripping: Promise<void>[]): Promise<Client[]> =>
  all(many, async () => {
    const client = await connect(address)
    await client.send(requestOf('', ['Content-Length: 1000']))
    dripping.push(client.drip(textOf(1_000), 40))
    return client
  })

slow('of heads, of bodies and silent ones keep nobody else from being answered', async () => {
  const { processor, bodies } = counting()
  await serving(processor, {}, async ({ address }) => {
    const dripping: Promise<void>[] = []
    const clients = [
      ...(await slowHeads(address, dripping)),
      ...(await slowBodies(address, dripping)),
      ...(await all(many, () => connect(address)))
    ]
    const honest = await within(
      '200 answers',
      all(200, async () => (await post(address, '1')).status),
      5_000
    )
    assert.equal(countsOf(honest), { 200: 200 })
    assert.is(clients.filter((client) => client.isClosed()).length, 0)
    assert.equal(countsOf(bodies as number[]), { 1: 200 })
    hangUp()
    await Promise.all(dripping)
  })
})

/** How they ended: with the status that they were told, or with nothing. */
const endsOf = async (clients: readonly Client[]): Promise<Readonly<Record<string, number>>> =>
  countsOf(
    (await Promise.all(clients.map((client) => client.closed()))).map(
      (text) => answersIn(text, true)[0]?.status ?? 'nothing'
    )
  )

for (const [what, requestTimeoutMs, begin] of [
  ['a head', 20_000, slowHeads],
  ['a body', 300, slowBodies],
  ['nothing', 20_000, (address: string) => all(many, () => connect(address))]
] as const)
  slow(`that send ${what} are ended, and reach no handler`, async () => {
    const { processor, bodies } = counting()
    await serving(processor, { headersTimeoutMs: 300, requestTimeoutMs }, async ({ address, stop }) => {
      const dripping: Promise<void>[] = []
      const clients = await begin(address, dripping)
      const { 408: told = 0, nothing = 0, ...others } = await endsOf(clients)
      assert.equal([told + nothing, others], [many, {}])
      await Promise.all(dripping)
      await isOk(address)
      assert.equal(bodies, [{}])
      assert.is((await stop()).received, 1)
    })
  })

slow('that send a body in good time are not ended with those that send slow heads', async () => {
  const { processor } = counting()
  await serving(processor, { headersTimeoutMs: 100, requestTimeoutMs: 20_000 }, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf('', ['Content-Length: 12']))
    await client.drip('"0123456789"', 40)
    assert.is((await client.answer()).status, 200)
  })
})

/** More than the kernel takes off our hands. */
const hugeAnswer = async (): Promise<Verdict> => ackWith({ reply: 'x'.repeat(64 * mebibyte) })

for (const [what, requests] of [
  ['an answer', requestOf('1')],
  ['an answer behind another', requestOf('0') + requestOf('1')]
] as const)
  slow(`of ${what}, of which they take nothing, are hung up on`, async () => {
    const { processor } = counting(async (body) => (body === 1 ? hugeAnswer() : ack))
    await serving(processor, { requestTimeoutMs: 300, maxConnections: 1 }, async ({ address }) => {
      const client = await connect(address)
      client.pause()
      await client.send(requests)
      await until('another connection is taken', () =>
        post(address, '0').then(
          ({ ok }) => ok,
          () => false
        )
      )
      client.resume()
      assert.ok((await client.closed()).length < 64 * mebibyte)
    })
  })

slow('of an answer, of which they take some now and then, get all of it', async () => {
  const { processor } = counting(hugeAnswer)
  await serving(processor, { requestTimeoutMs: 2_000 }, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf('1'))
    for (let pause = 0; pause < 5; pause += 1) {
      client.pause()
      await delay(500)
      client.resume()
      // Less is what the kernel has ready, of which the server sees nothing.
      const enough = client.received().length + 10 * mebibyte
      await until('more of it', () => client.received().length > enough)
    }
    // Looked at but once, as that takes the time of both sides here.
    await until('all of it', () => client.received().length > 64 * mebibyte)
    assert.is((await client.answer()).body.length, 64 * mebibyte)
  })
})

slow.run()

// bodies

const large = suite('bodies')
large.after(hangUp)

large('are taken up to the largest size, and not one byte beyond', async () => {
  const sizes: number[] = []
  const { processor } = counting(async (body) => {
    sizes.push(String(body).length + 2)
    return ack
  })
  await serving(processor, {}, async ({ address }) => {
    assert.is((await post(address, '')).status, 422)
    assert.is((await post(address, textOf(mebibyte))).status, 200)
    const refused = await post(address, textOf(mebibyte + 1))
    assert.equal(
      [refused.status, await refused.text()],
      [413, '{"error":"a body has at most 1048576 bytes"}']
    )
    assert.equal(sizes, [mebibyte])
  })
})

large('that say a length that is too large are refused before any of them was sent', async () => {
  const { processor, bodies } = counting()
  await serving(processor, {}, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf('', [`Content-Length: ${mebibyte + 1}`]))
    assert.is((await client.answer()).status, 413)
    assert.equal(bodies, [])
  })
})

/** Sends so much as fast as it is taken, and reads only then, as simple clients do. */
const sendingThenReading = async (client: Client, begin: string, piece: string, times: number) => {
  client.pause()
  await client.send(begin)
  for (let sent = 0; sent < times; sent += 1) await client.send(piece)
  client.resume()
  return client.answer()
}

const piece = 'x'.repeat(65_536)

for (const connection of ['keep-alive', 'close'])
  large(`that are too large are told so even if their sender reads late (${connection})`, async () => {
    const { processor, bodies } = counting()
    await serving(processor, {}, async ({ address }) => {
      const said = `Connection: ${connection}`
      const measured = await sendingThenReading(
        await connect(address),
        requestOf('', [`Content-Length: ${32 * mebibyte}`, said]),
        piece,
        32 * 16
      )
      const chunked = await sendingThenReading(
        await connect(address),
        requestOf('', ['Transfer-Encoding: chunked', said]),
        chunkOf(piece),
        32 * 16
      )
      assert.equal([measured.status, chunked.status], [413, 413])
      assert.equal(bodies, [])
    })
  })

large('that are refused leave a connection that goes on, once they have come to their end', async () => {
  const { processor, bodies } = counting()
  await serving(processor, { maxBytes: 10 }, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf(textOf(1_000)) + requestOf('1'))
    assert.equal(
      (await client.answers(2)).map(({ status }) => status),
      [413, 200]
    )
    assert.equal(bodies, [1])
  })
})

large('that do not come to their end cost a connection, not a handler', async () => {
  const { processor, bodies } = counting()
  await serving(processor, { maxBytes: 10 }, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf('', ['Content-Length: 1000']))
    assert.equal(
      answersIn(await client.closed(), true).map(({ status }) => status),
      [413]
    )
    assert.equal(bodies, [])
  })
})

large(
  'are asked for where a sender waits for that, and refused without where they are too large',
  async () => {
    const { processor, bodies } = counting()
    await serving(processor, {}, async ({ address }) => {
      const expecting = (length: number) =>
        requestOf('', ['Expect: 100-continue', `Content-Length: ${length}`])
      const honest = await connect(address)
      await honest.send(expecting(1))
      await until('100 Continue', () => honest.received() === 'HTTP/1.1 100 Continue\r\n\r\n')
      await honest.send('1')
      assert.is((await honest.answer()).status, 200)
      const tooLarge = await connect(address)
      await tooLarge.send(expecting(mebibyte + 1))
      assert.is((await tooLarge.answer()).status, 413)
      assert.not.match(await tooLarge.closed(), /HTTP\/1\.1 100/)
      assert.equal(bodies, [1])
    })
  }
)

large('that are compressed are not taken, and what they would become costs nothing', async () => {
  const { processor, bodies } = counting()
  await serving(processor, {}, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf('1', ['Content-Encoding: gzip']))
    assert.is((await client.answer()).status, 415)
    assert.equal(bodies, [])
  })
})

large.run()

// memory

const memory = suite('memory')
memory.after(hangUp)
memory.after(killAll)

/** How much a server takes while this is done to it, beyond what it took before, in bytes. */
const grown = async (attack: (address: string) => Promise<void>): Promise<number> => {
  const child = program('http-programs', ['measured'], { stdin: 'ignore' })
  const address = addressIn(await child.until('stderr', 'listening on '))
  const most = async () =>
    ((await (await post(`${address}/memory`)).json()) as { readonly most: number }).most
  for (let turn = 0; turn < 20; turn += 1) assert.is((await post(address, textOf(mebibyte))).status, 200)
  await most()
  const before = await most()
  await attack(address)
  const after = await most()
  await isOk(address)
  process.kill(child.pid, 'SIGTERM')
  assert.is((await child.ended).code, 0)
  return after - before
}

memory('holds nothing of a body that goes on after it is refused', async () => {
  const growth = await grown(async (address) => {
    const client = await connect(address)
    await client.send(requestOf('', ['Transfer-Encoding: chunked']))
    const chunk = Buffer.from(chunkOf(piece))
    for (let sent = 0; sent < 1_024 * mebibyte && !client.isClosed(); sent += piece.length)
      await client.send(chunk)
    assert.is((await client.answer()).status, 413)
  })
  assert.ok(growth < 64 * mebibyte, `grew by ${growth} bytes`)
})

memory('holds no more of a body that comes in the smallest of chunks', async () => {
  const growth = await grown(async (address) => {
    const client = await connect(address)
    await client.send(requestOf('', ['Transfer-Encoding: chunked']))
    const chunks = Buffer.from(chunkOf('1').repeat(10_000))
    for (let sent = 0; sent < 100; sent += 1) await client.send(chunks)
    await client.send('0\r\n\r\n')
    assert.is((await client.answer()).status, 200)
  })
  assert.ok(growth < 64 * mebibyte, `grew by ${growth} bytes`)
})

memory.run()

// what many bodies take

const budget = suite('maxBufferedBytes')
budget.after(hangUp)

const unfinished = async (address: string): Promise<Client> => {
  const client = await connect(address)
  await client.send(requestOf('"12345678', ['Content-Length: 10']))
  return client
}

/** Is there room for so much? */
const fits = async (address: string, bytes: number): Promise<boolean> => {
  const { status } = await post(address, textOf(bytes))
  assert.ok(status === 200 || status === 503, String(status))
  return status === 200
}

budget('bounds what is held of bodies that are not whole yet, and lets others go on with room', async () => {
  const { processor, bodies } = counting()
  await serving(processor, { maxBufferedBytes: 100, maxBytes: 100 }, async ({ address, events }) => {
    const clients = await all(10, () => unfinished(address))
    await until('no room', async () => !(await fits(address, 11)))
    const refused = await post(address, textOf(11))
    assert.equal(
      [refused.status, refused.headers.get('retry-after'), await refused.text()],
      [503, '1', '{"error":"too much is being held"}']
    )
    assert.ok(events.some((event) => event._tag === 'Refused' && event.status === 503))
    // What fits goes on meanwhile, and so do those that were begun.
    assert.ok(await fits(address, 10))
    const before = bodies.length
    await Promise.all(clients.map((client) => client.send('"')))
    const answers = await Promise.all(clients.map((client) => client.answer()))
    assert.equal(countsOf(answers.map(({ status }) => status)), { 200: 10 })
    assert.is(bodies.length, before + 10)
    assert.ok(await fits(address, 100))
  })
})

for (const [what, leave] of [
  ['reset', (client: Client) => client.reset()],
  ['close', (client: Client) => client.halfClose()]
] as const)
  budget(`is given back where clients ${what} the connection in mid-body`, async () => {
    const { processor } = counting()
    await serving(processor, { maxBufferedBytes: 100, maxBytes: 100 }, async ({ address }) => {
      const clients = await all(10, () => unfinished(address))
      await until('no room', async () => !(await fits(address, 11)))
      for (const client of clients) leave(client)
      await until('all of the room', () => fits(address, 100))
    })
  })

budget('is given back by bodies that are refused', async () => {
  const { processor } = counting()
  await serving(processor, { maxBufferedBytes: 100, maxBytes: 90 }, async ({ address }) => {
    const chunked = requestOf(`${chunkOf('x'.repeat(60))}${chunkOf('x'.repeat(60))}0\r\n\r\n`, [
      'Transfer-Encoding: chunked'
    ])
    for (let turn = 0; turn < 10; turn += 1) {
      const client = await connect(address)
      await client.send(chunked)
      assert.is((await client.answer()).status, 413)
    }
    assert.ok(await fits(address, 90))
  })
})

budget('counts what bodies become when they are decompressed', async () => {
  const { processor } = counting()
  const options = { maxBufferedBytes: 100, maxBytes: 100, decompress: true }
  await serving(processor, options, async ({ address }) => {
    const packed = gzipSync(textOf(60))
    const asked = async () =>
      (await fetch(address, { method: 'POST', headers: { 'content-encoding': 'gzip' }, body: packed })).status
    const clients = await all(5, () => unfinished(address))
    await until('no room', async () => !(await fits(address, 60)))
    assert.ok(await fits(address, packed.length))
    assert.is(await asked(), 503)
    for (const client of clients) client.reset()
    await until('all of the room', () => fits(address, 100))
    assert.is(await asked(), 200)
    assert.ok(await fits(address, 100))
  })
})

budget.run()

// connections

const connections = suite('connections')
connections.after(hangUp)

connections('that end in mid-body run nothing, and are counted nowhere', async () => {
  const { processor, bodies } = counting()
  await serving(processor, {}, async ({ address, events, stop }) => {
    const clients = await all(50, async (index) => {
      const client = await connect(address)
      const framing = index % 2 === 0 ? 'Content-Length: 10' : 'Transfer-Encoding: chunked'
      await client.send(requestOf(index % 2 === 0 ? '"1234' : '9\r\n"1234', [framing]))
      return client
    })
    clients.forEach((client, index) => (index % 4 < 2 ? client.reset() : client.halfClose()))
    await Promise.all(clients.map((client) => client.closed()))
    await until('50 refusals', () => events.filter(({ _tag }) => _tag === 'Refused').length === 50)
    await isOk(address)
    assert.equal(bodies, [{}])
    assert.not(events.some(({ _tag }) => _tag === 'Reported'))
    const { received, acked, failed } = await stop()
    assert.equal([received, acked, failed], [1, 1, 0])
  })
})

connections('that are closed on their sender’s side only are still answered', async () => {
  const { open, opened } = gate()
  const { processor, bodies } = counting(async () => {
    await opened
    return ack
  })
  await serving(processor, {}, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf('1'))
    client.halfClose()
    await until('a handler', () => bodies.length === 1)
    // Another exchange, so that the end of the first has been seen.
    assert.is((await fetch(address)).status, 405)
    await delay(20)
    open()
    assert.equal(
      answersIn(await client.closed(), true).map(({ status }) => status),
      [200]
    )
  })
})

connections('that are reset right after a request leave its handler to finish', async () => {
  const { open, opened } = gate()
  let isDone = false
  const { processor, bodies } = counting(async () => {
    await opened
    isDone = true
    return ack
  })
  await serving(processor, {}, async ({ address, stop }) => {
    const client = await connect(address)
    await client.send(requestOf('1'))
    await until('a handler', () => bodies.length === 1)
    client.reset()
    await client.closed()
    assert.is((await fetch(address)).status, 405)
    open()
    const { received, acked } = await stop()
    assert.equal([isDone, received, acked], [true, 1, 1])
  })
})

connections('beyond the most are closed at once, and taken again when there are fewer', async () => {
  const { processor } = counting()
  await serving(processor, { maxConnections: 5 }, async ({ address }) => {
    const clients = await all(5, async () => {
      const client = await connect(address)
      await client.send(requestOf())
      await client.answer()
      return client
    })
    const beyond = await connect(address).catch(() => undefined)
    await beyond?.send(requestOf())
    assert.is((await beyond?.closed()) ?? '', '')
    const [first, ...others] = clients
    await Promise.all(
      others.map(async (client) => {
        await client.send(requestOf())
        assert.is((await client.answers(2)).length, 2)
      })
    )
    first?.halfClose()
    await first?.closed()
    const after = await connect(address)
    await after.send(requestOf())
    assert.is((await after.answer()).status, 200)
  })
})

connections('bring so many requests and no more', async () => {
  const { processor, bodies } = counting()
  await serving(processor, { maxRequestsPerSocket: 3 }, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf('1') + requestOf('2') + requestOf('3') + requestOf('4'))
    const answers = await client.answers(4)
    assert.equal(
      answers.map(({ status, headers }) => [status, headers['connection']]),
      [
        [200, 'keep-alive'],
        [200, 'keep-alive'],
        [200, 'close'],
        [503, 'close']
      ]
    )
    assert.equal(bodies, [1, 2, 3])
    await isOk(address)
  })
})

connections('without requests are closed after a while', async () => {
  const { processor } = counting()
  await serving(processor, { keepAliveMs: 50 }, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf())
    assert.is((await client.answer()).status, 200)
    await client.closed()
    await isOk(address)
  })
})

connections.run()

// whose requests are taken

const places = suite('who may send')
places.after(hangUp)

places('is not asked by the Host, which names nothing of a message', async () => {
  const sources: string[] = []
  await serving(
    (message) => async () => {
      sources.push(message.source)
      return ack
    },
    {},
    async ({ address }) => {
      const { port } = new URL(address)
      for (const host of ['evil.test', `127.0.0.1:${port}`, '', 'a b', 'http://x/y?z'])
        for (const target of ['/a', `http://evil.test/a`]) {
          const client = await connect(address)
          await client.send(
            `POST ${target} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: evil.test\r\nContent-Length: 1\r\n\r\n1`
          )
          await client.answer()
        }
      assert.equal(sources.length > 0 && sources.every((source) => source.startsWith(address)), true)
      assert.equal([...new Set(sources)], [`${address}/a`])
    }
  )
})

const page = ['Origin: https://evil.test']

places('is nobody’s page on the loopback, unless anybody may', async () => {
  const { processor, bodies } = counting()
  const asking = async (address: string): Promise<number> => {
    const client = await connect(address)
    await client.send(requestOf('1', page))
    return (await client.answer()).status
  }
  await serving(processor, {}, async ({ address }) => assert.is(await asking(address), 403))
  assert.equal(bodies, [])
  await serving(processor, { allowAnonymous: true }, async ({ address }) =>
    assert.is(await asking(address), 200)
  )
})

places('is read in every header, also in the last of thousands', async () => {
  const { processor, bodies } = counting()
  await serving(processor, {}, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf('1', [...Array.from({ length: 2_500 }, () => 'a:1'), ...page]))
    assert.is((await client.answer()).status, 403)
    assert.equal(bodies, [])
  })
})

places('has one text for each header, whatever it is called', async () => {
  let seen: unknown
  const processor: Processor = ({ headers }) => {
    seen = [headers['set-cookie'], headers['x-a']]
    return async () => ack
  }
  await serving(processor, {}, async ({ address }) => {
    const client = await connect(address)
    await client.send(requestOf('1', ['Set-Cookie: a', 'X-A: 1', 'Set-Cookie: b', 'X-A: 2']))
    assert.is((await client.answer()).status, 200)
    assert.equal(seen, ['a, b', '1, 2'])
  })
})

places('has to be said off the loopback', async () => {
  const { processor } = counting()
  assert.throws(
    () => http({ port: 0, host: '0.0.0.0' }),
    (error: unknown) =>
      error instanceof TypeError && /say who may send: verify, or allowAnonymous: true/.test(error.message)
  )
  const verify = () => async () => ({ _tag: 'Right', right: 'ann' }) as const
  for (const access of [{ allowAnonymous: true }, { verify }])
    await serving(processor, { host: '0.0.0.0', ...access }, async ({ address }) =>
      isOk(address.replace('0.0.0.0', '127.0.0.1'))
    )
})

places('is moot where the port is taken, and the report says what to do', async () => {
  const { processor } = counting()
  await serving(processor, {}, async ({ address }) => {
    const port = Number(new URL(address).port)
    const { received, ended } = await http({ port })(processor)(new AbortController().signal)()
    assert.is(received, 0)
    assert.is(ended._tag, 'NotStarted')
    assert.match(
      ended._tag === 'NotStarted' ? ended.error.message : '',
      `cannot listen on 127.0.0.1:${port}: another program does; stop it or choose another port`
    )
    await isOk(address)
  })
})

places.run()
