/** How long a file is waited for that other processes hold locked. */

/** @throws RangeError if it makes no sense */
export const refusePatience = (name: string, { patienceMs = 0 }: { readonly patienceMs?: number }): void => {
  if (!(patienceMs >= 0))
    throw new RangeError(`${name}: patienceMs is ${patienceMs}; give a number of at least 0`)
}
