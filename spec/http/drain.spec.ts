// The end of a server: nothing that was taken is lost, and nobody keeps it from ending.
import { readFileSync } from 'node:fs'
import { Agent, request as ask } from 'node:http'
import { connect as connectTo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pipe } from 'fp-ts/lib/function.js'
import { left } from '../../lib/core/result.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import {
  type Dlq,
  ack,
  ackWith,
  constantDelay,
  exitCode,
  failed,
  interruption,
  rejected,
  withDlq,
  withRetry
} from '../../lib/index.js'
import { until, within } from '../support/deadline.js'
import { type Client, connect, hangUp, requestOf } from '../support/http-client.js'
import { addressIn, counting, gate, serving } from '../support/http-server.js'
import { inEmptyFolder } from '../support/program.js'
import { type Child, killAll, program } from '../support/run-main-child.js'

/** Waits until its signal aborts, and gives up then. */
const stuck = (_: unknown, signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

/** Its answer, on a connection that stays open. */
const asked = async (client: Client): Promise<number> => {
  await client.send(requestOf())
  return (await client.answer()).status
}

/** Sends a request and pauses after each so many bytes of the answer. Resolves to how many there were in all. */
const reading = (address: string, bytes: number, pauseMs: number): Promise<number> =>
  within(
    'the end of a connection',
    new Promise((resolve) => {
      const socket = connectTo(Number(new URL(address).port), '127.0.0.1', () => socket.write(requestOf('1')))
      let count = 0
      let pauseAt = bytes
      socket.on('data', ({ length }) => {
        count += length
        if (count < pauseAt) return
        pauseAt += bytes
        socket.pause()
        setTimeout(() => socket.resume(), pauseMs)
      })
      socket.on('close', () => resolve(count))
    })
  )

const timed = async <A>(promise: Promise<A>): Promise<readonly [A, number]> => {
  const begun = performance.now()
  return [await promise, performance.now() - begun]
}

const drain = suite('a drain')
drain.after(hangUp)

drain('closes idle connections at once, and takes no new ones', async () => {
  const { processor } = counting()
  await serving(processor, { drainMs: 20_000 }, async ({ address, stop }) => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(address)))
    for (const client of clients) assert.is(await asked(client), 200)
    const [report, tookMs] = await timed(stop())
    await Promise.all(clients.map((client) => client.closed()))
    assert.ok(tookMs < 800, `took ${tookMs} ms`)
    assert.equal([report.received, report.acked, exitCode(report)], [20, 20, 0])
    let refusal: unknown
    await connect(address).catch((thrown: unknown) => (refusal = thrown))
    assert.is((refusal as { readonly code?: string } | undefined)?.code, 'ECONNREFUSED')
  })
})

drain('lets what is in flight finish, closes its connection, and refuses what comes meanwhile', async () => {
  const { open, opened } = gate()
  const { processor, bodies } = counting(async () => {
    await opened
    return ack
  })
  await serving(processor, {}, async ({ address, events, stop }) => {
    // It has sent no request yet, so that it is not idle.
    const late = await connect(address)
    const half = await connect(address)
    await half.send(requestOf().slice(0, 20))
    const client = await connect(address)
    await client.send(requestOf('1'))
    await until('a handler', () => bodies.length === 1)
    const stopped = stop()
    await until('a drain', () => events.some(({ _tag }) => _tag === 'Draining'))
    await late.send(requestOf('2'))
    await half.send(requestOf().slice(20))
    for (const each of [late, half]) {
      const { status, headers, body } = await each.answer()
      assert.equal(
        [status, headers['connection'], headers['retry-after'], body],
        [503, 'close', '1', '{"error":"this server stops"}']
      )
      await each.closed()
    }
    await connect(address).then(
      () => assert.unreachable('it takes connections'),
      (thrown: { code?: string }) => assert.is(thrown.code, 'ECONNREFUSED')
    )
    open()
    const { status, headers } = await client.answer()
    assert.equal([status, headers['connection']], [200, 'close'])
    await client.closed()
    const report = await stopped
    assert.equal([report.received, report.acked, report.released, bodies], [1, 1, 0, [1]])
  })
})

