/** Ids of entries, which are a time and a number: `1700000000000-0`. */

export const isAfter = (id: string, other: string): boolean => {
  const [ms, seq] = partsOf(id)
  const [otherMs, otherSeq] = partsOf(other)
  return ms > otherMs || (ms === otherMs && seq > otherSeq)
}

/** The greatest id before this one. */
export const idBefore = (id: string): string => {
  const [ms, seq] = partsOf(id)
  if (seq > 0n) return `${ms}-${seq - 1n}`
  return ms > 0n ? `${ms - 1n}-${maxSeq}` : '0-0'
}

export const oldestOf = (ids: readonly string[]): string | undefined => {
  let oldest: string | undefined
  for (const id of ids) if (oldest === undefined || isAfter(oldest, id)) oldest = id
  return oldest
}

export const isId = (text: string): boolean => /^\d{1,20}(?:-\d{1,20})?$/.test(text)

// helpers

const maxSeq = 2n ** 64n - 1n

const partsOf = (id: string): readonly [bigint, bigint] => {
  const [ms = '0', seq = '0'] = id.split('-')
  return [BigInt(ms), BigInt(seq)]
}
