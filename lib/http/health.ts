/** Health of a run behind HTTP, for those who ask whether it lives and whether it takes messages. */
import type { Health } from '../combinators/health.js'
import type { Listener } from './listener.js'

/**
 * A listener that answers GET and HEAD of `/healthz` and `/readyz` by the health of a run, for interpreters that are no
 * servers themselves: 200 or 503, and what is the matter. `http` has it as its option `health`.
 *
 * @example
 * const watched = health()
 * const server = createServer(healthListener(watched)).listen(0, '127.0.0.1')
 * await once(server, 'listening')
 * const { port } = server.address() as AddressInfo
 * const response = await fetch(`http://127.0.0.1:${port}/readyz`)
 * assert.equal([response.status, await response.json()], [503, { status: 'not ready', reason: 'it has not started' }])
 * server.close()
 *
 * @since 0.1.0
 */
export const healthListener =
  ({ status }: Health): Listener =>
  ({ url, method }, response) => {
    const { isLive, isReady, reason } = status()
    const isAsked = method === 'GET' || method === 'HEAD'
    const path = url?.split('?', 1)[0]
    const [code, body] =
      isAsked && path === '/healthz'
        ? [isLive ? 200 : 503, { status: isLive ? 'live' : 'not live', reason }]
        : isAsked && path === '/readyz'
          ? [isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', reason }]
          : [404, { error: 'ask for /healthz or /readyz' }]
    response.writeHead(code, { 'content-type': 'application/json' })
    response.end(method === 'HEAD' ? undefined : JSON.stringify(body))
  }
