/** Requests that nobody has verified yet. */
import type { UnverifiedRequest } from '../../lib/http/request.js'

/** Text is sent as UTF-8. */
export const unverifiedRequest = (
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array = ''
): UnverifiedRequest => ({
  _tag: 'HttpRequest',
  method: 'POST',
  path: '/',
  query: '',
  headers,
  principal: undefined,
  body: async () => (typeof body === 'string' ? new TextEncoder().encode(body) : body)
})

/** One that counts how often its body is read, which then rejects. */
export const unreadable = (
  headers: Readonly<Record<string, string>>,
  thrown: unknown = new Error('read')
) => {
  const read = { times: 0 }
  const request: UnverifiedRequest = {
    ...unverifiedRequest(headers),
    body: () => {
      read.times += 1
      return Promise.reject(thrown)
    }
  }
  return { request, read }
}
