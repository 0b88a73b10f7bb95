// What a bench found: printed, and given as a line of JSON to whoever names a file for it in BENCH_JSON.
import { appendFileSync } from 'node:fs'

/**
 * A row has a name, the text that is printed after it, and figures: a list of values for each unit, one value a round.
 * Rows are to be compared with the first one unless `compared` is false.
 */
export const report = (title, rows, { compared = true } = {}) => {
  const width = Math.max(...rows.map(({ name }) => name.length))
  console.log(`\n${title}`)
  for (const { name, text } of rows) console.log(`${name.padEnd(width)}  ${text}`)
  const file = process.env.BENCH_JSON
  if (file === undefined) return
  const table = { title, compared, rows: rows.map(({ name, figures }) => ({ name, figures })) }
  appendFileSync(file, `${JSON.stringify(table)}\n`)
}
