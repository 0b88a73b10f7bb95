// Fastify: its own JSON parser, and a response schema for its fast serialiser.
import Fastify from 'fastify'
import { handlers, serve } from './orders.mjs'

const app = Fastify()
const schema = { response: { 200: { type: 'object', properties: { result: { type: 'string' } } } } }
app.post('/', { schema }, async ({ body }, reply) => {
  const handler = handlers.get(body.type)
  if (handler === undefined) return reply.code(422).send({ result: 'failed' })
  await handler(body)
  return { result: 'ack' }
})
await app.listen({ port: 0, host: '127.0.0.1' })
serve(app.server.address().port)
