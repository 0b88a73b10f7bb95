import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { connect, script } from '../../lib/redis/connection.js'
import { systemClock } from '../../lib/system.js'
import { withRedis } from '../support/redis-server.js'

const connecting = suite('connect')

const failed = (asking: Promise<unknown>): Promise<string> => asking.then(String, String)

connecting('is not ready from when it is not answered until it is connected anew', () =>
  withRedis(async ({ url, pause, resume }) => {
    const connected = await connect({ url }, 'spec', systemClock, { timeoutMs: 100 })
    if (connected._tag === 'Left') throw new Error(connected.left.message)
    const { ask, isReady, reconnects, close } = connected.right
    const ready = (waitMs: number) => isReady(waitMs, new AbortController().signal)
    try {
      pause()
      assert.match(await failed(ask(['PING'])), 'has not answered for 100 ms')
      assert.is(await ready(0), false)
      resume()
      assert.is(await ready(10_000), true)
      assert.is(await ask(['PING'], 10_000), 'PONG')
      assert.is(reconnects(), 1)
    } finally {
      close()
    }
  })
)

connecting(
  'is made anew when a replica answers, as after a failover, since its name may lead elsewhere by then',
  () =>
    withRedis(async ({ url, port, cli }) => {
      const connected = await connect({ url }, 'spec', systemClock)
      if (connected._tag === 'Left') throw new Error(connected.left.message)
      const { ask, run, isReady, reconnects, close } = connected.right
      const ready = () => isReady(10_000, new AbortController().signal)
      try {
        await cli('REPLICAOF', '127.0.0.1', port + 1)
        assert.match(await failed(ask(['SET', 'a', 1])), 'READONLY')
        assert.is(await ready(), true)
        assert.match(await failed(run(script("return redis.call('SET', KEYS[1], 1)"), ['a'], [])), 'READONLY')
        assert.is(await ready(), true)
        assert.is(reconnects(), 2)
      } finally {
        close()
      }
    })
)

connecting.run()