drain('answers all that a connection has sent one behind the other', async () => {
  const { open, opened } = gate()
  const { processor, bodies } = counting(async () => {
    await opened
    return ack
  })
  await serving(processor, {}, async ({ address, events, stop }) => {
    const client = await connect(address)
    await client.send(['1', '2', '3'].map((body) => requestOf(body)).join(''))
    await until('three handlers', () => bodies.length === 3)
    const stopped = stop()
    await until('a drain', () => events.some(({ _tag }) => _tag === 'Draining'))
    open()
    assert.equal(
      (await client.answers(3)).map(({ status, headers }) => [status, headers['connection']]),
      [
        [200, 'keep-alive'],
        [200, 'keep-alive'],
        [200, 'close']
      ]
    )
    await client.closed()
    assert.is((await stopped).acked, 3)
  })
})

drain('lets a large answer come to its end, although its reader is slow', async () => {
  const reply = 'x'.repeat(8_000_000)
  const { open, opened } = gate()
  const { processor, bodies } = counting(async () => {
    await opened
    return ackWith({ reply })
  })
  await serving(processor, {}, async ({ address, events, stop }) => {
    const client = await connect(address)
    await client.send(requestOf('1'))
    await until('a handler', () => bodies.length === 1)
    client.pause()
    const stopped = stop()
    await until('a drain', () => events.some(({ _tag }) => _tag === 'Draining'))
    open()
    setTimeout(client.resume, 50)
    assert.is((await client.answer()).body.length, reply.length)
    assert.is((await stopped).acked, 1)
  })
})

drain('does not cut off an answer that is still being read, though its handler has ended', async () => {
  const reply = 'x'.repeat(8_000_000)
  const { processor, bodies } = counting(async () => ackWith({ reply }))
  await serving(processor, {}, async ({ address, stop }) => {
    const client = await connect(address)
    client.pause()
    await client.send(requestOf('1'))
    await until('a handler', () => bodies.length === 1)
    const stopped = stop()
    setTimeout(client.resume, 50)
    assert.is((await client.answer()).body.length, reply.length)
    assert.is((await stopped).acked, 1)
  })
})

for (const when of ['before', 'after'] as const)
  drain(`waits for a slow reader as long as it reads on, its handler ended ${when} the stop`, async () => {
    const reply = 'x'.repeat(80_000_000)
    const { open, opened } = gate()
    const { processor, bodies } = counting(async () => {
      await opened
      return ackWith({ reply })
    })
    await serving(processor, {}, async ({ address, stop }) => {
      const idle = await connect(address)
      const read = reading(address, 8_000_000, 400)
      await until('a handler', () => bodies.length === 1)
      if (when === 'before') {
        open()
        await delay(50)
      }
      const stopped = timed(stop())
      open()
      assert.ok((await read) > reply.length)
      const [report, tookMs] = await stopped
      assert.is(report.acked, 1)
      assert.ok(tookMs > 1_500, `took ${tookMs} ms`)
      assert.is(await idle.closed(), '')
    })
  })

drain('hangs up on a reader that takes nothing of its answer', async () => {
  const { processor, bodies } = counting(async () => ackWith({ reply: 'x'.repeat(60_000_000) }))
  await serving(processor, { drainMs: 20_000 }, async ({ address, stop }) => {
    const client = await connect(address)
    client.pause()
    await client.send(requestOf('1'))
    await until('a handler', () => bodies.length === 1)
    await delay(50)
    const [report, tookMs] = await timed(stop())
    assert.is(report.acked, 1)
    assert.ok(tookMs > 2_500 && tookMs < 9_000, `took ${tookMs} ms`)
  })
})

drain('interrupts what does not end in time, and says that it is released', async () => {
  const reasons: unknown[] = []
  const { processor, bodies } = counting((body, signal) => {
    signal.addEventListener('abort', () => reasons.push(signal.reason))
    return stuck(body, signal)
  })
  await serving(processor, { drainMs: 100, graceMs: 20_000 }, async ({ address, stop }) => {
    const client = await connect(address)
    await client.send(requestOf('1'))
    await until('a handler', () => bodies.length === 1)
    const report = await stop()
    const { status, headers, body } = await client.answer()
    assert.equal(
      [status, headers['connection'], headers['retry-after'], body],
      [503, 'close', '1', '{"result":"released"}']
    )
    assert.equal(reasons.map(String), [String(interruption('shutdown'))])
    assert.equal([report.received, report.acked, report.released, exitCode(report)], [1, 0, 1, 0])
  })
})

