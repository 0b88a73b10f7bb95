/** Senders of webhooks: how each of them signs, as their documentations say. */
import type { Clock } from '../core/clock.js'
import { fromBase64 } from './bytes.js'
import { type Secret, hmacOf } from './hmac.js'
import type { Verify } from './verify.js'

// model

/** By which name a sender is known. */
export interface SenderOptions {
  /** The sender's name, unless given. */
  readonly principal?: string
}

/** By which name a sender is known, and how old its signature may be. */
export interface TimedSenderOptions extends SenderOptions {
  /** How far the timestamp may be from now, in the past or the future. 5 minutes, unless given. */
  readonly toleranceMs?: number
  readonly clock?: Clock
}

// constructors

/**
 * Lets in what GitHub signs as `X-Hub-Signature-256`. Nothing in it says when: a delivery is good for ever, so let
 * `X-GitHub-Delivery` be its key of idempotency.
 *
 * https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 *
 * @example
 * const verify = github("It's a Secret to Everybody")
 * const request: UnverifiedRequest = {
 *   _tag: 'HttpRequest',
 *   method: 'POST',
 *   path: '/github',
 *   query: '',
 *   headers: {
 *     'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
 *   },
 *   principal: undefined,
 *   body: async () => new TextEncoder().encode('Hello, World!')
 * }
 * assert.equal(await verify(request)(), right('github'))
 *
 * @since 0.1.0
 */
export const github = (
  secrets: Secret | readonly Secret[],
  { principal = 'github' }: SenderOptions = {}
): Verify => hmacOf('github', { secrets, principal, header: 'x-hub-signature-256', prefix: 'sha256=' })

/**
 * Lets in what Shopify signs as `X-Shopify-Hmac-Sha256`; the secret is the app's client secret. Nothing in it says
 * when: let `X-Shopify-Webhook-Id` be the key of idempotency.
 *
 * https://shopify.dev/docs/apps/build/webhooks/subscribe/https
 *
 * @example
 * const verify = shopify('not for production')
 * const request: UnverifiedRequest = {
 *   _tag: 'HttpRequest',
 *   method: 'POST',
 *   path: '/shopify',
 *   query: '',
 *   headers: { 'x-shopify-hmac-sha256': 'Iux3gx3wWqcbxA3q87bRMArzqxEDRMA1V6FWlYe4+AI=' },
 *   principal: undefined,
 *   body: async () => new TextEncoder().encode('{"id":1}')
 * }
 * assert.equal(await verify(request)(), right('shopify'))
 *
 * @since 0.1.0
 */
export const shopify = (
  secrets: Secret | readonly Secret[],
  { principal = 'shopify' }: SenderOptions = {}
): Verify => hmacOf('shopify', { secrets, principal, header: 'x-shopify-hmac-sha256', encoding: 'base64' })

/**
 * Lets in what Stripe signs as `Stripe-Signature`, with the time. Of several `v1` one is to match, as there are
 * while a secret is replaced; other schemes count for nothing.
 *
 * https://docs.stripe.com/webhooks/signature
 *
 * @example
 * const verify = stripe('whsec_not_for_production', { toleranceMs: 60_000 })
 * const request: UnverifiedRequest = {
 *   _tag: 'HttpRequest',
 *   method: 'POST',
 *   path: '/stripe',
 *   query: '',
 *   headers: { 'stripe-signature': `t=1492774577,v1=${'0'.repeat(64)}` },
 *   principal: undefined,
 *   body: async () => new TextEncoder().encode('{"id":"evt_1"}')
 * }
 * assert.equal(await verify(request)(), left({ reason: 'the timestamp is too old' }))
 *
 * @since 0.1.0
 */
export const stripe = (
  secrets: Secret | readonly Secret[],
  { principal = 'stripe', ...options }: TimedSenderOptions = {}
): Verify =>
  hmacOf('stripe', {
    ...options,
    secrets,
    principal,
    header: 'stripe-signature',
    separator: ',',
    prefix: 'v1=',
    timestamp: { header: 'stripe-signature', separator: ',', prefix: 't=' },
    signed: (_, body, time) => [time, '.', body]
  })

