/** Processors as functions from a web-standard request to its response. */
import type { Processor } from '../core/processor.js'
import { type Budget, endedTooEarly, isBodyError, nothing, readAll, tooLarge } from './body.js'
import { utf8 } from './bytes.js'
import type { Incoming } from './incoming.js'
import { type MountOptions, mounted } from './mounted.js'
import type { HttpReply } from './reply.js'

// constructors

/**
 * Makes a processor a function from a web-standard `Request` to its `Response`, for Hono, Bun, Deno, Next.js, workers
 * and whatever else speaks them. The body is the message, and the outcome the answer: 200 acked, 202 dead-lettered,
 * 503 nacked, 422 or 500 failed where no queue took it. It never rejects.
 *
 * @example
 * const answer = toFetch(pipe(receive(json), handle(otherwise(async () => ack))), { allowAnonymous: true })
 * const response = await answer(new Request('http://localhost/', { method: 'POST', body: '{"total":3}' }))
 * assert.equal([response.status, await response.json()], [200, { result: 'ack' }])
 *
 * @throws RangeError if a number is out of its range
 * @throws TypeError if it is not said who may send, or something else that is said makes no sense
 * @since 0.1.0
 */
export const toFetch = (
  processor: Processor,
  options: MountOptions
): ((request: Request) => Promise<Response>) => {
  const { answer, budget } = mounted('toFetch', processor, options)
  return (request) =>
    new Promise((resolve) => {
      answer(new FetchIncoming(request, budget), (reply) => resolve(toResponse(reply, request.method)))
    })
}

// helpers

const decoder = new TextDecoder('utf-8', { fatal: true })

class FetchIncoming implements Incoming {
  readonly _tag = 'HttpRequest'
  principal: string | undefined = undefined
  private url: URL | undefined
  private named: Readonly<Record<string, string>> | undefined
  private reading: Promise<Uint8Array> | undefined
  constructor(
    private readonly request: Request,
    private readonly budget: Budget
  ) {}
  get method() {
    return this.request.method
  }
  get path() {
    return this.parsed.pathname
  }
  get query() {
    return this.parsed.search.slice(1)
  }
  get headers() {
    return (this.named ??= Object.fromEntries(this.request.headers))
  }
  header(name: string): string | undefined {
    return this.request.headers.get(name) ?? undefined
  }
  text(bytes: Uint8Array): string | undefined {
    try {
      return decoder.decode(bytes)
    } catch {
      return undefined
    }
  }
  body(): Promise<Uint8Array> {
    return (this.reading ??= this.readBody())
  }
  read(onBytes: (bytes: Uint8Array) => void, onError: (thrown: unknown) => void): void {
    this.body().then(onBytes, onError)
  }
  private async readBody(): Promise<Uint8Array> {
    const { maxBytes } = this.budget
    if (Number(this.header('content-length')) > maxBytes) throw tooLarge(maxBytes)
    const { body, bodyUsed } = this.request
    if (bodyUsed || body?.locked === true)
      throw new TypeError(
        'the body of the request was read by somebody else; hand over a request that nobody has read'
      )
    try {
      const read = body === null ? nothing : await readAll(body as AsyncIterable<Uint8Array>, this.budget)
      // Some servers end a body that broke off as they end a whole one.
      if (isAborted(this.request) && Number(this.header('content-length')) !== read.length)
        throw endedTooEarly()
      return read
    } catch (thrown) {
      throw isBodyError(thrown) ? thrown : endedTooEarly()
    }
  }
  private get parsed(): URL {
    return (this.url ??= new URL(this.request.url))
  }
}

/** Not every runtime has a signal. */
const isAborted = ({ signal }: { readonly signal?: AbortSignal | null }): boolean => signal?.aborted === true

/** As bytes: of a text it would say by itself that it is plain. */
const toResponse = ({ status, headers, body }: HttpReply, method: string): Response => {
  const bytes = typeof body === 'string' ? utf8(body) : body
  const isBare = bytes.length === 0 || method === 'HEAD'
  return new Response(isBare ? null : (bytes as Uint8Array<ArrayBuffer>), { status, headers })
}
