/** A source of one's own: a folder as a queue of files, which several processes on one machine may share. */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, readdir, rename, stat, unlink, utimes } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { left, right } from 'fp-ts/lib/Either.js'
import type { Action, Delivery, OpenSource, Origin, Settlement, Source } from 'missive-ts'
import { Interruptible, Resource, fromOrigin } from 'missive-ts'

/** The files of a folder in the order of their names, but for those whose name begins with a dot. */
export const folder =
  (path: string, { leaseMs = 30_000, pollMs = 50 } = {}): OpenSource =>
  () =>
    Resource.make(
      'folder',
      () => mkdir(path, { recursive: true }).then(() => right(sourceOf(resolve(path), leaseMs, pollMs))),
      async () => undefined
    )

const sourceOf = (path: string, leaseMs: number, pollMs: number): Source => ({
  traits: { redelivers: true, delay: 'native', exclusive: false, leaseMs },
  pull: (max, signal) => async () => {
    const items: File[] = []
    try {
      while (items.length === 0 && !signal.aborted) {
        const names = (await readdir(path)).toSorted()
        const until = Date.now() + leaseMs / 3 // nobody renews what is not handed out yet
        for (const name of names)
          if (items.length < max && !signal.aborted && Date.now() < until)
            items.push(...(await taken(path, name, leaseMs)))
        if (items.length === 0) await sleep(pollMs, undefined, { signal }).catch(() => undefined)
      }
    } catch (cause) {
      if (items.length === 0) return left({ _tag: 'Transient', cause })
    }
    return right({ _tag: 'Batch', items })
  },
  start: (delivery) => () => (delivery as File).hold(delivery.message.deliveryCount),
  settle: (batch) => () =>
    Promise.all(batch.map(({ delivery, action }) => (delivery as File).settle(action))),
  renew: (held) => () =>
    Promise.all(held.map((delivery) => (delivery as File).leaveUntil(Date.now() + leaseMs)))
})

/**
 * NAME becomes NAME~STARTS~TAG, its own tag, while it waits, and NAME~STARTS~TAG~HOLDER while it is held; who can rename
 * it has it. It may be taken when its time of change is past: that is the end of its lease, or of its delay.
 */
const taken = async (folder: string, name: string, leaseMs: number): Promise<readonly File[]> => {
  const [, id = name, starts = 0, tag = randomUUID()] =
    /^(.+?)~(\d+)~([\da-f-]{36})(?:~[\da-f-]{36})?$/.exec(name) ?? []
  const found = await stat(join(folder, name)).catch(() => undefined)
  if (name.startsWith('.') || found?.isFile() !== true || Math.floor(found.mtimeMs) > Date.now()) return []
  const file = new File(folder, id, Number(starts) + 1, tag, join(folder, name))
  if ((await file.leaveUntil(Date.now() + leaseMs)) !== 'ok' || (await file.hold(starts)) !== 'ok') return []
  file.bytes = await readFile(file.path)
  return [file]
}

class File extends Interruptible implements Delivery, Origin {
  readonly message = fromOrigin(this)
  readonly headers = {}
  readonly redelivers = true
  readonly receivedAt = Date.now()
  readonly raw = undefined
  bytes = new Uint8Array()
  private readonly holder = randomUUID()
  private last = Promise.resolve<Settlement>('ok')
  constructor(
    readonly source: string,
    readonly id: string,
    readonly deliveryCount: number,
    private readonly tag: string,
    public path: string
  ) {
    super()
  }
  leaveUntil = (ms: number) => this.change(() => this.touch(ms))
  hold = (starts: number | string) => this.change(() => this.rename(`${starts}~${this.tag}~${this.holder}`))
  settle = (action: Action) =>
    this.change(async () => {
      if (action._tag === 'Done') return unlink(this.path)
      const isRetry = action._tag === 'Retry'
      await this.rename(`${isRetry ? this.deliveryCount : this.deliveryCount - 1}~${this.tag}`)
      await this.touch(isRetry ? Date.now() + action.afterMs : 0)
      this.path = '' // what is not ours any more is not renewed
    })
  private touch = (ms: number) => utimes(this.path, new Date(ms), new Date(ms))
  private async rename(state: string): Promise<void> {
    const path = join(this.source, `${this.id}~${state}`)
    await rename(this.path, path)
    this.path = path
  }
  /** One change after the other. A file that is not there by its name is somebody else's by now. */
  private change(work: () => Promise<void>): Promise<Settlement> {
    const answerTo = ({ code }: NodeJS.ErrnoException) => (code === 'ENOENT' ? 'lost' : 'unknown')
    return (this.last = this.last.then(work).then(() => 'ok' as const, answerTo))
  }
}
