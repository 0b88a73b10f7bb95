/** missive-ts/testing: laws for what users write themselves. Needs no test framework. */
export type { StoreLaw } from './testing/store-laws.js'
export { storeLaws } from './testing/store-laws.js'
