import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { health } from '../../lib/combinators/health.js'
import { healthListener } from '../../lib/http.js'
import { virtualClock } from '../support/clock.js'

const listener = suite('healthListener')

listener('answers whether a run is live and ready, and what is the matter', async () => {
  const clock = virtualClock()
  const watched = health(15_000, clock)
  const server = createServer(healthListener(watched)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method })
    const body = await response.text()
    return [response.status, body === '' ? '' : JSON.parse(body)]
  }
  try {
    assert.equal(await ask('/healthz'), [200, { status: 'live', reason: 'it has not started' }])
    assert.equal(await ask('/readyz'), [503, { status: 'not ready', reason: 'it has not started' }])
    watched.onEvent({ _tag: 'Ready', inFlight: () => [] })
    assert.equal(await ask('/readyz'), [200, { status: 'ready' }])
    assert.equal(await ask('/readyz?verbose'), [200, { status: 'ready' }])
    assert.equal(await ask('/readyz', 'HEAD'), [200, ''])
    assert.equal(await ask('/healthz', 'POST'), [404, { error: 'ask for /healthz or /readyz' }])
    assert.is((await ask('/'))[0], 404)
    await clock.advance(20_000)
    const reason = 'nothing was heard for 20000 ms'
    assert.equal(await ask('/healthz'), [503, { status: 'not live', reason }])
    assert.equal(await ask('/readyz'), [503, { status: 'not ready', reason }])
  } finally {
    server.close()
    server.closeAllConnections()
  }
})

listener.run()
