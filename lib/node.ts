/** missive-ts/node: running processors on Node. */
export type { ConsumeOptions } from './interpreters/consume.js'
export { consume } from './interpreters/consume.js'
export { memory } from './interpreters/memory.js'
export type { LinesOptions, StdinOptions } from './interpreters/stdin.js'
export { lines, stdin } from './interpreters/stdin.js'
export type { LineOptions } from './interpreters/lines.js'
export { runMain } from './interpreters/run-main.js'
export { systemClock } from './system.js'
