/** Node's HTTP server within limits. */
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

// model

export interface ServerLimits {
  readonly host: string
  readonly port: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly keepAliveMs: number
  readonly maxConnections: number
  readonly maxRequestsPerSocket: number
  readonly maxHeaderBytes: number
}

// constructors

/** Listens, or throws with what to do about it. */
export const listening = async (limits: ServerLimits): Promise<Server> => {
  const { createServer } = await import('node:http')
  const server = createServer({
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
    keepAliveTimeout: limits.keepAliveMs,
    maxHeaderSize: limits.maxHeaderBytes,
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs, limits.requestTimeoutMs)
  })
  server.maxConnections = limits.maxConnections
  server.maxRequestsPerSocket = limits.maxRequestsPerSocket
  // Headers beyond a count would be left out without a word; how large they are is bounded already.
  server.maxHeadersCount = 0
  // Whoever has sent its last request may say so and still be answered. Node has this without a type.
  Object.assign(server, { httpAllowHalfOpen: true })
  const { host, port } = limits
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, resolve)
    })
  } catch (thrown) {
    const { code } = thrown as { readonly code?: string }
    throw new Error(`cannot listen on ${hostAndPort(host, port)}: ${adviceOn(code)}`, { cause: thrown })
  }
  // What goes wrong with one connection is no reason to stop the others.
  server.on('error', () => undefined)
  return server
}

// readers

export const addressOf = (server: Server): string => {
  const { address, port } = server.address() as AddressInfo
  return `http://${hostAndPort(address, port)}`
}

/** Resolves once all that was written to these has left the process; hangs up on who takes nothing of it for so long. */
export const sent = async (sockets: Iterable<Socket>, stalledMs: number): Promise<void> => {
  const writing = Array.from(sockets).filter(({ writableLength }) => writableLength > 0)
  await Promise.all(
    writing.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.setTimeout(stalledMs)
          if (socket.writableEnded) socket.once('close', resolve)
          else socket.write('', () => resolve())
        })
    )
  )
}

/** Takes no new connections, and leaves those alone that are there; its own `close` hangs up on the idle ones. */
export const stopListening = async (server: Server): Promise<void> => {
  const { Server: Listening } = await import('node:net')
  Listening.prototype.close.call(server)
}

// helpers

const hostAndPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

const adviceOn = (code: string | undefined): string => {
  switch (code) {
    case 'EADDRINUSE':
      return 'another program does; stop it or choose another port'
    case 'EACCES':
      return 'ports below 1024 need a privilege; choose another port'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine does not have that address'
    default:
      return code ?? 'the reason is not known'
  }
}
