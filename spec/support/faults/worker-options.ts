/** What a worker of a trial is told. */

/** How a source may be broken on purpose, for the judge to find. */
export type Mode = 'sound' | 'acks-early' | 'counts-claims' | 'side-by-side' | 'delivers-twice'

export interface WorkerOptions {
  /** Its number in the ledger, which no other process has. */
  readonly worker: number
  readonly url: string
  readonly stream: string
  readonly group: string
  /** The file with the letters. */
  readonly queue: string
  readonly ledger: string
  /** Message 0 has the id `firstMs-0`, the next one that of the next millisecond. */
  readonly firstMs: number
  readonly leaseMs: number
  readonly concurrency: number
  readonly maxUnsettled: number
  /** How often a message may be started. */
  readonly limit: number
  readonly mode: Mode
}
