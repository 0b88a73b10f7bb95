import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { until, within } from '../support/deadline.js'
import { inEmptyFolder, wordsEnv, wordsOf } from '../support/program.js'

const example = suite('examples/webhooks.ts')

const secret = 'a secret that GitHub knows'

example(
  'takes what GitHub signed, answers what it cannot handle with 202, and stops when it is told to',
  () =>
    inEmptyFolder(async (cwd) => {
      const child = spawn(process.execPath, wordsOf('examples/webhooks.ts'), {
        cwd,
        env: {
          ...process.env,
          PORT: '0',
          WEBHOOK_SECRET: secret,
          ...wordsEnv
        }
      })
      let [stdout, stderr] = ['', '']
      child.stdout.on('data', (text) => (stdout += String(text)))
      child.stderr.on('data', (text) => (stderr += String(text)))
      const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
      const addressIn = (text: string) => /listening on (\S+)\n/.exec(text)?.[1]
      try {
        await until('an address', () => addressIn(stderr) !== undefined)
        const send = async (event: string, payload: object, key = secret) => {
          const body = JSON.stringify(payload)
          const signature = createHmac('sha256', key).update(body).digest('hex')
          const headers = {
            'x-github-event': event,
            'x-github-delivery': signature,
            'x-hub-signature-256': `sha256=${signature}`
          }
          const response = await fetch(`${addressIn(stderr)}/github`, { method: 'POST', headers, body })
          return [response.status, await response.json()]
        }
        const ack = [200, { result: 'ack' }]
        assert.equal(await send('ping', { zen: 'Keep it logically awesome.' }), ack)
        assert.equal(await send('issues', { action: 'opened', issue: { number: 3, title: 'It leaks' } }), ack)
        assert.equal(await send('issues', { action: 'closed' }), ack)
        assert.equal(await send('issues', { action: 'opened', issue: {} }), [
          202,
          { result: 'dead-lettered' }
        ])
        // Sent again, as somebody may who has overheard it, it is not handled again.
        assert.equal(await send('issues', { action: 'opened', issue: { number: 3, title: 'It leaks' } }), ack)
        assert.is((await send('ping', {}, 'another secret, as long'))[0], 401)
        assert.is((await fetch(`${addressIn(stderr)}/readyz`)).status, 200)
        child.kill('SIGTERM')
        const code = await within('the end', ended)
        assert.is(stdout, '#3 It leaks\n')
        assert.match(stderr, /4 received, 3 acked, 1 dead-lettered\n/)
        assert.match(stderr, /dead letters: .*webhooks\.db\n/)
        assert.is(code, 0)
      } finally {
        child.kill('SIGKILL')
      }
    })
)

example.run()
