/** Admission: what can be answered before the body is read. */
import { mediaTypeOf } from './content-type.js'
import type { Incoming } from './incoming.js'
import { handshake } from './handshake.js'
import type { Settings } from './options.js'
import { type HttpReply, jsonReply, refusal, retryAfter } from './reply.js'

// model

/** An answer; `reason` where it is a refusal. */
export interface Early {
  readonly reply: HttpReply
  readonly reason?: string
}

export type Admit = (request: Incoming) => Early | undefined

export interface AdmissionNeeds {
  readonly settings: Settings
  readonly refusesPages: boolean
  readonly isDraining: () => boolean
  readonly isReady: () => boolean
  readonly isFull: () => boolean
}

// constructors

export const admission = ({ settings, refusesPages, isDraining, isReady, isFull }: AdmissionNeeds): Admit => {
  const { methods, path, contentTypes, decompress, health, retryAfterMs, allowedOrigins, allowedRate } =
    settings
  const allow = [...methods, 'OPTIONS'].join(', ')
  const again = retryAfter(retryAfterMs)
  const full = refused(503, tooMuch, again)
  const draining = refused(503, 'this server stops', again)
  const wrongMethod = refused(405, `messages are sent by ${methods.join(' or ')}`, { allow })
  const types = contentTypes?.map((type) => type.toLowerCase())

  return (request) => {
    const { method } = request
    if (health && (method === 'GET' || method === 'HEAD')) {
      if (request.path === '/healthz') return live
      if (request.path === '/readyz') return isDraining() || !isReady() ? unready : ready
    }
    if (path !== undefined && request.path !== path) return wrongPath
    if (!methods.includes(method)) {
      if (method !== 'OPTIONS') return wrongMethod
      const { status, headers } = handshake(request.headers, { allowedOrigins, allowedRate, allow })
      return { reply: { _tag: 'HttpReply', status, headers, body: '' } }
    }
    if (isDraining()) return draining
    if (isFull()) return full
    if (refusesPages && request.header('origin') !== undefined) return fromPage
    if (types !== undefined && !types.includes(mediaTypeOf(request.header('content-type')))) return wrongType
    const encoding = request.header('content-encoding')?.toLowerCase()
    return encoding === undefined || encoding === 'identity' || (decompress && isKnown(encoding))
      ? undefined
      : encoded(decompress)
  }
}

/** What a sender is told that is to come again later. */
export const tooMuch = 'too much is being handled'

// helpers

const refused = (status: number, error: string, headers?: Readonly<Record<string, string>>): Early => ({
  reply: refusal(status, error, headers),
  reason: error
})

const live: Early = { reply: jsonReply(200, { status: 'live' }) }
const ready: Early = { reply: jsonReply(200, { status: 'ready' }) }
const unready: Early = { reply: jsonReply(503, { status: 'not ready' }) }
const wrongPath = refused(404, 'no messages are taken here')
const wrongType = refused(415, 'this content type is not taken')
const fromPage = refused(403, 'requests of web pages are not taken')

const isKnown = (encoding: string): boolean => /^(?:gzip|x-gzip|deflate)$/.test(encoding)
const encoded = (decompress: boolean): Early =>
  refused(415, 'this content encoding is not taken', {
    'accept-encoding': decompress ? 'gzip, deflate, identity' : 'identity'
  })
