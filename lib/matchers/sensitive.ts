/** Sensitive fields: what handlers get as it is, and no log, listing or failure shows. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type * as t from 'io-ts'
import { type SensitivePath, each, touches } from '../core/masked.js'
import type { CodecOfKind } from './codec-kinds.js'

// constructors

/**
 * Marks what an io-ts codec decodes as sensitive, wherever the codec stands in another one: in a type, a partial, an
 * array, a record, an intersection, a union. Handlers get it as before. `withLogging`, `redacted` and
 * `missive dlq show --through` show `[sensitive]` in its place; what a codec or a route says is wrong never quotes it.
 * A codec that was made by hand around others (`new t.Type`, `pipe`) is not looked into: mark that one.
 *
 * Where it lies is said as paths in the decoded body, which a format of one's own may have made of a part of the
 * payload. So in the raw JSON, as logs and letters have it, such a path may begin at any depth: a field of that name is
 * masked wherever it lies. A text inside it that is a JSON object or array itself is masked as a whole.
 *
 * A Standard Schema cannot be marked from inside. It is marked as a whole, or with the dotted paths of fields, `*` for
 * each item of an array. All that it says of a wrong payload is where.
 *
 * @example
 * const Order = t.type({ total: t.number, card: sensitive(t.string) })
 * const processor = pipe(receive(json), handle(route(Order, async ({ card }) => ackWith({ note: card.slice(-4) }))))
 * assert.equal(await processor(message({ total: 3, card: '4111 1111' }))(), ackWith({ note: '1111' }))
 * assert.equal(redacted(Order)({ total: 3, card: '4111 1111' }), { total: 3, card: '[sensitive]' })
 *
 * @throws TypeError if a field is no dotted path
 * @since 0.1.0
 */
export const sensitive: {
  <C extends t.Type<any, any>>(codec: C): C
  <S extends StandardSchemaV1>(
    schema: S,
    ...fields: readonly string[]
  ): StandardSchemaV1<StandardSchemaV1.InferInput<S>, StandardSchemaV1.InferOutput<S>>
} = (given: t.Type<any, any> | StandardSchemaV1, ...fields: readonly string[]): any =>
  '~standard' in given ? markedSchema(given, fields) : markedCodec(given)

// readers

/** Where a codec or schema is marked; the empty path is all of it. What may be sensitive is. */
export const sensitiveFieldsOf = (given: unknown): readonly SensitivePath[] => fieldsOf(given, new Map())

/** Is all of it sensitive? */
export const isSensitive = (given: unknown): boolean => sensitiveFieldsOf(given).some(isWhole)

/** Is it all? */
export const isWhole = (path: SensitivePath): boolean => path.length === 0

// helpers

const under =
  (name: string) =>
  (path: SensitivePath): SensitivePath => [name, ...path]

/** A registered symbol, so that two copies of this module in one process see each other's marks. */
const mark: unique symbol = Symbol.for('missive-ts/sensitive') as never

interface Mark {
  readonly [mark]?: readonly SensitivePath[]
}

/** The same codec, of the same kind, so that all that reads kinds (tags, `t.exact`) reads it as before. */
const markedCodec = <C extends t.Type<any, any>>(codec: C): C => {
  const marked = Object.assign(Object.create(Object.getPrototypeOf(codec) as object) as C, codec, {
    [mark]: [[]]
  })
  return Object.assign(marked, {
    decode: (value: unknown) => codec.validate(value, [{ key: '', type: marked, actual: value }]),
    pipe: (other: t.Type<any, any, any>, name?: string) => markedCodec(codec.pipe(other, name))
  })
}

const markedSchema = (schema: StandardSchemaV1, fields: readonly string[]): StandardSchemaV1 & Mark => {
  const standard = schema['~standard']
  const paths = fields.length === 0 ? [[]] : fields.map((field) => field.split('.'))
  if (paths.some((path) => path.includes('')))
    throw new TypeError(`sensitive: fields are dotted paths like 'cards.*.number', not ${fields.join(', ')}`)
  const told = (result: StandardSchemaV1.Result<unknown>): StandardSchemaV1.Result<unknown> =>
    result.issues === undefined
      ? result
      : {
          issues: result.issues.map(({ path }) => ({ message: 'not as expected', path: shown(paths, path) }))
        }
  return {
    '~standard': {
      ...standard,
      validate: (value) => {
        const result = standard.validate(value)
        return 'then' in result ? result.then(told) : told(result)
      }
    },
    [mark]: [...((schema as Mark)[mark] ?? []), ...paths]
  }
}

type IssuePath = NonNullable<StandardSchemaV1.Issue['path']>

/** As far as something sensitive: names in it may be values. */
const shown = (paths: readonly SensitivePath[], path: IssuePath = []): IssuePath => {
  const names = path.map((part) => String(typeof part === 'object' ? part.key : part))
  const ends = paths.filter((marked) => marked.length <= names.length && touches(names)(marked))
  return path.slice(0, Math.min(path.length, ...ends.map(({ length }) => length)))
}

/** `inside`: what a codec within itself counts as, for the recursive ones around. */
const fieldsOf = (
  given: unknown,
  inside: ReadonlyMap<unknown, readonly SensitivePath[]>
): readonly SensitivePath[] => {
  const marks = (given as Mark)[mark]
  if (marks !== undefined) return marks
  const type = given as CodecOfKind
  const of = (codec: t.Mixed): readonly SensitivePath[] => fieldsOf(codec, inside)
  switch (type._tag) {
    case 'InterfaceType':
    case 'StrictType':
    case 'PartialType':
      return Object.entries(type.props).flatMap(([name, prop]) => of(prop).map(under(name)))
    case 'DictionaryType':
      return of(type.domain).length > 0 ? whole : of(type.codomain).map(under(each))
    case 'ArrayType':
    case 'ReadonlyArrayType':
      return of(type.type).map(under(each))
    case 'TupleType':
      return type.types.flatMap((member, index) => of(member).map(under(String(index))))
    case 'IntersectionType':
    case 'UnionType':
      return type.types.flatMap(of)
    case 'ExactType':
    case 'ReadonlyType':
    case 'RefinementType':
      return of(type.type)
    case 'RecursiveType': {
      const known = inside.get(type)
      if (known !== undefined) return known
      const isMarked = fieldsOf(type.type, new Map([...inside, [type, []]])).length > 0
      // Paths that go on for ever end where it begins anew: all of that is masked.
      return isMarked ? fieldsOf(type.type, new Map([...inside, [type, whole]])) : []
    }
    default:
      return []
  }
}

const whole: readonly SensitivePath[] = [[]]
