import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { malformed } from '../../lib/core/failure.js'
import { ack } from '../../lib/core/outcome.js'
import { masking } from '../../lib/cli/masking.js'
import { type Put, at, bytes, called, madeQueue, using } from '../support/cli-command.js'
import { compiled, inEmptyFolder } from '../support/program.js'

const marker = 'S3CR3T'

const app = compiled('spec/support/sensitive-app.ts')

const letters: readonly Put[] = [
  {
    id: 'o-1',
    bytes: bytes(
      '{"type":"order","total":12345678901234567890,"customer":{"id":"S3CR3T","a":1},"total":"x"}'
    ),
    route: 'order',
    failure: malformed([
      { path: '.total', message: 'expected number' },
      { path: '.customer.id', message: 'expected number' }
    ])
  },
  { id: 'o-2', bytes: bytes('S3CR3T'), failure: malformed([{ path: '', message: 'not JSON' }]) }
]

const command = suite('missive dlq show --through')

command('masks what the codec marks, also in the payload as it arrived', () =>
  inEmptyFolder(async (cwd) => {
    const stored = await madeQueue(join(cwd, 'shop.db'), letters)
    const { key, id, bytes: from } = at(stored, 0)
    const to = bytes({ type: 'order', customer: { id: marker } })
    const shown = await called(cwd, 'show', 'shop.db', key, '--through', app)
    assert.equal([shown.code, shown.stderr], [0, ''])
    assert.not.match(shown.stdout, marker)
    assert.match(shown.stdout, /^ {2}\.customer\.id {2}"\[sensitive\]" {2}expected number$/m)
    assert.match(
      shown.stdout,
      /^Payload, 90 B\n {2}\{\n {4}"type": "order",\n {4}"total": 12345678901234567890,\n {4}"customer": \{\n {6}"id": "\[sensitive\]",\n {6}"a": 1\n {4}\},\n {4}"total": "x"\n {2}\}$/m
    )
    const asJson = await called(cwd, 'show', 'shop.db', key, '--through', app, '--json')
    assert.not.match(asJson.stdout, marker)
    const text = await called(cwd, 'show', 'shop.db', at(stored, 1).key, '--through', app)
    assert.match(text.stdout, /^Payload, 6 B\n {2}\[sensitive\]$/m)
    const listed = await called(cwd, 'ls', 'shop.db', '--json', '--through', app)
    assert.equal([listed.code, listed.stdout.split('\n').length], [0, 3])
    assert.not.match(listed.stdout, marker)
    await using(join(cwd, 'shop.db'), async (store) => store.edit({ key, id, from, to, by: 'ada' })())
    const edited = await called(cwd, 'show', 'shop.db', key, '--through', app)
    assert.match(edited.stdout, /as it was edited[^]*as it arrived/)
    assert.not.match(edited.stdout, marker)
  })
)

command('shows everything with --reveal, and without it no exact bytes', () =>
  inEmptyFolder(async (cwd) => {
    const stored = await madeQueue(join(cwd, 'shop.db'), letters)
    const { key } = at(stored, 0)
    const revealed = await called(cwd, 'show', 'shop.db', key, '--through', app, '--reveal')
    assert.match(revealed.stdout, marker)
    const refused = await called(cwd, 'show', 'shop.db', key, '--through', app, '--payload')
    assert.equal([refused.code, refused.stdout], [2, ''])
    const exact = await called(cwd, 'show', 'shop.db', key, '--through', app, '--payload', '--reveal')
    assert.is(exact.stdout, Buffer.from(at(stored, 0).bytes).toString())
  })
)

command('shows nothing by a processor that does not tell its routes', () =>
  inEmptyFolder(async (cwd) => {
    await madeQueue(join(cwd, 'shop.db'), letters)
    assert.throws(() => masking(() => async () => ack), /does not tell its routes.*--reveal/)
  })
)

command.run()
