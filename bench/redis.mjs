// A private server for the benchmarks, ended with them.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

export const startRedis = async (...options) => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-redis-'))
  const port = await freePort()
  const common = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const program = process.env.REDIS_SERVER ?? 'redis-server'
  const server = spawn(program, [...common, ...options].map(String), { stdio: 'ignore' })
  await new Promise((resolve, reject) => {
    server.on('spawn', resolve)
    server.on('error', () =>
      reject(new Error(`${program} cannot be run; install Redis, or say where it is: REDIS_SERVER`))
    )
  })
  process.on('exit', () => server.kill('SIGKILL'))
  const client = new Redis({ port, maxRetriesPerRequest: null })
  // It may not listen yet; then it is asked again.
  client.on('error', () => undefined)
  await client.ping()
  return {
    port,
    client,
    /** Seconds of CPU that the server has used. */
    cpu: async () => {
      const info = await client.info('cpu')
      const of = (name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1])
      return of('used_cpu_sys') + of('used_cpu_user')
    },
    stop: async () => {
      client.disconnect()
      server.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
