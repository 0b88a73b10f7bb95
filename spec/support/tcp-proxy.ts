/** A TCP proxy on the loopback that does to connections what networks do to them. */
import { once } from 'node:events'
import { type AddressInfo, Socket, createServer } from 'node:net'

// model

export type Direction = 'toClient' | 'toServer'

export interface TcpProxy {
  readonly port: number
  /** Where it is, as a Redis. */
  readonly url: string
  /** How many clients are connected. */
  readonly connections: () => number
  /** How many bytes have gone on, over all connections there were. */
  readonly forwarded: () => Readonly<Record<Direction, number>>
  /** Resets all connections; new ones are welcome. */
  readonly cut: () => void
  /**
   * Closes a connection as soon as this many further bytes have gone in this direction, counted over all
   * connections. These arrive, and none after them; with 0, the next to send anything sends it in vain.
   */
  readonly cutAfter: (bytes: number, direction: Direction) => void
  /**
   * Lets nothing through, no end of a connection either, and opens none to the server, while clients find theirs
   * open, new ones too. What is held arrives at `release`, as after an outage of the network; `cut` loses it.
   */
  readonly hold: () => void
  readonly release: () => void
  /** Resets new connections at once, until `accept`. */
  readonly refuse: () => void
  readonly accept: () => void
  readonly stop: () => Promise<void>
}

// constructors

/** Starts a proxy for a port of the loopback. It does not keep this process from ending. */
export const startProxy = async (targetPort: number): Promise<TcpProxy> => {
  const pairs = new Set<Pair>()
  const forwarded = { toClient: 0, toServer: 0 }
  const left = { toClient: Infinity, toServer: Infinity }
  let [isHeld, isRefusing] = [false, false]

  const forward = (pair: Pair, from: Socket, to: Socket, direction: Direction): void => {
    from.on('data', (bytes: Buffer) => {
      const part = bytes.subarray(0, left[direction])
      const isCut = part.length === left[direction]
      forwarded[direction] += part.length
      left[direction] = isCut ? Infinity : left[direction] - part.length
      if (!isCut) return void to.write(part)
      for (const socket of [from, to]) socket.removeAllListeners('data')
      to.write(part, () => destroy(pair))
    })
    from.on('end', () => to.end())
    from.on('error', () => {
      pair.isBroken = true
      if (!isHeld) reset(pair)
    })
    from.on('close', () => {
      if (pair.client.destroyed && pair.server.destroyed) pairs.delete(pair)
    })
    from.unref()
  }

  const carryOn = (pair: Pair): void => {
    const { client, server, isBroken } = pair
    if (isBroken) return reset(pair)
    if (server.pending && !server.connecting && !server.destroyed) server.connect(targetPort, '127.0.0.1')
    client.resume()
    server.resume()
  }

  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    if (isRefusing) return void client.resetAndDestroy()
    const pair = { client, server: new Socket({ allowHalfOpen: true }), isBroken: false }
    pairs.add(pair)
    forward(pair, client, pair.server, 'toServer')
    forward(pair, pair.server, client, 'toClient')
    if (isHeld) pause(pair)
    else carryOn(pair)
  })
  listener.listen(0, '127.0.0.1').unref()
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const cut = (): void => {
    for (const pair of pairs) reset(pair)
    pairs.clear()
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    connections: () => [...pairs].filter(({ client }) => !client.destroyed).length,
    forwarded: () => ({ ...forwarded }),
    cut,
    cutAfter: (bytes, direction) => (left[direction] = bytes),
    hold: () => {
      isHeld = true
      for (const pair of pairs) pause(pair)
    },
    release: () => {
      isHeld = false
      for (const pair of pairs) carryOn(pair)
    },
    refuse: () => (isRefusing = true),
    accept: () => (isRefusing = false),
    stop: async () => {
      cut()
      listener.close()
      await once(listener, 'close')
    }
  }
}

// helpers

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** One of them was reset, which the other hears once nothing is held. */
  isBroken: boolean
}

const pause = ({ client, server }: Pair): void => {
  client.pause()
  server.pause()
}

const destroy = ({ client, server }: Pair): void => {
  client.destroy()
  server.destroy()
}

/** A socket that is being ended already has no reset: Node would wait for it for ever. */
const reset = ({ client, server }: Pair): void => {
  for (const socket of [client, server]) {
    if (socket.writableEnded) socket.destroy()
    else socket.resetAndDestroy()
  }
}
