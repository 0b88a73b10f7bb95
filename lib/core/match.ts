/** Taking tagged unions apart. */

/** How a tagged union is taken apart: one case for each tag, or some of them and an `otherwise`. */
export type TagCases<T extends { readonly _tag: string }, A> =
  | ({ readonly [Tag in T['_tag']]?: (value: Extract<T, { readonly _tag: Tag }>) => A } & {
      /** Of every tag that has no case of its own. */
      readonly otherwise: (value: T) => A
    })
  // The last of two that are alike in kind is the one of which the compiler tells what is missing.
  | ({ readonly [Tag in T['_tag']]: (value: Extract<T, { readonly _tag: Tag }>) => A } & {
      readonly otherwise?: never
    })

export const matchTag = <T extends { readonly _tag: string }, A>(value: T, cases: TagCases<T, A>): A => {
  const byTag = cases as { readonly [tag: string]: ((value: T) => A) | undefined; otherwise: (value: T) => A }
  return (byTag[value._tag] ?? byTag.otherwise)(value)
}
