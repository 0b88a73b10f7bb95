/** Matchers of one value at one place, which a router finds without asking each of them. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type * as t from 'io-ts'
import { type Keys, type Scalar, renderKeys } from '../core/key.js'
import { type Match, type Matcher, taken } from '../core/matcher.js'
import type { Message } from '../core/message.js'
import type { Codec } from './codec.js'
import { isHarmless } from './credentials.js'
import { type BodyMatcher, byDecoder } from './matching.js'
import type { Schema } from './schema.js'

// model

/** Makes a matcher of one value at one place; the handler gets the body, or what a codec or schema decodes it to. */
export interface KeyMatcher {
  (place: string, value: Scalar): BodyMatcher
  <A>(place: string, value: Scalar, codec: t.Type<A, any>): Matcher<unknown, A>
  <S extends StandardSchemaV1>(
    place: string,
    value: Scalar,
    schema: S
  ): Matcher<unknown, StandardSchemaV1.InferOutput<S>>
}

// constructors

/**
 * Takes messages whose body has this value at a dotted path; the handler gets the body, or with a codec or
 * schema what it decodes the body to. An item of an array is named by its number.
 *
 * @example
 * const cancelled = pipe(receive(json), handle(route(byField('type', 'order.cancelled'), async () => ack)))
 * assert.equal(await cancelled(message({ type: 'order.cancelled' }))(), ack)
 *
 * @since 0.1.0
 */
export const byField: KeyMatcher = (path: string, value: Scalar, schema?: Codec | Schema) =>
  byKeys([[{ on: 'body', path, value }]], schema) as never

/**
 * Takes messages with this header; a name that is not found as given is looked up in lower case. The handler
 * gets the body, or with a codec or schema what it decodes the body to. Where the name is one of a credential, as
 * `x-token` is, no failure and no label shows the value.
 *
 * @example
 * const pushes = pipe(receive(json), handle(route(byHeader('X-GitHub-Event', 'push'), async () => ack)))
 * assert.equal(await pushes(message({}, { headers: { 'x-github-event': 'push' } }))(), ack)
 *
 * @since 0.1.0
 */
export const byHeader: KeyMatcher = (name: string, value: Scalar, schema?: Codec | Schema) =>
  byKeys(
    [[{ on: 'header', path: name, value, ...(!isHarmless(name) && { isSecret: true }) }]],
    schema
  ) as never

// helpers

const takeBody = ({ body }: Message): Match<unknown> => taken(body)

const byKeys = (keys: readonly Keys[], schema: Codec | Schema | undefined): Matcher<any, any> =>
  schema === undefined
    ? { _tag: 'Matcher', label: renderKeys(keys), keys, decided: true, match: takeBody }
    : byDecoder(keys, '', schema)
