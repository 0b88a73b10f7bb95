/** Bearer tokens (RFC 6750): whoever has the secret is let in. */
import { left, right } from '../core/result.js'
import { utf8 } from './bytes.js'
import { type Unverified, type Verify, isSame, maxHeaderChars, secretBytes } from './verify.js'

// constructors

/**
 * Lets in who sends a secret as `Authorization: Bearer <secret>`. One secret makes the principal `bearer`; of a
 * record of several, the principal is the name of the one that was sent. The body is never read. Secrets that are
 * short, shared by two principals, or cannot stand in a header are a TypeError.
 *
 * @example
 * const verify = bearer({ shop: '9sJ7mXqd2WvK0uLr', bank: 'c4TnYb6EzP1hGa8f' })
 * const request: UnverifiedRequest = {
 *   _tag: 'HttpRequest',
 *   method: 'POST',
 *   path: '/orders',
 *   query: '',
 *   headers: { authorization: 'Bearer c4TnYb6EzP1hGa8f' },
 *   principal: undefined,
 *   body: async () => new Uint8Array()
 * }
 * assert.equal(await verify(request)(), right('bank'))
 *
 * @since 0.1.0
 */
export const bearer = (tokens: string | Readonly<Record<string, string>>): Verify => {
  const isRecord = typeof tokens === 'object' && tokens !== null
  const known = Object.entries(isRecord ? tokens : { bearer: tokens })
  const problem = problemOf(known, isRecord)
  if (problem !== undefined) throw new TypeError(`bearer: ${problem}`)
  const nameOf = (principal: string): string => (isRecord ? `bearer: ${principal}` : 'bearer')
  const secrets = known.map(
    ([principal, token]) => [principal, secretBytes(nameOf(principal), token)] as const
  )
  let digests: readonly (readonly [string, Uint8Array])[] | undefined

  return ({ headers: { authorization } }) =>
    async () => {
      if (authorization === undefined) return refused('authorization is missing')
      const token = authorization.length > maxHeaderChars ? undefined : tokenIn(authorization)
      if (token === undefined) return refused('authorization is not a bearer token')
      digests ??= await Promise.all(
        secrets.map(async ([principal, secret]) => [principal, await digestOf(secret)] as const)
      )
      const presented = await digestOf(utf8(token))
      // All are looked at, so that the time does not tell which it was.
      const found = digests.filter(([, digest]) => isSame(digest, presented)).map(([principal]) => principal)
      return found[0] === undefined ? refused('the token is not known') : right(found[0])
    }
}

// helpers

const refused = (reason: string) => left<Unverified>({ reason, challenge: 'Bearer' })

/** Of what is joined from several headers, none. */
const tokenIn = (authorization: string): string | undefined =>
  /^bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1]

/** Digests are of one length, whatever was sent. */
const digestOf = async (bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))

const problemOf = (known: readonly (readonly [string, unknown])[], isRecord: boolean): string | undefined => {
  if (known.length === 0) return 'it needs a secret, or nobody is let in'
  if (known.some(([principal]) => principal === '')) return 'a principal needs a name'
  if (new Set(known.map(([, token]) => token)).size < known.length)
    return 'every principal needs a secret of its own'
  const odd = known.find(([, token]) => typeof token === 'string' && /[^\x21-\x7e]/.test(token))
  const whose = isRecord ? ` of ${odd?.[0]}` : ''
  return odd && `the secret${whose} cannot stand in a header: take visible ASCII, without white space`
}
