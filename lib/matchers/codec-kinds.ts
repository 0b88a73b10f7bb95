/** io-ts codecs by their kinds, as far as these are read here: `Type` alone does not tell them apart. */
import type * as t from 'io-ts'
import type { Scalar } from '../core/key.js'

export type CodecOfKind =
  | {
      readonly _tag: 'InterfaceType' | 'StrictType' | 'PartialType'
      readonly props: Readonly<Record<string, t.Mixed>>
    }
  | { readonly _tag: 'DictionaryType'; readonly domain: t.Mixed; readonly codomain: t.Mixed }
  | { readonly _tag: 'IntersectionType' | 'UnionType' | 'TupleType'; readonly types: readonly t.Mixed[] }
  | { readonly _tag: 'ArrayType' | 'ReadonlyArrayType' | 'RecursiveType'; readonly type: t.Mixed }
  | { readonly _tag: 'ExactType' | 'ReadonlyType' | 'RefinementType'; readonly type: t.Mixed }
  | { readonly _tag: 'LiteralType'; readonly value: Scalar }
  | { readonly _tag?: never }
