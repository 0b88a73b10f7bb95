/** Colour, on a terminal alone. */
import type { Io, Output } from './io.js'

export type Paint = (text: string) => string

export interface Style {
  readonly bold: Paint
  readonly dim: Paint
  readonly red: Paint
  readonly green: Paint
  readonly yellow: Paint
}

/** `isWanted`: what `--no-color` says. NO_COLOR and a dumb terminal say no, too. */
export const styleOf = (output: Output, { env }: Pick<Io, 'env'>, isWanted = true): Style => {
  const isColoured = isWanted && output.isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
  const painted =
    (from: number, to: number): Paint =>
    (text) =>
      isColoured && text !== '' ? `\u001b[${from}m${text}\u001b[${to}m` : text
  return {
    bold: painted(1, 22),
    dim: painted(2, 22),
    red: painted(31, 39),
    green: painted(32, 39),
    yellow: painted(33, 39)
  }
}
