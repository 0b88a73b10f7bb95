/** The thread in which a queue's file is read and written, so that no disk holds up the event loop. */
import { parentPort, workerData } from 'node:worker_threads'
import type { EngineCall } from './engine.js'
import { loadDriver } from './sqlite-driver.js'
import { type Host, type HostOptions, hostOf } from './sqlite-host.js'
import { left } from '../core/result.js'

/** `close` ends the thread; everything else is answered under its number. */
export interface Asked {
  readonly number: number
  readonly name: EngineCall | 'close'
  readonly parts: readonly unknown[]
}

const loaded = loadDriver()
const host: Promise<Host | string> = loaded.then((driver) =>
  driver._tag === 'Left' ? driver.left.message : hostOf(driver.right, workerData as HostOptions)
)

const answer = async ({ number, name, parts }: Asked): Promise<void> => {
  const opened = await host
  if (name === 'close') {
    if (typeof opened !== 'string') await opened.close()
    parentPort?.close()
  } else if (typeof opened === 'string') {
    parentPort?.postMessage({ number, answer: left({ reason: opened }) })
  } else {
    parentPort?.postMessage({ number, answer: await opened.call(name, parts as never) })
  }
}

parentPort?.on('message', (asked: Asked) => void answer(asked))
