/** Portions: what is done at a time, so that nobody has to hold more of it. */

/** The first of them: at most so many, and no heavier together, but at least one. */
export const portion = <A extends { readonly weight: number }>(
  items: readonly A[],
  most: number,
  mostBytes: number
): readonly A[] => {
  let bytes = 0
  const end = items.findIndex(({ weight }, index) => {
    bytes += weight
    return index === most || (index > 0 && bytes > mostBytes)
  })
  return end < 0 ? items : items.slice(0, end)
}
