// A client that costs little: connections that send a request when the last was answered.
import { connect } from 'node:net'
import { payload } from './orders.mjs'

/** Resolves with the seconds that all requests took; rejects if one is answered with another status than 200. */
export const load = (port, connections, count) =>
  new Promise((resolve, reject) => {
    const requests = Array.from({ length: 10 }, (_, index) => {
      const body = payload(index)
      return Buffer.from(
        `POST / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nuser-agent: load/1.0\r\naccept: */*\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
      )
    })
    let sent = 0
    let answered = 0
    const startedAt = performance.now()
    const sockets = new Set()
    const finish = () => {
      for (const socket of sockets) socket.destroy()
      resolve((performance.now() - startedAt) / 1_000)
    }
    const open = () => {
      const socket = connect(port, '127.0.0.1')
      sockets.add(socket)
      socket.setNoDelay(true)
      const next = () => {
        if (sent === count) return
        socket.write(requests[sent % requests.length])
        sent += 1
      }
      socket.on('connect', next)
      socket.on('error', reject)
      // Answers are small: each comes in one piece.
      socket.on('data', (data) => {
        const answer = data.latin1Slice()
        if (!answer.startsWith('HTTP/1.1 200') || !answer.includes('"ack"'))
          return reject(new Error(`answered ${answer}`))
        answered += 1
        if (answered === count) return finish()
        if (!answer.includes('onnection: close')) return next()
        sockets.delete(socket)
        socket.destroy()
        open()
      })
    }
    for (let index = 0; index < connections; index += 1) open()
  })
