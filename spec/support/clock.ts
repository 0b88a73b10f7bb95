/** The clock of the specs is the one that users are given. */
export { type VirtualClock, turn, virtualClock } from '../../lib/testing/virtual-clock.js'
