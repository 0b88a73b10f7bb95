/** missive-ts/dlq: dead letters read, explained, replayed and carried about. Needs no driver. */
export type { MemoryDlq } from './dlq/memory.js'
export { memoryDlq } from './dlq/memory.js'
export { failureFromJson } from './failures/from-json.js'
export type {
  Arrivals,
  Claim,
  DeadLetterStore,
  Edit,
  Edited,
  Held,
  LetterFilter,
  LetterGroup,
  LetterName,
  LetterPage,
  LetterQuery,
  OneOrMore,
  Pruned,
  Replayed,
  Retention
} from './ports/letters.js'
export type { LetterEvent } from './core/letter.js'
export { toMessage } from './ports/letter-message.js'
export { eachLetter } from './dlq/each-letter.js'
export type { DryRun } from './dlq/dry-run.js'
export { dryRun, renderDryRun } from './dlq/dry-run.js'
export { letterFromJson, letterToJson } from './dlq/letter-json.js'
export type { LetterSpecOptions } from './dlq/letter-spec.js'
export { letterToSpec } from './dlq/letter-spec.js'
export type { ReplayOptions } from './interpreters/replay.js'
export { replay } from './interpreters/replay.js'

// for a store of your own
export { fingerprintOf, summaryOf } from './dlq/fingerprint.js'
export { keyOf, storableHeaders } from './dlq/identity.js'
