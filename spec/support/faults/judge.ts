/** The judge: reads the ledger, the queue and the group, and says what was not as it must be. */
import { type LedgerRecord, readLedger } from './ledger.js'
import type { Plan } from './plan.js'

// model

/** Why a message was started again. */
export const reasons = ['killed', 'parked', 'released', 'lost', 'unanswered'] as const

export type Reason = (typeof reasons)[number]

export interface Evidence {
  readonly plan: Plan
  readonly ledger: string
  /** The failures of the letters in the queue, by the number of their message. */
  readonly letters: ReadonlyMap<number, string>
  /** How many entries the group still holds, parked ones included. */
  readonly pending: number
  /** How many entries workers told of that were trimmed before they were done. */
  readonly trimmed: number
  /** So many were; none by default. */
  readonly mayBeTrimmed?: number
  /** Which messages need not be done, as a fault took them away that takes messages away. */
  readonly mayBeLost?: (seq: number) => boolean
  /** Which messages may be started once more though they were done, as a fault made their group forget it. */
  readonly mayBeRedone?: (seq: number) => boolean
}

export interface Verdict {
  /** What was not as it must be, in words. */
  readonly objections: readonly string[]
  /** What the ledger has of some of the messages that were objected to, a line for each. */
  readonly histories: readonly string[]
  readonly starts: number
  readonly handled: number
  readonly stored: number
  /** Starts that were not the first of their message, by what explains them. */
  readonly repeats: Readonly<Record<Reason, number>>
  /** Starts of messages that were done, where that may be. */
  readonly redone: number
  /** Acknowledgements that were confirmed to a worker after another had started the message. */
  readonly lateAcks: number
  /** Messages that were never done, where that may be. */
  readonly lost: number
}

// constructors

export const judged = ({
  plan,
  ledger,
  letters,
  pending,
  trimmed,
  mayBeTrimmed = 0,
  mayBeLost = () => false,
  mayBeRedone = () => false
}: Evidence): Verdict => {
  const { count } = plan
  const objections = objectionList()
  const repeats: Record<Reason, number> = { killed: 0, parked: 0, released: 0, lost: 0, unanswered: 0 }
  const starts = new Uint16Array(count)
  const flags = new Uint8Array(count)
  /** Who started it last, and has not told what came of it. */
  const holders = new Uint16Array(count)
  const whys = new Uint8Array(count)
  const dueAt = new Map<number, number>()
  const killed = new Set<number>()
  const stopped = new Set<number>()
  /** Starts while another worker had the message, by both: to be explained by what that one says later. */
  const disputes = new Map<string, readonly [seq: number, worker: number]>()
  let [redone, lateAcks] = [0, 0]

  const has = (seq: number, flag: number): boolean => ((flags[seq] ?? 0) & flag) !== 0
  const set = (seq: number, flag: number): void => void (flags[seq] = (flags[seq] ?? 0) | flag)

  const explained = (seq: number, worker: number, reason: Reason): void => {
    if (disputes.delete(`${seq} ${worker}`)) repeats[reason] += 1
    if (holders[seq] !== worker) return
    holders[seq] = 0
    whys[seq] = reasons.indexOf(reason) + 1
  }

  const started = ({ seq, worker, at }: LedgerRecord): void => {
    const due = dueAt.get(seq)
    if (due !== undefined && at < due) objections.add('came back before its delay', seq)
    dueAt.delete(seq)
    const holder = holders[seq] ?? 0
    const why = reasons[(whys[seq] ?? 0) - 1]
    if (starts[seq] === 0) {
      // the first
    } else if (has(seq, isAcked)) {
      if (mayBeRedone(seq)) redone += 1
      else objections.add('started again after its acknowledgement was confirmed', seq)
    } else if (holder === 0) {
      if (why === undefined) objections.add('started again for no reason', seq)
      else repeats[why] += 1
    } else if (killed.has(holder)) repeats.killed += 1
    else if (stopped.has(holder) || holder === worker)
      objections.add('started again though its worker was there and had not given it back', seq)
    else disputes.set(`${seq} ${holder}`, [seq, holder])
    starts[seq] = (starts[seq] ?? 0) + 1
    holders[seq] = worker
    whys[seq] = 0
  }

  const acked = ({ seq, worker }: LedgerRecord): void => {
    if (!has(seq, isHandled) && !has(seq, isStored))
      objections.add('acknowledged before it was handled or stored', seq)
    const holder = holders[seq] ?? 0
    if (holder === worker) holders[seq] = 0
    else if (holder !== 0) lateAcks += 1
    if (disputes.delete(`${seq} ${worker}`)) repeats.unanswered += 1
    set(seq, isAcked)
  }

  readLedger(ledger, (record) => {
    const { what, seq, worker, at } = record
    if (what === 'killed' || what === 'stopped')
      return void (what === 'killed' ? killed : stopped).add(worker)
    if (seq >= count) return objections.add('is no message of this trial', seq)
    if (what === 'started') started(record)
    else if (what === 'handled') set(seq, isHandled)
    else if (what === 'stored') set(seq, isStored)
    else if (what === 'acked') acked(record)
    else {
      if (what === 'parked' && holders[seq] === worker) dueAt.set(seq, at)
      explained(seq, worker, what)
    }
  })

  for (const [seq, worker] of disputes.values()) {
    if (killed.has(worker)) repeats.killed += 1
    else objections.add('started by two workers at the same time', seq)
  }
  let [all, handled, stored, lost] = [0, 0, 0, 0]
  for (let seq = 0; seq < count; seq += 1) {
    all += starts[seq] ?? 0
    if (has(seq, isHandled)) handled += 1
    if (letters.has(seq)) stored += 1
    const [expected, found] = [plan.tagOf(seq), letters.get(seq)]
    const isDone = expected === undefined ? has(seq, isHandled) : found !== undefined
    if (!isDone && mayBeLost(seq)) lost += 1
    else if (!isDone && found === undefined) objections.add('LOST: neither handled nor in the queue', seq)
    if (found !== undefined && found !== expected)
      objections.add(`in the queue as ${found}, which ${expected ?? 'it is not to be'}`, seq)
    if (has(seq, isStored) && found === undefined) objections.add('stored, and not in the queue', seq)
    const holder = holders[seq] ?? 0
    if (holder !== 0 && stopped.has(holder) && !has(seq, isAcked))
      objections.add('left by a worker that stopped in good order', seq)
  }
  if (trimmed !== mayBeTrimmed)
    objections.say(`${trimmed} entries were told of as trimmed, and ${mayBeTrimmed} were`)
  if (pending > 0) objections.say(`${pending} entries are still pending`)
  const histories = historiesOf(ledger, objections.named())
  return {
    objections: objections.all(),
    histories,
    starts: all,
    handled,
    stored,
    repeats,
    redone,
    lateAcks,
    lost
  }
}

