import { once } from 'node:events'
import { type AddressInfo, Socket, connect, createServer } from 'node:net'
import { Redis } from 'ioredis'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { until, within } from './deadline.js'
import { withRedis } from './redis-server.js'
import { redisSuite } from './redis-suite.js'
import { type TcpProxy, startProxy } from './tcp-proxy.js'

const proxied = suite('startProxy')

proxied('forwards in both directions, and counts', () =>
  withProxy(async ({ proxy, pair }) => {
    const { client, server } = await pair()
    client.socket.write('ab')
    await server.hears('ab')
    server.socket.write('cde')
    await client.hears('cde')
    assert.equal(proxy.forwarded(), { toServer: 2, toClient: 3 })
    assert.is(proxy.connections(), 1)
    assert.is(proxy.url, `redis://127.0.0.1:${proxy.port}`)
  })
)

proxied('forwards the end of one direction, and leaves the other open', () =>
  withProxy(async ({ proxy, pair }) => {
    const { client, server } = await pair()
    client.socket.end('ab')
    await within('the server hears the end', once(server.socket, 'end'))
    server.socket.end('cd')
    assert.equal([await client.closed(), client.heard()], [undefined, 'cd'])
    assert.equal([await server.closed(), server.heard()], [undefined, 'ab'])
    await until('the proxy forgets it', () => proxy.connections() === 0)
  }, true)
)

proxied('carries much more than fits into a buffer', () =>
  withProxy(async ({ proxy, pair }) => {
    const { client, server } = await pair()
    const text = 'abcdefg'.repeat(1_000_000)
    server.socket.end(text)
    client.socket.end()
    await client.closed()
    assert.is(client.heard(), text)
    assert.is(proxy.forwarded().toClient, text.length)
  })
)

proxied('is reset where its server is away', async () => {
  const gone = await listening(() => undefined)
  await gone.close()
  const proxy = await startProxy(gone.port)
  const client = peerOf(connect(proxy.port, '127.0.0.1'))
  assert.is(await client.closed(), 'ECONNRESET')
  await proxy.stop()
})

proxied('tells one side that the other was reset', () =>
  withProxy(async ({ pair }) => {
    const { client, server } = await pair()
    server.socket.resetAndDestroy()
    assert.is(await client.closed(), 'ECONNRESET')
  })
)

proxied.run()

const cut = suite('cut')

cut('resets both sides of all connections, and none that come later', () =>
  withProxy(async ({ proxy, pair }) => {
    const pairs = [await pair(), await pair()]
    proxy.cut()
    assert.is(proxy.connections(), 0)
    for (const { client, server } of pairs)
      assert.equal([await client.closed(), await server.closed()], ['ECONNRESET', 'ECONNRESET'])
    const { client, server } = await pair()
    client.socket.write('ab')
    await server.hears('ab')
  })
)

cut.run()

const cutAfter = suite('cutAfter')

for (const direction of ['toClient', 'toServer'] as const)
  cutAfter(`lets exactly so many bytes through ${direction}`, () =>
    withProxy(async ({ proxy, pair }) => {
      const message = 'abcdefgh'
      for (let bytes = 0; bytes <= message.length; bytes += 1) {
        const { client, server } = await pair()
        const [from, to] = direction === 'toClient' ? [server, client] : [client, server]
        from.socket.write('before')
        await to.hears('before')
        const before = proxy.forwarded()[direction]
        proxy.cutAfter(bytes, direction)
        from.socket.write(message)
        await Promise.all([from.closed(), to.closed()])
        assert.is(to.heard(), `before${message.slice(0, bytes)}`)
        assert.is(proxy.forwarded()[direction] - before, bytes)
      }
    })
  )

cutAfter('counts over all connections, and closes the one that has the last byte', () =>
  withProxy(async ({ proxy, pair }) => {
    const [one, other] = [await pair(), await pair()]
    proxy.cutAfter(5, 'toServer')
    one.server.socket.write('any number of these')
    await one.client.hears('any number of these')
    one.client.socket.write('abc')
    await one.server.hears('abc')
    other.client.socket.write('defg')
    await other.client.closed()
    await other.server.closed()
    assert.is(other.server.heard(), 'de')
    one.client.socket.write('hijklmnop')
    await one.server.hears('abchijklmnop')
    assert.is(proxy.connections(), 1)
  })
)

cutAfter.run()

const hold = suite('hold')

hold('lets nothing through until release, and loses nothing', () =>
  withProxy(async ({ proxy, pair, accepted, open }) => {
    const { client, server } = await pair()
    proxy.hold()
    client.socket.write('ab')
    server.socket.write('cd')
    const later = await open()
    later.socket.write('ef')
    // What went another way meanwhile has arrived.
    const direct = peerOf(connect(accepted.port, '127.0.0.1'))
    await until('it arrives', () => accepted.peers.length === 2)
    assert.equal(proxy.forwarded(), { toClient: 0, toServer: 0 })
    assert.is(proxy.connections(), 2)
    assert.equal([client.heard(), server.heard()], ['', ''])

    proxy.release()
    await Promise.all([client.hears('cd'), server.hears('ab')])
    await until('the later one arrives', () => accepted.peers.length === 3)
    await accepted.peers[2]?.hears('ef')
    assert.equal([client.isOpen(), later.isOpen()], [true, true])
    direct.socket.destroy()
  })
)

