// Hono on Node's server.
import { serve as listen } from '@hono/node-server'
import { Hono } from 'hono'
import { handlers, serve } from './orders.mjs'

const app = new Hono()
app.post('/', async (context) => {
  const order = await context.req.json()
  const handler = handlers.get(order.type)
  if (handler === undefined) return context.json({ result: 'failed' }, 422)
  await handler(order)
  return context.json({ result: 'ack' })
})
listen({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => serve(port))
