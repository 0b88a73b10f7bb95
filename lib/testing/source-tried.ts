/** Tries a law on a broker of its own. */
import { sleep } from '../ports/waiting.js'
import { broken } from './comparing.js'
import { ending } from './deadline.js'
import { machineClock as clock } from './machine-clock.js'
import type { SourceBench } from './source-bench.js'
import { handOf } from './source-hand.js'
import { runOf } from './source-run.js'
import { settingOf } from './source-setting.js'
import type { Gate, Law, Trial } from './source-trial.js'
import { emptyWatch } from './source-watch.js'

// model

interface TrialOptions {
  readonly size: 'short' | 'full'
  readonly deadlineMs: number
  readonly recoverMs: number
}

// constructors

/** Runs a law on a broker of its own; closes whatever it opened, and leaves nothing that waits. */
export const tried = async (
  { fresh, promises }: SourceBench,
  { check }: Law,
  { size, deadlineMs, recoverMs }: TrialOptions
): Promise<void> => {
  const broker = await fresh()
  const watch = emptyWatch()
  const over = ending()
  const setting = settingOf({ broker, promises, watch }, deadlineMs, over.signal)
  const gates: Gate[] = []

  const trial: Trial = {
    ...setting,
    count: (short, full) => (size === 'short' ? short : full),
    quietMs: size === 'short' ? 150 : 2_000,
    recoverMs,
    run: runOf(setting),
    open: handOf(setting),
    quiet: (ms = trial.quietMs) => sleep(clock, ms, over.signal),
    quietPastLease: () =>
      trial.quiet(trial.quietMs + (promises.leases === true ? (watch.leaseMs ?? 0) * 1.5 : 0)),
    gate: () => {
      let openGate = (): void => undefined
      const opened = new Promise<void>((resolve) => (openGate = resolve))
      const gate = { wait: () => opened, open: () => openGate() }
      gates.push(gate)
      return gate
    }
  }

  const failures: unknown[] = []
  const attempt = (work: () => Promise<void>): Promise<void> =>
    work().catch((thrown: unknown) => void failures.push(thrown))
  await attempt(() => check(trial))
  for (const gate of gates) gate.open()
  for (const ending of setting.endings.toReversed()) await attempt(ending)
  await attempt(async () => setting.soon('the broker to be closed', broker.close()))
  over.abort()
  watch.over.abort()
  if (watch.silent !== undefined) broken(watch.silent)
  if (failures.length === 0 && watch.problems.length > 0) broken(watch.problems[0] as string)
  if (failures.length > 0) throw failures[0]
}
