/** Standard Schemas (zod, valibot, arktype) as matchers: what selects, what decodes, and where decoding fails. */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import type { Either } from 'fp-ts/lib/Either.js'
import { hush } from '../core/captured.js'
import type { Issue } from '../core/failure.js'
import { cut } from '../core/json.js'
import type { Keys, Scalar } from '../core/key.js'
import { left, right } from '../core/result.js'
import { segment } from './codec.js'
import { product } from './tags.js'

// model

export type Schema<A = any> = StandardSchemaV1<any, A>

// guards

/** Some schemas are functions that return a truthy error, so this is asked before "is it a predicate". */
export const isSchema = (value: unknown): value is Schema =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as Partial<Schema>)['~standard']?.validate === 'function'

// readers

/** The constant fields at the top of a schema that offers its JSON Schema; `undefined` where none can be read. */
export const schemaTags = (schema: unknown): readonly Keys[] | undefined => {
  try {
    const { jsonSchema } = (schema as StandardJSONSchemaV1)['~standard']
    return tagsOf(jsonSchema.input({ target: 'draft-2020-12' }), 8)
  } catch {
    return undefined // it offers no JSON Schema, or cannot be written as one
  }
}

/** @throws TypeError if the schema validates asynchronously: matchers are pure and answer at once */
export const schemaDecode =
  <A>(schema: Schema<A>) =>
  (value: unknown): Either<readonly Issue[], A> => {
    const result = schema['~standard'].validate(value)
    if ('then' in result) {
      hush(result)
      throw new TypeError('the schema validates asynchronously; a matcher must answer at once')
    }
    return result.issues === undefined
      ? right(result.value)
      : left(result.issues.slice(0, maxIssues).map(issueOf))
  }

// helpers

const maxIssues = 20

const issueOf = ({ path = [], message }: StandardSchemaV1.Issue): Issue => ({
  path: path
    .map((part) => (typeof part === 'object' ? part.key : part))
    .map((key) => (typeof key === 'number' ? `[${key}]` : segment(String(key))))
    .join(''),
  message: cut(message, 500)
})

const tagsOf = (schema: unknown, depth: number): readonly Keys[] | undefined => {
  if (typeof schema !== 'object' || schema === null || depth === 0) return undefined
  const { properties, required, allOf, anyOf, oneOf } = schema as JsonSchema
  const keys = (required ?? []).flatMap((path) => {
    const value = properties?.[path]?.const
    return isScalar(value) && !path.includes('.') ? [{ on: 'body', path, value } as const] : []
  })
  const alternatives = anyOf ?? oneOf
  const members = alternatives?.map((member) => tagsOf(member, depth - 1))
  return product([
    keys.length === 0 ? undefined : [keys],
    members?.every((member) => member !== undefined) === true ? members.flat() : undefined,
    ...(allOf ?? []).map((member) => tagsOf(member, depth - 1))
  ])
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, { readonly const?: unknown }>>
  readonly required?: readonly string[]
  readonly allOf?: readonly unknown[]
  readonly anyOf?: readonly unknown[]
  readonly oneOf?: readonly unknown[]
}

const isScalar = (value: unknown): value is Scalar =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value)
