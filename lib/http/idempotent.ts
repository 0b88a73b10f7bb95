/** Answering once: a request that was handled is answered again, and not handled again. */
import { asking, keeping } from '../combinators/keeping.js'
import type { Clock } from '../core/clock.js'
import type { Outcome } from '../core/outcome.js'
import type { IdempotencyStore } from '../ports/idempotency.js'
import { fromBase64, toBase64, toHex, utf8 } from './bytes.js'
import { type HttpReply, refusal, retryAfter } from './reply.js'

// model

export interface Answer {
  readonly outcome: Outcome
  readonly reply: HttpReply
}

/** What is to be done at most once. */
export interface Work {
  /** Never rejects. */
  readonly run: () => Promise<Answer>
  /** It is not known whether it was done. */
  readonly leave: (reason: string) => Promise<HttpReply>
  /** It is somebody else's by now. */
  readonly lose: () => void
}

/** The answer to this work under this key, whoever has done it. `about` and `bytes`: what the work is done with. */
export type Idempotent = (key: string, about: string, bytes: Uint8Array, work: Work) => Promise<HttpReply>

export interface IdempotentNeeds {
  readonly store: IdempotencyStore
  readonly leaseMs: number
  readonly retryAfterMs: number
  readonly clock: Clock
  /** A work was done, and could not be marked as done. */
  readonly onUnmarked: (reason: string) => void
}

// constructors

export const idempotent = ({
  store,
  leaseMs,
  retryAfterMs,
  clock,
  onUnmarked
}: IdempotentNeeds): Idempotent => {
  const asked = asking(clock, leaseMs)
  const underWay = new Map<string, { readonly fingerprint: string; readonly reply: Promise<HttpReply> }>()

  const once = async (key: string, fingerprint: string, { run, leave, lose }: Work): Promise<HttpReply> => {
    const token = crypto.randomUUID()
    const state = await asked(() => store.begin({ key, fingerprint, token, leaseMs }))
    if (state._tag === 'Left') return leave(state.left.reason)
    switch (state.right._tag) {
      case 'Finished':
        return fromResult(state.right.result)
      case 'Mismatch':
        return mismatch
      case 'InFlight': {
        const { leftMs } = state.right
        return refusal(
          409,
          'a request with this key is being handled',
          retryAfter(Math.min(leftMs, retryAfterMs))
        )
      }
      case 'Begun': {
        const letGo = keeping(store, { key, token, leaseMs }, clock, lose)
        const { outcome, reply } = await run()
        letGo()
        const isDone = outcome._tag === 'Acked' || outcome._tag === 'DeadLettered'
        const marked = await asked<boolean | void>(() =>
          isDone ? store.finish({ key, token, result: toResult(reply) }) : store.abandon({ key, token })
        )
        if (marked._tag === 'Left') onUnmarked(marked.left.reason)
        else if (marked.right === false) onUnmarked('its lease was lost')
        return reply
      }
    }
  }

  return async (key, about, bytes, work) => {
    const fingerprint = await sha256(about, bytes)
    const first = underWay.get(key)
    if (first !== undefined) return first.fingerprint === fingerprint ? first.reply : mismatch
    const reply = once(key, fingerprint, work)
    underWay.set(key, { fingerprint, reply })
    try {
      return await reply
    } finally {
      underWay.delete(key)
    }
  }
}

// conversions

const toResult = ({ status, headers, body }: HttpReply): string =>
  JSON.stringify({
    status,
    headers,
    ...(typeof body === 'string' ? { text: body } : { base64: toBase64(body) })
  })

const fromResult = (result: string): HttpReply => {
  const { status, headers, text, base64 } = JSON.parse(result) as {
    readonly status: number
    readonly headers: HttpReply['headers']
    readonly text?: string
    readonly base64?: string
  }
  return {
    _tag: 'HttpReply',
    status,
    headers: { ...headers, 'idempotent-replayed': 'true' },
    body: text ?? fromBase64(base64 ?? '')
  }
}

// helpers

const mismatch = refusal(422, 'the key was used with another request')

/** No line of a request has a line break, so that it ends where the bytes begin. */
const sha256 = async (about: string, bytes: Uint8Array): Promise<string> => {
  const line = utf8(`${about}\n`)
  const all = new Uint8Array(line.length + bytes.length)
  all.set(line)
  all.set(bytes, line.length)
  const digest = await crypto.subtle.digest('SHA-256', all)
  return toHex(new Uint8Array(digest))
}
