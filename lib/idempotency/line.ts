/** A line of what waits for its turn, which may be left from anywhere. No step takes longer the longer it is. */

// model

export interface Place<A> {
  readonly value: A
  before: Place<A> | undefined
  after: Place<A> | undefined
}

export interface Line<A> {
  readonly first: () => A | undefined
  /** At the end. */
  readonly join: (value: A) => Place<A>
  /** Once for each place. */
  readonly leave: (place: Place<A>) => void
}

// constructors

export const line = <A>(): Line<A> => {
  let first: Place<A> | undefined
  let last: Place<A> | undefined
  return {
    first: () => first?.value,
    join: (value) => {
      const place: Place<A> = { value, before: last, after: undefined }
      if (last === undefined) first = place
      else last.after = place
      last = place
      return place
    },
    leave: ({ before, after }) => {
      if (before === undefined) first = after
      else before.after = after
      if (after === undefined) last = before
      else after.before = before
    }
  }
}
