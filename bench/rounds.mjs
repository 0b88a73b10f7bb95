// Runs programs in alternation, each as a process of its own, and prints medians and the ratios to the first.
import { spawn } from 'node:child_process'
import { report } from './report.mjs'

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** Wall time in seconds; stdio is what `spawn` takes. */
export const time = async (command, args, stdio) => {
  const startedAt = performance.now()
  const child = spawn(command, args, { stdio: await stdio() })
  const code = await new Promise((resolve) => child.on('exit', resolve))
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
  return (performance.now() - startedAt) / 1_000
}

export const rounds = async (title, programs, count) => {
  const times = Object.fromEntries(Object.keys(programs).map((name) => [name, []]))
  for (let round = 0; round < count; round += 1) {
    const order = Object.entries(programs)
    for (const [name, run] of round % 2 === 0 ? order : order.toReversed()) times[name].push(await run())
  }
  const [first] = Object.values(times)
  const rows = Object.entries(times).map(([name, values]) => {
    const ratio = median(values.map((value, round) => value / first[round]))
    const [fastest, slowest] = [Math.min(...values), Math.max(...values)]
    const text = `median ${median(values).toFixed(3)}  (${fastest.toFixed(3)} to ${slowest.toFixed(3)})  ratio ${ratio.toFixed(3)}  ratio of fastest ${(fastest / Math.min(...first)).toFixed(3)}`
    return { name, text, figures: { seconds: values } }
  })
  report(title, rows)
}
