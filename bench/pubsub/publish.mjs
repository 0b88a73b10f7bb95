// Publishes JSON of about 120 bytes and ten types, as fast as the server takes it. Usage: node publish.mjs PORT MESSAGES
import { connect } from 'node:net'

const [port, messages] = process.argv.slice(2).map(Number)
const socket = connect(port, '127.0.0.1')
socket.resume()
const batch = 1_000
for (let index = 0; index < messages;) {
  const parts = []
  for (const end = Math.min(index + batch, messages); index < end; index += 1) {
    const order = JSON.stringify({
      type: `order.${index % 10}`,
      id: index,
      customer: `c${index % 1000}`,
      total: (index % 997) / 4,
      note: 'x'.repeat(48)
    })
    parts.push(`*3\r\n$7\r\nPUBLISH\r\n$6\r\norders\r\n$${order.length}\r\n${order}\r\n`)
  }
  if (!socket.write(parts.join(''))) await new Promise((resolve) => socket.once('drain', resolve))
}
socket.end()
