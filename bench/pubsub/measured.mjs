// What the clients of the benchmark have in common: they say that they listen, count, and print how it went.
const total = Number(process.argv[3])
let received = 0
let startedAt
let cpuAtStart

export const url = `redis://127.0.0.1:${process.argv[2]}`

/** Prints what is read by whoever started this. */
export const ready = () => {
  cpuAtStart = process.cpuUsage()
  console.log('ready')
}

/** Is called for each message that is done; ends the process with the last one. */
export const count = () => {
  if (received === 0) startedAt = performance.now()
  received += 1
  if (received < total) return
  const seconds = (performance.now() - startedAt) / 1_000
  const { user, system } = process.cpuUsage(cpuAtStart)
  console.log(JSON.stringify({ received, seconds, cpuMicroseconds: user + system }))
  process.exit(0)
}
