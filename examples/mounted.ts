/** One processor beside what else a server does, under `/hooks`: in Express, Fastify, Koa and Hono. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { serve } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { pipe } from 'fp-ts/lib/function.js'
import { Hono } from 'hono'
import * as t from 'io-ts'
import Koa from 'koa'
import { type Dlq, type Processor, ack, handle, json, receive, route, withDlq } from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { toFetch, toListener } from 'missive-ts/http'

// route

const Order = t.type({ type: t.literal('order.placed'), id: t.string, total: t.number })

export const billing = (write: (line: string) => void, dlq: Dlq): Processor =>
  pipe(
    receive(json),
    handle(
      route(Order, async ({ id, total }) => {
        write(`charged ${id}: ${total}`)
        return ack
      })
    ),
    withDlq(dlq)
  )

// servers

/** Anybody may send, as only this machine can; elsewhere it would be `{ verify: github(secret) }` or the like. */
const access = { allowAnonymous: true } as const

export const inExpress = (processor: Processor) => {
  const app = express()
  // Before express.json(), which would leave no bytes to read.
  app.use('/hooks', toListener(processor, access))
  app.use(express.json())
  app.get('/', (_request, response) => void response.send('a shop'))
  return app
}

export const inFastify = (processor: Processor) => {
  const listener = toListener(processor, access)
  const app = fastify()
  // A scope of its own, where no parser touches the body.
  void app.register(async (hooks) => {
    hooks.removeAllContentTypeParsers()
    hooks.addContentTypeParser('*', (_request, _body, done) => done(null))
    hooks.all('/hooks/*', (request, reply) => listener(request.raw, reply.hijack().raw))
  })
  app.get('/', async () => 'a shop')
  return app
}

export const inKoa = (processor: Processor) => {
  const listener = toListener(processor, access)
  const app = new Koa()
  app.use((context, next) => {
    if (!context.path.startsWith('/hooks/')) return next()
    // The listener answers; Koa would say 404 before it does.
    context.respond = false
    return listener(context.req, context.res)
  })
  app.use((context) => void (context.body = 'a shop'))
  return app
}

export const inHono = (processor: Processor) => {
  const answer = toFetch(processor, access)
  const app = new Hono()
  app.all('/hooks/*', (context) => answer(context.req.raw))
  app.get('/', (context) => context.text('a shop'))
  return app
}

// program

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const processor = billing(console.log, memoryDlq())
  const here = { port: 0, host: '127.0.0.1' }
  const app = inFastify(processor)
  await app.listen(here)
  const servers = {
    Express: inExpress(processor).listen(here.port, here.host),
    Fastify: app.server,
    Koa: inKoa(processor).listen(here),
    Hono: serve({ fetch: inHono(processor).fetch, port: here.port, hostname: here.host })
  }
  for (const [name, server] of Object.entries(servers)) {
    if (!server.listening) await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    console.log(`${name}: http://${here.host}:${port}/hooks/orders`)
  }
}
