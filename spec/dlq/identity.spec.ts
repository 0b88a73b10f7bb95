import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { storableHeaders } from '../../lib/dlq/identity.js'

const headers = suite('storableHeaders')

headers('leaves out what lets somebody in, in headers and in the query of a request', () => {
  const sent = {
    Authorization: 'Bearer a',
    'x-api-key': 'b',
    tenant: 'shop',
    ':query': 'id=17&access_token=c&api_key=d&%74oken=e&signature&&a=b=c'
  }
  assert.equal(storableHeaders(sent), {
    Authorization: '[not stored]',
    'x-api-key': '[not stored]',
    tenant: 'shop',
    ':query':
      'id=17&access_token=[not stored]&api_key=[not stored]&%74oken=[not stored]&signature=[not stored]&&a=b=c'
  })
})

headers('knows credentials by their names, and keeps what has another', () => {
  const secret = [
    'x-password',
    'x-auth',
    'x-access-key',
    'x-functions-key',
    'Ocp-Apim-Subscription-Key',
    'my_jwt'
  ]
  const kept = ['x-author', 'idempotency-key', 'partition-key', 'x-pass-through', 'signal', 'x-passenger']
  const stored = storableHeaders(Object.fromEntries([...secret, ...kept].map((name) => [name, 'value'])))
  assert.equal(
    Object.keys(stored).filter((name) => stored[name] !== 'value'),
    secret
  )
  const query = 'password=a&sig=b&auth=c&page=d'
  assert.equal(storableHeaders({ ':query': query }), {
    ':query': 'password=[not stored]&sig=[not stored]&auth=[not stored]&page=d'
  })
})

headers('keeps what is said to be stored', () => {
  const sent = { authorization: 'Bearer a', ':query': 'id=17&token=b' }
  assert.equal(
    storableHeaders(sent, () => true),
    sent
  )
  assert.equal(
    storableHeaders(sent, (name) => name === ':query'),
    { authorization: '[not stored]', ':query': 'id=17&token=[not stored]' }
  )
})

headers.run()