hold('does not tell one side that the other was reset until release', () =>
  withProxy(async ({ proxy, pair }) => {
    const { client, server } = await pair()
    const other = await pair()
    proxy.hold()
    server.socket.resetAndDestroy()
    other.client.socket.resetAndDestroy()
    await Promise.all([server.closed(), other.client.closed()])
    await until('the proxy has heard it', () => proxy.connections() === 1)
    assert.equal([client.isOpen(), other.server.isOpen()], [true, true])
    proxy.release()
    assert.equal([await client.closed(), await other.server.closed()], ['ECONNRESET', 'ECONNRESET'])
  })
)

hold('loses what it held by a cut, and holds what comes later', () =>
  withProxy(async ({ proxy, pair, accepted, open }) => {
    const { client, server } = await pair()
    proxy.hold()
    client.socket.write('ab')
    proxy.cut()
    assert.equal([await client.closed(), await server.closed()], ['ECONNRESET', 'ECONNRESET'])
    assert.is(server.heard(), '')
    const later = await open()
    later.socket.write('cd')
    assert.is(accepted.peers.length, 1)
    proxy.release()
    await until('it arrives', () => accepted.peers.length === 2)
    await accepted.peers[1]?.hears('cd')
  })
)

hold.run()

const refuse = suite('refuse')

refuse('resets new connections, and leaves the others, until accept', () =>
  withProxy(async ({ proxy, pair, accepted }) => {
    const { client, server } = await pair()
    proxy.refuse()
    assert.is(await peerOf(connect(proxy.port, '127.0.0.1')).closed(), 'ECONNRESET')
    assert.is(accepted.peers.length, 1)
    client.socket.write('ab')
    await server.hears('ab')
    proxy.accept()
    await pair()
  })
)

refuse.run()

const redis = redisSuite('startProxy before Redis')

redis('carries a client, and lets it come again', () =>
  withRedis(async ({ port, cli }) => {
    const proxy = await startProxy(port)
    const client = new Redis(proxy.url).on('error', () => undefined)
    assert.is(await client.set('a', 1), 'OK')
    proxy.cut()
    assert.is(await client.incr('a'), 2)
    assert.is(await cli('GET', 'a'), '2')
    client.disconnect()
    await proxy.stop()
  })
)

redis('lets a command be done when its last byte has passed, and not before', () =>
  withRedis(async ({ port, cli }) => {
    const proxy = await startProxy(port)
    const command = '*2\r\n$4\r\nINCR\r\n$1\r\na\r\n'
    for (const bytes of command.split('').keys()) {
      proxy.cutAfter(bytes, 'toServer')
      const client = peerOf(connect(proxy.port, '127.0.0.1'))
      client.socket.write(command)
      await client.closed()
      assert.is(await cli('GET', 'a'), null)
    }
    proxy.cutAfter(0, 'toClient')
    const client = peerOf(connect(proxy.port, '127.0.0.1'))
    client.socket.write(command)
    await client.closed()
    assert.is(client.heard(), '')
    assert.is(await cli('GET', 'a'), '1')
    await proxy.stop()
  })
)

redis.run()

// helpers

interface Peer {
  readonly socket: Socket
  /** All that it has received so far. */
  readonly heard: () => string
  /** Waits until it has received this, and no more. */
  readonly hears: (text: string) => Promise<void>
  readonly isOpen: () => boolean
  /** The code of the error that closed it, if one did. */
  readonly closed: () => Promise<string | undefined>
}

const peerOf = (socket: Socket): Peer => {
  let heard = ''
  let code: string | undefined
  socket.setEncoding('latin1').on('data', (text: string) => (heard += text))
  socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code))
  const closed = new Promise<string | undefined>((resolve) => void socket.on('close', () => resolve(code)))
  return {
    socket,
    heard: () => heard,
    hears: (text) => until(`${text.slice(0, 20)} is heard`, () => heard === text),
    isOpen: () => !socket.destroyed,
    closed: () => within('it is closed', closed)
  }
}

interface Server {
  readonly port: number
  readonly close: () => Promise<void>
}

const listening = async (accept: (socket: Socket) => void, allowHalfOpen = false): Promise<Server> => {
  const server = createServer({ allowHalfOpen }, accept)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close()
      await within('the server closes', once(server, 'close'))
    }
  }
}

interface Use {
  readonly proxy: TcpProxy
  /** Connects a client to the proxy. */
  readonly open: () => Promise<Peer>
  /** Connects a client to the server, and waits for both. */
  readonly pair: () => Promise<{ readonly client: Peer; readonly server: Peer }>
  readonly accepted: { readonly port: number; readonly peers: readonly Peer[] }
}

const withProxy = async (use: (use: Use) => Promise<void>, allowHalfOpen = false): Promise<void> => {
  const peers: Peer[] = []
  const clients: Peer[] = []
  const { port, close } = await listening((socket) => void peers.push(peerOf(socket)), allowHalfOpen)
  const proxy = await startProxy(port)
  const open = async (): Promise<Peer> => {
    const client = peerOf(new Socket({ allowHalfOpen }).connect(proxy.port, '127.0.0.1'))
    clients.push(client)
    await within('it is connected', once(client.socket, 'connect'))
    return client
  }
  const pair = async () => {
    const count = peers.length
    const client = await open()
    await until('the server has it', () => peers.length > count)
    return { client, server: peers[count] as Peer }
  }
  try {
    await use({ proxy, open, pair, accepted: { port, peers } })
  } finally {
    await proxy.stop()
    for (const { socket } of [...peers, ...clients]) socket.destroy()
    await close()
  }
}
