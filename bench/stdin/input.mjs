// 128-byte JSON lines of ten types on stdout. Usage: node input.mjs LINES
const lines = Number(process.argv[2])
const chunk = []
for (let index = 0; index < lines; index += 1) {
  const order = JSON.stringify({
    type: `order.${index % 10}`,
    id: index,
    customer: `c${index % 1000}`,
    total: (index % 997) / 4,
    note: ''
  })
  chunk.push(order.replace('"note":""', `"note":"${'x'.repeat(127 - order.length)}"`))
  if (chunk.length === 4_096 || index === lines - 1) {
    const text = `${chunk.join('\n')}\n`
    chunk.length = 0
    if (!process.stdout.write(text)) await new Promise((resolve) => process.stdout.once('drain', resolve))
  }
}