drain('lets what it has interrupted end in its own time, within graceMs', async () => {
  const { processor, bodies } = counting(async (body, signal) => {
    await stuck(body, signal).catch(() => undefined)
    // Longer than connections are waited for.
    await new Promise((resolve) => setTimeout(resolve, 1_300))
    return failed(rejected('interrupted'))
  })
  await serving(processor, { drainMs: 10, graceMs: 20_000 }, async ({ address, stop }) => {
    const client = await connect(address)
    await client.send(requestOf('1'))
    await until('a handler', () => bodies.length === 1)
    const report = await stop()
    assert.is((await client.answer()).body, '{"result":"released"}')
    assert.equal([report.received, report.released], [1, 1])
  })
})

/** Senders that send once. */
const once = { senderRetries: false, drainMs: 50, graceMs: 20_000 }

drain('stores what it has interrupted where the sender does not send it again', async () => {
  const ways = [
    counting(stuck).processor,
    counting(async (body, signal) => {
      await stuck(body, signal).catch(() => undefined)
      return failed(rejected('interrupted'))
    }).processor,
    pipe(
      counting(async () => failed(rejected('busy'))).processor,
      withRetry(constantDelay(20_000), { when: () => true })
    )
  ]
  for (const way of ways) {
    const dlq = memoryDlq()
    await serving(pipe(way, withDlq(dlq)), once, async ({ address, events, stop }) => {
      const client = await connect(address)
      await client.send(requestOf('1'))
      await until('a handler', () => {
        const ready = events.find((event) => event._tag === 'Ready')
        return ready !== undefined && ready.inFlight().length === 1
      })
      const report = await stop()
      assert.is((await client.answer()).status, 202)
      const { received, deadLettered, released, unsettled } = report
      assert.equal([received, deadLettered, released, unsettled, exitCode(report)], [1, 1, 0, 0, 0])
      assert.equal(
        dlq.letters().map(({ failure, state }) => [failure, state]),
        [[rejected('interrupted', { reason: 'shutdown' }), 'dead']]
      )
    })
  }
})

drain('begins nothing of a batch once it has interrupted what runs', async () => {
  const batch = requestOf('[{},{},{}]', ['Content-Type: application/cloudevents-batch+json'])
  for (const [senderRetries, expected] of [
    [true, ['{"statuses":[503,503,503]}', 1, 3, 3, 0, 0]],
    [false, ['{"statuses":[202,202,202]}', 1, 3, 0, 3, 3]]
  ] as const) {
    const { processor, bodies } = counting(stuck)
    const dlq = memoryDlq()
    const options = { senderRetries, drainMs: 50, graceMs: 20_000 }
    await serving(pipe(processor, withDlq(dlq)), options, async ({ address, stop }) => {
      const client = await connect(address)
      await client.send(batch)
      await until('a handler', () => bodies.length === 1)
      const { received, released, deadLettered } = await stop()
      const { body } = await client.answer()
      const letters = dlq.letters().length
      assert.equal([body, bodies.length, received, released, deadLettered, letters], expected)
    })
  }
})

drain('says that a message is lost which it interrupted and could not store', async () => {
  const broken: Dlq = { location: 'here', put: () => async () => left({ reason: 'disk full' }) }
  const { processor, bodies } = counting(stuck)
  await serving(pipe(processor, withDlq(broken)), once, async ({ address, events, stop }) => {
    const client = await connect(address)
    await client.send(requestOf('1'))
    await until('a handler', () => bodies.length === 1)
    const report = await stop()
    assert.is((await client.answer()).status, 503)
    assert.equal([report.received, report.failed, report.released, exitCode(report)], [1, 1, 0, 1])
    assert.ok(events.some(({ _tag }) => _tag === 'Reported'))
  })
})

drain('gives up what does not end at all, and counts it', async () => {
  const { processor, bodies } = counting(() => new Promise<never>(() => undefined))
  await serving(processor, { drainMs: 100, graceMs: 100 }, async ({ address, stop }) => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => connect(address)))
    await Promise.all(clients.map((client) => client.send(requestOf('1'))))
    await until('10 handlers', () => bodies.length === 10)
    const [report, tookMs] = await timed(stop())
    assert.ok(tookMs >= 190 && tookMs < 2_200, `took ${tookMs} ms`)
    for (const client of clients) assert.is(await client.closed(), '')
    assert.equal([report.received, report.released], [10, 10])
  })
})

