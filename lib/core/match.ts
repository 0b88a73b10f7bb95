/** Taking tagged unions apart. */

/** One case for each tag, or some of them and an `otherwise`. */
export type Cases<T extends { readonly _tag: string }, A> =
  | { readonly [Tag in T['_tag']]: (value: Extract<T, { readonly _tag: Tag }>) => A }
  | ({ readonly [Tag in T['_tag']]?: (value: Extract<T, { readonly _tag: Tag }>) => A } & {
      readonly otherwise: (value: T) => A
    })

export const matchTag = <T extends { readonly _tag: string }, A>(value: T, cases: Cases<T, A>): A => {
  const byTag = cases as { readonly [tag: string]: ((value: T) => A) | undefined; otherwise: (value: T) => A }
  return (byTag[value._tag] ?? byTag.otherwise)(value)
}
