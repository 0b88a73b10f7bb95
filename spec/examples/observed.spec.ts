import { spawn } from 'node:child_process'
import { ack, malformed, deadLettered, message } from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { orders } from '../../examples/observed.js'
import { until, within } from '../support/deadline.js'
import { inEmptyFolder, wordsEnv, wordsOf } from '../support/program.js'

const order = (customer: string, total: unknown) => ({ type: 'order.placed', customer, total })

const handling = suite('orders')

handling('charges an order, and keeps one without a total, where nobody watches', async () => {
  const charged: string[] = []
  const processor = orders(async (customer, total) => void charged.push(`${customer} ${total}`), memoryDlq())
  assert.equal(await processor(message(order('c1', 3)))(), ack)
  const failure = malformed([{ path: '.total', message: 'expected number' }])
  assert.equal(await processor(message(order('c1', 'ten')))(), deadLettered(failure))
  assert.equal(charged, ['c1 3'])
})

handling.run()

const example = suite('examples/observed.ts')

/** The samples of a page, by name and labels; those of a message's place are left out. */
const samplesOf = (page: string): ReadonlyMap<string, number> =>
  new Map(
    page
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? []
        const told = labels.split(/,(?=\w+=)/).filter((label) => /^(?:missive_|error_|le=)/.test(label))
        return [[name, ...told].join(' '), Number(value)]
      })
  )

example('prints spans, exposes metrics to Prometheus, and stops when it is told to', () =>
  inEmptyFolder(async (cwd) => {
    const child = spawn(process.execPath, wordsOf('examples/observed.ts'), {
      cwd,
      env: {
        ...process.env,
        PORT: '0',
        METRICS_PORT: '0',
        ...wordsEnv
      }
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (text) => (stdout += String(text)))
    child.stderr.on('data', (text) => (stderr += String(text)))
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    const addressIn = (what: RegExp) => what.exec(stderr)?.[1] ?? ''
    try {
      await until('an address', () => addressIn(/listening on (\S+)\n/) !== '')
      const send = async (payload: object, headers = {}) => {
        const body = JSON.stringify(payload)
        return (await fetch(addressIn(/listening on (\S+)\n/), { method: 'POST', headers, body })).status
      }
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
      assert.is(await send(order('c1', 3), { traceparent }), 200)
      assert.is(await send(order('Flaky', 4)), 200)
      assert.is(await send(order('c1', 'ten')), 202)

      const page = await (await fetch(addressIn(/metrics on (\S+)\n/))).text()
      const samples = samplesOf(page)
      const acked = 'missive_route="order.placed" missive_outcome="Acked"'
      const stored = 'missive_route="order.placed" missive_outcome="DeadLettered" error_type="Malformed"'
      assert.is(samples.get(`messaging_client_consumed_messages_total ${acked}`), 2)
      assert.is(samples.get(`messaging_client_consumed_messages_total ${stored}`), 1)
      assert.is(samples.get(`messaging_process_duration_count ${acked}`), 2)
      assert.is(samples.get(`messaging_process_duration_bucket ${acked} le="+Inf"`), 2)
      assert.is(samples.get('missive_process_active'), 0)
      assert.not.match(page, /c1|Flaky|0af7651916cd43dd/)

      child.kill('SIGTERM')
      const code = await within('the end', ended)
      const [charge = '', taken = '', ...rest] = stdout.trimEnd().split('\n')
      assert.match(charge, /^charge, trace 0af76519, span \w{8}, in \w{8}$/)
      assert.match(
        taken,
        /^process http:\S+, trace 0af76519, span \w{8}, in b7ad6b71, route order.placed, outcome Acked$/
      )
      assert.is(rest.filter((line) => line.startsWith('charge, ')).length, 2)
      assert.is(rest.filter((line) => line.endsWith('outcome Acked, failed_attempts 1')).length, 1)
      assert.is(rest.filter((line) => line.endsWith('outcome DeadLettered, error.type Malformed')).length, 1)
      assert.match(stderr, /3 received, 2 acked, 1 dead-lettered\n/)
      assert.is(code, 0)
    } finally {
      child.kill('SIGKILL')
    }
  })
)

example.run()
