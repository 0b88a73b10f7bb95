import { Cluster } from 'ioredis'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { madeClient } from '../../lib/redis/driver.js'

const redacting = suite('what a client says of itself')

redacting('has no password of a node of a cluster, in whatever way that is given', async () => {
  const nodes: readonly (readonly [node: any, password: string])[] = [
    ['redis://me:SECRET@127.0.0.1:1', 'SECRET'],
    ['redis://:p@ss:SECRET@127.0.0.1:1', 'p@ss:SECRET'],
    ['redis://me:a/SECRET@127.0.0.1:1', 'a/SECRET'],
    ['//me:p:SECRET@127.0.0.1:1', 'p:SECRET'],
    ['//:SECRET@127.0.0.1:1', 'SECRET'],
    ['me:p:SECRET@127.0.0.1:1', 'p:SECRET'],
    [':SECRET@127.0.0.1:1', 'SECRET'],
    ['redis://127.0.0.1:1?password=SECRET', 'SECRET'],
    [{ host: '127.0.0.1', port: 1, password: 'SECRET' }, 'SECRET']
  ]
  for (const [node, password] of nodes) {
    const client = new Cluster([node], { lazyConnect: true, clusterRetryStrategy: () => null })
    const made = await madeClient({ client }, 'redisStream')
    assert.is(made._tag, 'Right')
    if (made._tag === 'Left') continue
    const { redacted, server } = made.right
    assert.is(redacted(`WRONGPASS ${password} is wrong`), 'WRONGPASS [secret] is wrong')
    assert.is(server, '127.0.0.1:1')
    made.right.client.disconnect()
    client.disconnect()
  }
})

redacting.run()
