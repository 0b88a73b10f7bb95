// Tells whoever runs this program how long it took, from the first question to the last acknowledgement.
export const measured = async (count, run) => {
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  await run()
  const seconds = (performance.now() - startedAt) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  console.log(JSON.stringify({ seconds, cpuMicros: (user + system) / count }))
  process.exit(0)
}