// rendering

/** A verdict in two lines, with what was objected to. */
export const renderVerdict = ({
  objections,
  histories,
  starts,
  handled,
  stored,
  repeats,
  ...rest
}: Verdict): string =>
  [
    `${handled} handled, ${stored} in the queue, ${starts} starts, ${rest.redone} redone, ${rest.lateAcks} acknowledged late, ${rest.lost} taken away`,
    `repeated because: ${reasons.map((reason) => `${reason} ${repeats[reason]}`).join(', ')}`,
    ...objections,
    ...histories
  ].join('\n')

// helpers

const isHandled = 1
const isStored = 2
const isAcked = 4
const mostNamed = 10
const mostTold = 3

const historiesOf = (ledger: string, seqs: readonly number[]): readonly string[] => {
  if (seqs.length === 0) return []
  const told = new Map(seqs.map((seq) => [seq, [] as string[]]))
  const workers = new Set<number>()
  let firstAt = 0
  readLedger(ledger, ({ what, seq, worker, at }) => {
    firstAt ||= at
    const time = `${what} by ${worker} at ${Math.round(at - firstAt)} ms`
    if (what === 'killed' || what === 'stopped') {
      if (workers.has(worker)) for (const history of told.values()) history.push(`(${time})`)
    } else if (told.has(seq)) {
      workers.add(worker)
      told.get(seq)?.push(time)
    }
  })
  return Array.from(told).map(([seq, history]) => `${seq}: ${history.join(', ')}`)
}

const objectionList = () => {
  const found = new Map<string, { count: number; readonly named: number[] }>()
  const said: string[] = []
  return {
    add: (what: string, seq: number): void => {
      const objection = found.get(what) ?? { count: 0, named: [] }
      found.set(what, objection)
      objection.count += 1
      if (objection.named.length < mostNamed) objection.named.push(seq)
    },
    /** Some of the messages, of each kind of objection. */
    named: (): readonly number[] => [...found.values()].flatMap(({ named }) => named.slice(0, mostTold)),
    say: (what: string): void => void said.push(what),
    all: (): readonly string[] => [
      ...Array.from(found).map(
        ([what, { count, named }]) =>
          `${what}: ${count} (${named.join(', ')}${count > named.length ? ', …' : ''})`
      ),
      ...said
    ]
  }
}
