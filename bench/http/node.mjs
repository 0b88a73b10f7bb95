// Bare node:http: reads the body, parses it, runs the handler of its type, answers.
import { createServer } from 'node:http'
import { handlers, serve } from './orders.mjs'

const answer = (response, status, result) => {
  const body = JSON.stringify({ result })
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}

const server = createServer((request, response) => {
  if (request.method !== 'POST') return answer(response, 405, 'failed')
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('error', () => undefined)
  request.on('end', async () => {
    try {
      const order = JSON.parse(chunks.length === 1 ? chunks[0].toString() : Buffer.concat(chunks).toString())
      const handler = handlers.get(order.type)
      if (handler === undefined) return answer(response, 422, 'failed')
      await handler(order)
      answer(response, 200, 'ack')
    } catch {
      answer(response, 500, 'failed')
    }
  })
})
server.listen(0, '127.0.0.1', () => serve(server.address().port))
