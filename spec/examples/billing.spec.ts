import { spawn } from 'node:child_process'
import * as assert from 'uvu/assert'
import { wordsEnv, wordsOf } from '../support/program.js'
import { until, within } from '../support/deadline.js'
import { withRedis } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

const example = redisSuite('examples/billing.ts')

example('charges, waits for the bank, keeps what it cannot charge, and stops when it is told to', () =>
  withRedis(
    async ({ url, cli }) => {
      const orders = [
        { type: 'order.placed', id: 'small', total: 3 },
        { type: 'order.placed', id: 'large', total: 3_000 },
        { type: 'order.placed', id: 'wrong', total: -1 },
        { type: 'order.placed', id: 'odd', total: 'ten' },
        { type: 'order.cancelled' }
      ]
      for (const order of orders) await cli('XADD', 'orders', '*', 'payload', JSON.stringify(order))
      const child = spawn(process.execPath, wordsOf('examples/billing.ts'), {
        env: {
          ...process.env,
          REDIS_URL: url,
          ...wordsEnv
        }
      })
      let [stdout, stderr] = ['', '']
      child.stdout.on('data', (text) => (stdout += String(text)))
      child.stderr.on('data', (text) => (stderr += String(text)))
      const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
      try {
        await until('the large order', () => stdout.includes('charged large: 3000\n'))
        child.kill('SIGTERM')
        const code = await within('the worker to stop', ended)
        assert.equal(stdout.split('\n').toSorted(), ['', 'charged large: 3000', 'charged small: 3'])
        assert.match(stderr, /6 received, 3 acked, 2 dead-lettered, 1 nacked\n/)
        assert.match(stderr, /dead letters: .*orders:dlq\n/)
        assert.is(code, 0)
        assert.equal(await cli('XPENDING', 'orders', 'billing'), [0, null, null, null])
      } finally {
        child.kill('SIGKILL')
      }
    },
    { appendonly: 'everysec' }
  )
)

example.run()
