/** Workers as processes: started, killed, stopped, and told of in the ledger. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Event } from 'missive-ts'
import { within } from '../deadline.js'
import { repository, wordsOf } from '../program.js'
import { tellOf } from './ledger.js'
import type { WorkerOptions } from './worker-options.js'

// model

export interface Worker {
  readonly number: number
  readonly process: ChildProcess
  readonly events: readonly Event[]
  /** Resolves with the first such event, also if it has been. */
  readonly told: <T extends Event['_tag']>(
    tag: T,
    deadlineMs?: number
  ) => Promise<Event & { readonly _tag: T }>
  readonly ended: Promise<Ended>
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly errors: string
}

export interface Fleet {
  /** Starts a worker, which begins by itself. */
  readonly start: (changed?: Partial<WorkerOptions>) => Worker
  readonly living: () => readonly Worker[]
  readonly all: () => readonly Worker[]
  /** SIGKILL, and waits. */
  readonly kill: (worker: Worker) => Promise<void>
  /**
   * SIGTERM, and waits; fails if it does not end with 0. Where outages outlast leases it may end with 1, if all it has
   * to say is that something was left undone: it never heard what became of it.
   */
  readonly stop: (worker: Worker) => Promise<void>
  /** Starts another in the place of each that dies by itself, until all are stopped. */
  readonly keepUp: () => void
  readonly stopAll: () => Promise<void>
  /** Ends whatever is left. */
  readonly killAll: () => Promise<void>
}

// constructors

export const fleetOf = (options: Omit<WorkerOptions, 'worker'>, mayLeave = false): Fleet => {
  const all: Worker[] = []
  const living = new Set<Worker>()
  const stopping = new Set<Worker>()
  let isKeptUp = false

  const start: Fleet['start'] = (changed = {}) => {
    const number = all.length + 1
    const parts = JSON.stringify({ ...options, ...changed, worker: number } satisfies WorkerOptions)
    const child = spawn(process.execPath, [...wordsOf('spec/support/faults/worker.ts'), parts], {
      cwd: repository,
      stdio: ['pipe', 'pipe', 'pipe']
    })
    const events: Event[] = []
    let errors = ''
    let changedNow = (): void => undefined
    child.stdin.on('error', () => undefined)
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4_000)))
    createInterface(child.stdout).on('line', (line) => {
      events.push(eventOf(line))
      changedNow()
    })
    const ended = new Promise<Ended>((resolve) => {
      child.on('exit', (code, signal) => {
        living.delete(worker)
        if (signal !== null) tellOf(options.ledger, number, 'killed')
        else tellOf(options.ledger, number, 'stopped')
        if (isKeptUp && !stopping.has(worker)) start(changed)
      })
      child.on('close', (code, signal) => {
        resolve({ code, signal, errors })
        changedNow()
      })
    })
    const worker: Worker = {
      number,
      process: child,
      events,
      ended,
      told: (tag, deadlineMs) =>
        within(
          `${tag} of worker ${number}`,
          new Promise((resolve, reject) => {
            const before = changedNow
            const look = (): void => {
              const found = events.find(({ _tag }) => _tag === tag)
              if (found !== undefined) resolve(found as never)
              else if (!living.has(worker))
                reject(new Error(`worker ${number} ended before ${tag}:\n${errors}`))
            }
            changedNow = () => {
              before()
              look()
            }
            look()
          }),
          deadlineMs
        )
    }
    all.push(worker)
    living.add(worker)
    return worker
  }

  const stop = async (worker: Worker): Promise<void> => {
    stopping.add(worker)
    worker.process.kill('SIGTERM')
    const { code, signal, errors } = await within(`worker ${worker.number} stops`, worker.ended, 40_000)
    const isForgiven = code === 1 && mayLeave && /^left undone: /m.test(errors)
    if (code !== 0 && !isForgiven)
      throw new Error(`worker ${worker.number} ended with ${code ?? signal}:\n${errors}`)
  }

  return {
    start,
    stop,
    living: () => [...living],
    all: () => all,
    kill: async (worker) => {
      stopping.add(worker)
      // First: from here on it may not do anything more.
      tellOf(options.ledger, worker.number, 'killed')
      worker.process.kill('SIGKILL')
      await worker.ended
    },
    keepUp: () => (isKeptUp = true),
    stopAll: async () => {
      isKeptUp = false
      await Promise.all([...living].map(stop))
    },
    killAll: async () => {
      isKeptUp = false
      for (const { process } of living) process.kill('SIGKILL')
      await Promise.all(all.map(({ ended }) => ended))
    }
  }
}

// helpers

const eventOf = (line: string): Event => JSON.parse(line) as Event
