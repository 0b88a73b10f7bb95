/** A thread's own side: what it is asked is answered by a host, so that no disk holds up the event loop. */
import { parentPort, workerData } from 'node:worker_threads'
import { left } from '../core/result.js'
import type { Answered, Asked, Calls, Host } from './calls.js'
import { type Connect, loadDriver } from './driver.js'

/** `options`: what the thread was given. */
export const serve = <Options, C extends Calls<C>>(
  resource: string,
  hostOf: (connect: Connect, options: Options) => Host<C>
): void => {
  const host: Promise<Host<C> | string> = loadDriver(resource).then((driver) =>
    driver._tag === 'Left' ? driver.left.message : hostOf(driver.right, workerData as Options)
  )
  const tell = (answered: Answered): void => parentPort?.postMessage(answered)
  const answer = async ({ number, name, parts }: Asked): Promise<void> => {
    const opened = await host
    if (name === 'close') {
      if (typeof opened !== 'string') await opened.close()
      parentPort?.close()
    } else if (typeof opened === 'string') {
      tell({ number, answer: left({ reason: opened }) })
    } else {
      tell({ number, answer: await opened.call(name as never, parts as never) })
    }
  }
  parentPort?.on('message', (asked: Asked) => void answer(asked))
}
