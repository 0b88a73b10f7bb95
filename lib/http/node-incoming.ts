/** Requests in Node's own form, whose bodies come in as events. */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { withoutMark } from '../core/format.js'
import { type Budget, appended, endedTooEarly, nothing, tooLarge } from './body.js'
import type { Incoming } from './incoming.js'

// model

/** What frameworks add. */
interface NodeRequest extends IncomingMessage {
  readonly originalUrl?: string
  readonly rawBody?: unknown
  readonly body?: unknown
}

export class NodeIncoming implements Incoming {
  readonly _tag = 'HttpRequest'
  principal: string | undefined = undefined
  readonly headers: Readonly<Record<string, string>>
  private readonly url: string
  private reading: Promise<Uint8Array> | undefined = undefined
  constructor(
    private readonly request: NodeRequest,
    private readonly budget: Budget,
    private readonly onRead: (() => void) | undefined
  ) {
    // Express cuts the place where it is mounted off `url`, and others put it back later.
    this.url = withoutOrigin(request.originalUrl ?? request.url ?? '/')
    this.headers = texts(request.headers)
  }
  get path() {
    const { url } = this
    const mark = url.indexOf('?')
    return mark === -1 ? url : url.slice(0, mark)
  }
  get query() {
    const { url } = this
    const mark = url.indexOf('?')
    return mark === -1 ? '' : url.slice(mark + 1)
  }
  get method() {
    return this.request.method ?? ''
  }
  header(name: string): string | undefined {
    return this.headers[name]
  }
  text(bytes: Uint8Array): string | undefined {
    const decoded = toBuffer(bytes).toString()
    // Of what is no UTF-8 this is left.
    return decoded.includes('\ufffd') && !isUtf8(bytes) ? undefined : withoutMark(decoded)
  }
  body(): Promise<Uint8Array> {
    return (this.reading ??= new Promise((resolve, reject) => this.read(resolve, reject)))
  }
  read(onBytes: (bytes: Uint8Array) => void, onError: (thrown: unknown) => void): void {
    const { request, budget } = this
    const { maxBytes } = budget
    if (Number(this.header('content-length')) > maxBytes) return onError(tooLarge(maxBytes))
    // What is decoded is no longer as it was sent.
    if (request.readableDidRead || typeof request.readableEncoding === 'string') {
      const found = bodyOfAnother(request, maxBytes)
      return found instanceof Error ? onError(found) : onBytes(found)
    }
    // What has happened before we listen happens no more. By HTTP/2 a body that broke off ends, as a whole one does.
    if (request.aborted) return onError(endedTooEarly())
    if (request.readableEnded) return onBytes(nothing)
    if (request.destroyed) return onError(endedTooEarly())
    this.onRead?.()
    let held: Uint8Array = nothing
    let size = 0
    let isOver = false
    const isFirst = (): boolean => {
      if (isOver) return false
      isOver = true
      budget.give(size)
      return true
    }
    request.on('data', (chunk: Buffer) => {
      // What comes after too much is thrown away.
      if (isOver) return
      try {
        budget.take(chunk.length, size)
      } catch (thrown) {
        isFirst()
        return onError(thrown)
      }
      held = appended(held, size, chunk)
      size += chunk.length
    })
    request.on('end', () => {
      if (!request.aborted && isFirst()) onBytes(size === held.length ? held : held.subarray(0, size))
    })
    // Every error ends in this, and without a listener for errors none is thrown.
    request.on('close', () => {
      if (isFirst()) onError(endedTooEarly())
    })
    // Somebody may have paused it, to hand it on later.
    request.resume()
  }
}

// helpers

/** Of one name there is one text, but for `set-cookie`, which no request has unless its sender makes it up. */
const texts = (headers: IncomingMessage['headers']): Readonly<Record<string, string>> => {
  const { 'set-cookie': cookies } = headers
  const known = cookies === undefined ? headers : { ...headers, 'set-cookie': cookies.join(', ') }
  return known as Readonly<Record<string, string>>
}

/** A target may be a whole URL, by RFC 9112, 3.2.2; what its sender calls this server is no part of a path. */
const withoutOrigin = (url: string): string => {
  if (url.startsWith('/')) return url
  const rest = url.replace(/^https?:\/\/[^/?]*/i, '')
  return rest.startsWith('/') || rest === url ? rest : `/${rest}`
}

const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

/** Text that a parser made of a body may be another than was sent, unless it is said to be the raw one. */
const bodyOfAnother = ({ rawBody, body }: NodeRequest, maxBytes: number): Uint8Array | Error => {
  const found = typeof rawBody === 'string' ? Buffer.from(rawBody) : (rawBody ?? body)
  if (!(found instanceof Uint8Array))
    return new TypeError(
      'something else has read the body of the request; let toListener come before what parses bodies, or keep the bytes as request.rawBody'
    )
  return found.length > maxBytes ? tooLarge(maxBytes) : found
}
