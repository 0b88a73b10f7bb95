/** The clock of the specs is the one that users are given. */
export { turn } from '../../lib/testing/machine-clock.js'
export { type VirtualClock, virtualClock } from '../../lib/testing/virtual-clock.js'
