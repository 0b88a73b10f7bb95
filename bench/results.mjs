// What the benches found, side by side with what was aimed at: as Markdown, and as the groups of a chart.
// `found` is `{ [bench]: tables }`, and a table is what `report` gives.
import { median } from './rounds.mjs'

const ours = 'missive-ts'

/** The ratios, round by round, of one row's figure to another's; undefined if one of them was not measured. */
const ratios = (found, { bench, table = 0, figure }, over, under) => {
  const rows = found[bench]?.[table]?.rows ?? []
  const valuesOf = (row) => rows.find(({ name }, index) => name === row || index === row)?.figures[figure]
  const [above, below] = [valuesOf(over), valuesOf(under)]
  return above === undefined || below === undefined
    ? undefined
    : above.map((value, round) => value / below[round])
}

// where the figures are

const file = { bench: 'stdin', table: 0, figure: 'seconds' }
const pipe = { bench: 'stdin', table: 1, figure: 'seconds' }
const routing = { bench: 'routing', figure: 'seconds' }
const memory = { bench: 'memory', figure: 'MiB' }
const streams = { bench: 'streams', figure: 'messages/s' }
const pubsub = { bench: 'pubsub', figure: 'messages/s' }
const http = { bench: 'http', figure: 'server CPU, µs a request' }
const letters = { bench: 'letters/put', figure: 'seconds' }

const loop = 'hand-written, chunks'
const readline = 'hand-written, readline'
const bullmq = 'BullMQ, concurrency 100'
const sameTables = 'by hand, same indexes'

const atMost = (limit) => ({ sign: '≤', limit, isMet: (reached) => reached <= limit })
const atLeast = (limit) => ({ sign: '≥', limit, isMet: (reached) => reached >= limit })
const moreThan = (limit) => ({ sign: '>', limit, isMet: (reached) => reached > limit })

// Where less is better and a target says how many times as fast, the ratio is theirs to ours.
const targets = [
  ['Lines from a file: time of the hand-written loop', atMost(1.2), file, ours, loop],
  ['Lines from a pipe: time of the hand-written loop', atMost(1.2), pipe, ours, loop],
  ['Routing: 10,000 routes, time of 10', atMost(1.1), routing, '10,000 routes', '10 routes'],
  ['Streams: rate of hand-tuned ioredis', atLeast(0.85), streams, ours, 0],
  ['Streams: rate of BullMQ', atLeast(10), streams, ours, bullmq],
  ['Pub/Sub: rate of a bare listener', atLeast(0.9), pubsub, ours, 0],
  ['HTTP: by server CPU, rate of bare `node:http`', atLeast(0.92), http, 'node:http', ours],
  ['HTTP: by server CPU, rate of Fastify', moreThan(1), http, 'Fastify', ours],
  ['HTTP: by server CPU, rate of Hono', moreThan(1), http, 'Hono', ours],
  ['Dead letters: rate of better-sqlite3, same tables', atLeast(0.7), letters, sameTables, ours],
  ['Dead letters: rate of better-sqlite3, one bare table', atLeast(0.7), letters, 0, ours],
  ['Memory: peak over ten times the lines', atMost(1.1), memory, 1, 0]
]

// Each as a speed: more is better, and 1 is the baseline.
const groups = [
  ['Lines from a file, against a loop over process.stdin', file, loop, [readline, ours]],
  ['Lines from a pipe, against the same loop', pipe, loop, [readline, ours]],
  ['Redis Streams, against hand-tuned ioredis', streams, 'hand-tuned ioredis', [bullmq, ours]],
  ['Redis Pub/Sub, against a bare ioredis listener', pubsub, 'ioredis, listener', [ours]],
  ['HTTP by server CPU, against bare node:http', http, 'node:http', ['Fastify', 'Hono', ours]],
  ['Dead letters, against better-sqlite3, same tables', letters, sameTables, [ours]]
]

/** What `chart` draws. */
export const chartGroups = (found) =>
  groups
    .map(([name, where, base, rows]) => ({
      name,
      bars: rows.flatMap((row) => {
        const more = where.figure.endsWith('/s')
        const speeds = more ? ratios(found, where, row, base) : ratios(found, where, base, row)
        return speeds === undefined ? [] : [{ name: row, ratio: median(speeds), ours: row === ours }]
      })
    }))
    .filter(({ bars }) => bars.length > 0)

// numbers

const number = (value) =>
  Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))

const ratioText = (value) => value.toPrecision(3)

/** A median with its range, where there was more than one round. */
const spread = (values, write) => {
  const [fewest, most] = [Math.min(...values), Math.max(...values)]
  return values.length === 1
    ? write(values[0])
    : `${write(median(values))} (${write(fewest)} to ${write(most)})`
}

// tables

const markdownTable = ([head, ...rows]) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const targetTable = (found) =>
  markdownTable([
    ['missive-ts, as a multiple of', 'target', 'reached', ''],
    ...targets.map(([name, target, where, over, under]) => {
      const reached = ratios(found, where, over, under)
      const shown =
        reached === undefined
          ? ['', 'not measured']
          : [spread(reached, ratioText), target.isMet(median(reached)) ? 'met' : '**missed**']
      return [name, `${target.sign} ${target.limit}`, ...shown]
    })
  ])

const figureTable = ({ compared, rows }) => {
  const figures = [...new Set(rows.flatMap((row) => Object.keys(row.figures)))]
  const cells = (row) =>
    figures.flatMap((figure) => {
      const values = row.figures[figure]
      if (values === undefined) return compared ? ['', ''] : ['']
      const shown = spread(values, number)
      if (!compared) return [shown]
      if (row === rows[0]) return [shown, '1']
      return [
        shown,
        spread(
          values.map((value, round) => value / rows[0].figures[figure][round]),
          ratioText
        )
      ]
    })
  return markdownTable([
    ['', ...figures.flatMap((figure) => (compared ? [figure, 'ratio'] : [figure]))],
    ...rows.map((row) => [row.name, ...cells(row)])
  ])
}

/** The whole page. `benches` are `{ name, about, failed }`; `machine` is a list of what was measured on. */
export const page = ({ found, benches, machine }) => `# Results of the benchmarks

Written by \`npm run bench\`. What is compared ran in alternation, within one run: a ratio is the median of the ratios round by round, with their range. Machines are noisy; look at ratios, and at how far they range.

${machine.map((each) => `- ${each}`).join('\n')}

![Speeds against hand-written baselines; the same figures are in the tables below](results.svg)

## Targets

${targetTable(found)}

Dead letters have as many rows a commit on both sides; a bare table has none of the columns and indexes that letters are found by. Memory that does not grow with the input is taken to be a peak within a tenth.

## Figures

Medians, with the range in parentheses. The ratio is to the first row; of seconds, CPU and memory less is better.

${benches
  .map(({ name, about, failed }) =>
    [
      `### ${about}`,
      ...(found[name] ?? []).map((table) => `${table.title}:\n\n${figureTable(table)}`),
      ...(failed ? ['Not measured: it ended with an error.'] : [])
    ].join('\n\n')
  )
  .join('\n\n')}
`