drain('ends in time beside slow heads, slow bodies, silence and stuck handlers', async () => {
  const { processor, bodies } = counting((body, signal) =>
    body === 1 ? new Promise<never>(() => undefined) : stuck(body, signal)
  )
  await serving(processor, { drainMs: 300, graceMs: 200 }, async ({ address, stop }) => {
    const each = (make: (client: Client) => Promise<unknown>) =>
      Promise.all(
        Array.from({ length: 50 }, async () => {
          const client = await connect(address)
          await make(client)
          return client
        })
      )
    const dripping: Promise<void>[] = []
    const clients = [
      ...(await each(async (client) => dripping.push(client.drip(requestOf().repeat(50), 40)))),
      ...(await each(async (client) => {
        await client.send(requestOf('', ['Content-Length: 1000']))
        dripping.push(client.drip('1'.repeat(1_000), 40))
      })),
      ...(await each(async () => undefined)),
      ...(await each((client) => client.send(requestOf('1')))),
      ...(await each((client) => client.send(requestOf('2'))))
    ]
    await until('100 handlers', () => bodies.length === 100)
    const [report, tookMs] = await timed(stop())
    assert.ok(tookMs < 300 + 200 + 2_000, `took ${tookMs} ms`)
    assert.equal([report.received, report.acked, report.released], [100, 0, 100])
    await Promise.all(clients.map((client) => client.closed()))
    await Promise.all(dripping)
  })
})

drain.run()

// programs

const programs = suite('SIGTERM')
programs.after(hangUp)
programs.after(killAll)

const rounds = 10
const senders = 64

interface Ledger {
  readonly acked: Set<number>
  /** Their connections went before an answer came. */
  readonly unknown: Set<number>
  readonly refused: Set<number>
}

/** One request on the connection that the agent keeps; its status, or nothing where the connection went. */
const statusOf = (address: string, agent: Agent, id: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const sending = ask(address, { method: 'POST', agent }, (response) => {
      let body = ''
      response.on('data', (piece) => (body += String(piece)))
      response.on('error', () => resolve(undefined))
      response.on('end', () => {
        const isWhole = response.statusCode !== 200 || body === '{"result":"ack"}'
        resolve(isWhole ? response.statusCode : undefined)
      })
    })
    sending.on('error', () => resolve(undefined))
    sending.end(String(id))
  })

/** Sends one request after the other until the server is gone. */
const hammering = async (address: string, next: () => number, ledger: Ledger): Promise<void> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    while (true) {
      const id = next()
      const status = await statusOf(address, agent, id)
      if (status === undefined) {
        ledger.unknown.add(id)
        return
      }
      if (status === 200) ledger.acked.add(id)
      else ledger.refused.add(id)
    }
  } finally {
    agent.destroy()
  }
}

const round = async (child: Child, file: string): Promise<void> => {
  const address = addressIn(await child.until('stderr', 'listening on '))
  const ledger: Ledger = { acked: new Set(), unknown: new Set(), refused: new Set() }
  let last = 0
  const next = (): number => (last += 1)
  const hammers = Array.from({ length: senders }, () => hammering(address, next, ledger))
  await until('requests under way', () => ledger.acked.size >= 200)
  const begun = performance.now()
  process.kill(child.pid, 'SIGTERM')
  const { code, stderr } = await within('the end of the program', child.ended)
  const tookMs = performance.now() - begun
  await within('the end of the senders', Promise.all(hammers))
  assert.is(code, 0, stderr)
  assert.ok(tookMs < 3_000 + 1_000 + 2_000, `took ${tookMs} ms`)
  const lines = readFileSync(file, 'utf8').trim().split('\n').map(Number)
  const done = new Set(lines)
  assert.is(lines.length, done.size)
  assert.equal(
    [...ledger.acked].filter((id) => !done.has(id)),
    [],
    'acked and not done'
  )
  assert.equal(
    [...done].filter((id) => !ledger.acked.has(id) && !ledger.unknown.has(id)),
    [],
    'done and refused'
  )
  // What was taken is answered, so that nobody who sends it again does it twice.
  assert.equal(
    [...done].filter((id) => !ledger.acked.has(id)),
    [],
    'done and not answered'
  )
  assert.match(stderr, `${done.size} received, ${done.size} acked, 0 dead-lettered`)
}

programs('under load loses no request, ten times', async () => {
  await inEmptyFolder(async (folder) => {
    const start = (index: number) => {
      const file = join(folder, String(index))
      return { file, child: program('http-programs', ['appends', file], { stdin: 'ignore' }) }
    }
    let following = start(0)
    for (let index = 0; index < rounds; index += 1) {
      const { file, child } = following
      await child.until('stderr', 'listening on ')
      // It loads while the one before it is hammered.
      if (index + 1 < rounds) following = start(index + 1)
      await round(child, file)
    }
  })
})

programs.run()