/**
 * Lets in what Slack signs as `X-Slack-Signature`, with the time in `X-Slack-Request-Timestamp`.
 *
 * https://docs.slack.dev/authentication/verifying-requests-from-slack
 *
 * @example
 * const verify = slack('not for production')
 * const request: UnverifiedRequest = {
 *   _tag: 'HttpRequest',
 *   method: 'POST',
 *   path: '/slack',
 *   query: '',
 *   headers: { 'x-slack-signature': `v0=${'0'.repeat(64)}` },
 *   principal: undefined,
 *   body: async () => new TextEncoder().encode('command=%2Fweather')
 * }
 * assert.equal(await verify(request)(), left({ reason: 'x-slack-request-timestamp is missing' }))
 *
 * @since 0.1.0
 */
export const slack = (
  secrets: Secret | readonly Secret[],
  { principal = 'slack', ...options }: TimedSenderOptions = {}
): Verify =>
  hmacOf('slack', {
    ...options,
    secrets,
    principal,
    header: 'x-slack-signature',
    prefix: 'v0=',
    timestamp: { header: 'x-slack-request-timestamp' },
    signed: (_, body, time) => ['v0:', time, ':', body]
  })

/**
 * Lets in what is signed as Standard Webhooks say: `webhook-signature` over `webhook-id`, `webhook-timestamp` and the
 * body. A secret that is text is base64, after `whsec_` or alone. Of several `v1` signatures one is to match; others,
 * like those with public keys, count for nothing. `webhook-id` is the key of idempotency, and has no dot.
 *
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 *
 * @example
 * const verify = standardWebhooks('whsec_plJ3nmyCDGBKInavdOK15jsl', { toleranceMs: Infinity })
 * const request: UnverifiedRequest = {
 *   _tag: 'HttpRequest',
 *   method: 'POST',
 *   path: '/events',
 *   query: '',
 *   headers: {
 *     'webhook-id': 'msg_loFOjxBNrRLzqYUf',
 *     'webhook-timestamp': '1731705121',
 *     'webhook-signature': 'v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0='
 *   },
 *   principal: undefined,
 *   body: async () => new TextEncoder().encode('{"event_type":"ping","data":{"success":true}}')
 * }
 * assert.equal(await verify(request)(), right('standardWebhooks'))
 *
 * @since 0.1.0
 */
export const standardWebhooks = (
  secrets: Secret | readonly Secret[],
  { principal = 'standardWebhooks', ...options }: TimedSenderOptions = {}
): Verify => standard('standardWebhooks', 'webhook', secrets, { ...options, principal })

/**
 * The same by the names that Svix, and who sends by it, use: `svix-id`, `svix-timestamp` and `svix-signature`.
 *
 * https://docs.svix.com/receiving/verifying-payloads/how-manual
 *
 * @example
 * const verify = svix('whsec_plJ3nmyCDGBKInavdOK15jsl', { toleranceMs: Infinity })
 * const request: UnverifiedRequest = {
 *   _tag: 'HttpRequest',
 *   method: 'POST',
 *   path: '/events',
 *   query: '',
 *   headers: {
 *     'svix-id': 'msg_loFOjxBNrRLzqYUf',
 *     'svix-timestamp': '1731705121',
 *     'svix-signature': 'v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0='
 *   },
 *   principal: undefined,
 *   body: async () => new TextEncoder().encode('{"event_type":"ping","data":{"success":true}}')
 * }
 * assert.equal(await verify(request)(), right('svix'))
 *
 * @since 0.1.0
 */
export const svix = (
  secrets: Secret | readonly Secret[],
  { principal = 'svix', ...options }: TimedSenderOptions = {}
): Verify => standard('svix', 'svix', secrets, { ...options, principal })

// helpers

const standard = (
  name: string,
  brand: string,
  secrets: Secret | readonly Secret[],
  options: TimedSenderOptions
): Verify =>
  hmacOf(name, {
    ...options,
    secrets: [secrets].flat().map((secret) => decoded(name, secret)),
    header: `${brand}-signature`,
    separator: ' ',
    prefix: 'v1,',
    encoding: 'base64',
    timestamp: { header: `${brand}-timestamp` },
    signed: ({ headers }, body, time) => [idOf(headers[`${brand}-id`]), '.', time, '.', body]
  })

/** With a dot in it, what belongs to the body could be taken for an id and a time. */
const idOf = (id: string | undefined): string | undefined =>
  id !== undefined && /^[^.,\s]+$/.test(id) ? id : undefined

const decoded = (name: string, secret: Secret): Secret => {
  if (typeof secret !== 'string') return secret
  try {
    return fromBase64(secret.replace(/^whsec_/, ''))
  } catch {
    throw new TypeError(`${name}: the secret is not base64, as it is after whsec_`)
  }
}
