/** missive-ts/dlq: dead letter queues that need no driver. */
export type { MemoryDlq } from './dlq/memory.js'
export { memoryDlq } from './dlq/memory.js'
export { failureFromJson } from './core/failure-json.js'
