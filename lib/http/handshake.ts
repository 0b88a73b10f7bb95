/** The handshake of webhooks, after "HTTP 1.1 Web Hooks for Event Delivery": may this sender send here, and how much? */

// model

/** Senders by their DNS names; a function is asked with the name in lower case. `'*'` is everybody. */
export type AllowedOrigins = '*' | readonly string[] | ((origin: string) => boolean)

export interface HandshakeOptions {
  /** Nobody by default. */
  readonly allowedOrigins?: AllowedOrigins | undefined
  /** Requests a minute. No limit by default. */
  readonly allowedRate?: number | undefined
  /** The methods that are taken, as `Allow` says them. */
  readonly allow: string
}

// constructors

/**
 * The answer to a request by OPTIONS. The permission lies in headers that nobody gets who is not allowed. A callback
 * that a sender asks for is not called.
 */
export const handshake = (
  { 'webhook-request-origin': origin }: Readonly<Record<string, string>>,
  { allowedOrigins, allowedRate, allow }: HandshakeOptions
): { readonly status: number; readonly headers: Readonly<Record<string, string>> } => {
  if (origin === undefined) return { status: 204, headers: { allow } }
  if (!isAllowed(origin, allowedOrigins)) return { status: 403, headers: { allow } }
  return {
    status: 200,
    headers: {
      allow,
      'webhook-allowed-origin': allowedOrigins === '*' ? '*' : origin,
      'webhook-allowed-rate': String(allowedRate ?? '*')
    }
  }
}

// helpers

/** Only what is a name can be allowed, so only a name is ever repeated in a header. */
const dnsName = /^[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?$/

const isAllowed = (origin: string, allowed: AllowedOrigins | undefined): boolean => {
  const name = origin.toLowerCase()
  if (allowed === undefined || !dnsName.test(name)) return false
  if (allowed === '*') return true
  if (typeof allowed !== 'function') return allowed.some((each) => each.toLowerCase() === name)
  const answer: unknown = allowed(name)
  return answer === true // A promise would be as good as a yes.
}
