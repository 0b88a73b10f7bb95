// Tells whoever runs this program how long it took, from when it is connected to the last acknowledgement.
export const measured = async (count, run) => {
  let cpu = process.cpuUsage()
  let startedAt = performance.now()
  await run(() => {
    cpu = process.cpuUsage()
    startedAt = performance.now()
  })
  const seconds = (performance.now() - startedAt) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  console.log(JSON.stringify({ seconds, cpuMicros: (user + system) / count }))
  process.exit(0)
}
