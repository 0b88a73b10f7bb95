/** Tables for people: columns in line, cut to a terminal's width. */
import { printable } from '../failures/render.js'
import type { Output } from './io.js'
import type { Paint, Style } from './style.js'

// model

export interface Column<A> {
  readonly title: string
  /** Text as it is: it is escaped here. */
  readonly of: (row: A) => string
  readonly isNumber?: boolean
  /** On a terminal it is cut to this many columns. */
  readonly most?: number
  readonly paint?: Paint
}

// rendering

/**
 * Lines, the titles first; columns of which every cell is empty are left out. What is far wider than others of its
 * column is in line with nothing: else each line would be as long.
 */
export const tableOf = <A>(
  columns: readonly Column<A>[],
  rows: readonly A[],
  output: Output,
  { bold }: Style
): readonly string[] => {
  const width = widthOf(output)
  const filled = columns
    .map((column) => {
      const most = output.isTerminal ? (column.most ?? width) : Infinity
      return { ...column, cells: rows.map((row) => cutTo(printable(column.of(row)), most)) }
    })
    .filter(({ cells }) => cells.some((cell) => cell !== ''))
    .map((column) => ({
      ...column,
      size: column.cells.reduce(
        (most, cell) => Math.max(most, Math.min(columnsOf(cell), widest)),
        columnsOf(column.title)
      )
    }))
  const line = (
    cellOf: (column: (typeof filled)[number]) => string,
    paintOf: (column: Column<A>) => Paint
  ) => {
    let left = width
    return filled
      .map((column, position) => {
        const text = cellOf(column)
        const room = ' '.repeat(Math.max(0, column.size - columnsOf(text)))
        const isLast = position === filled.length - 1
        const padded = column.isNumber === true ? `${room}${text}` : `${text}${isLast ? '' : room}`
        const cut = cutTo(`${padded}${isLast ? '' : '  '}`, left)
        left -= columnsOf(cut)
        return paintOf(column)(cut)
      })
      .join('')
  }
  return [
    line(
      ({ title }) => title,
      () => bold
    ),
    ...rows.map((_, index) =>
      line(
        ({ cells }) => cells[index] ?? '',
        ({ paint = asIs }) => paint
      )
    )
  ]
}

/** How wide lines may be. Not cut where nobody looks at them. */
export const widthOf = ({ isTerminal, columns }: Output): number => (isTerminal ? columns || 80 : Infinity)

/** Text of at most so many columns. */
export const cutTo = (text: string, most: number): string => {
  if (text.length <= most && isPlain.test(text)) return text
  if (columnsOf(text) <= most) return text
  let width = 1
  let cut = ''
  for (const character of text) {
    width += columnsOf(character)
    if (width > most) break
    cut += character
  }
  return most < 1 ? '' : `${cut}…`
}

/** How many columns of a terminal a text takes. */
export const columnsOf = (text: string): number => {
  if (isPlain.test(text)) return text.length
  let width = 0
  for (const character of text) width += isNone.test(character) ? 0 : isWide.test(character) ? 2 : 1
  return width
}

// helpers

const widest = 120

const isPlain = /^[\u0020-\u007e]*$/
const isNone = /[\p{Mn}\p{Me}\p{Cf}]/u
const isWide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

const asIs: Paint = (text) => text
