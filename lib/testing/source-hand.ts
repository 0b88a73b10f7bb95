/** Sources in the hand: opened, and asked by the law itself. */
import { ack, released } from '../core/outcome.js'
import type { Action, Delivery } from '../ports/source.js'
import { sleep } from '../ports/waiting.js'
import { broken, expect } from './comparing.js'
import { machineClock as clock, turn } from './machine-clock.js'
import { type Setting, pollMs, reasons } from './source-setting.js'
import { type Hand, type Trial, textOf } from './source-trial.js'

// constructors

export const handOf =
  ({ broker, promises, watch, deadlineMs, endings, watchedOf, soon, send }: Setting): Trial['open'] =>
  async (how = {}) => {
    const { sent = [], doesRenew = true, maxUnsettled = 1_024 } = how
    if (promises.live !== true && sent.length > 0) await send(sent)
    const opened = await soon(
      'the source to be opened',
      watchedOf(how.open ?? broker.open)({ maxUnsettled, emit: () => undefined }).open()
    )
    if (opened._tag === 'Left') return broken(`the source cannot be opened: ${opened.left.message}`)
    const { value: source, close } = opened.right
    const held = new Set<Delivery>()
    const started = new WeakSet<Delivery>()
    const givenAt = new WeakMap<Delivery, number>()
    const closing = new AbortController()
    const { leaseMs } = source.traits
    const renewing = async (): Promise<void> => {
      while (!closing.signal.aborted) {
        await sleep(clock, (leaseMs ?? 3_000) / 3, closing.signal)
        if (!closing.signal.aborted && held.size > 0) await source.renew?.([...held])()
      }
    }
    if (doesRenew) void renewing()
    const closed = async (): Promise<void> => {
      closing.abort()
      const answer = await soon('the source to be closed', close())
      if (answer._tag === 'Left') broken(`the source cannot be closed: ${answer.left.message}`)
    }
    endings.push(closed)
    if (promises.live === true && sent.length > 0) await send(sent)

    const sound = <A>(answer: A): A =>
      watch.problems.length > 0 ? broken(watch.problems[0] as string) : answer

    const takeUntil = async (max: number, ms: number): Promise<readonly Delivery[]> => {
      const taken: Delivery[] = []
      const timeout = new AbortController()
      const cancel = clock.after(ms, () => timeout.abort())
      while (taken.length < max && !timeout.signal.aborted) {
        const pulled = await source.pull(max - taken.length, timeout.signal)()
        if (pulled._tag === 'Left') {
          if (pulled.left._tag === 'Fatal') break
          await sleep(clock, pollMs, timeout.signal)
        } else if (pulled.right._tag === 'End') break
        else {
          const { items } = pulled.right
          for (const delivery of items) {
            givenAt.set(delivery, clock.monotonic())
            held.add(delivery)
          }
          taken.push(...items)
          // Else timers would never have their turn beside a source that says so again and again.
          if (items.length === 0) await turn()
        }
      }
      cancel()
      return taken
    }

    const start: Hand['start'] = async (delivery) => {
      started.add(delivery)
      const task = source.start?.(delivery)
      return task === undefined ? 'ok' : sound(await task())
    }

    const settleEach: Hand['settleEach'] = async (batch) => {
      for (const [delivery, action] of batch) {
        if (isOfStarted(action) && !started.has(delivery)) await start(delivery)
        held.delete(delivery)
      }
      if (source.settle === undefined) return batch.map(() => 'ok' as const)
      const settled = batch.map(([delivery, action]) => ({ delivery, action, outcome: outcomeFor(action) }))
      return sound(await source.settle(settled)())
    }

    return {
      source,
      take: async (count) => {
        const taken = sound(await takeUntil(count, deadlineMs))
        expect(
          `${count} deliveries within ${deadlineMs} ms${reasons(watch)}`,
          taken.length === count,
          taken.map(({ message }) => textOf(message))
        )
        return taken
      },
      takeFor: (ms, max = 1) => takeUntil(max, ms),
      givenAt: (delivery) => givenAt.get(delivery) ?? NaN,
      start,
      settle: (deliveries, action) => settleEach(deliveries.map((delivery) => [delivery, action])),
      settleEach,
      close: closed
    }
  }

// helpers

const isOfStarted = (action: Action): boolean => action._tag !== 'Release' || action.started

const outcomeFor = (action: Action) =>
  action._tag === 'Done'
    ? ack
    : action._tag === 'Release'
      ? released('shutdown')
      : { _tag: 'Nacked' as const, afterMs: action.afterMs }
