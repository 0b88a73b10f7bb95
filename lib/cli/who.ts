/** Who is at work, for the letters' history. */
import { hostname, userInfo } from 'node:os'

/** A user that the system does not know by name, as in many containers, is said by number. */
export const whoami = (): string => `${userName()}@${hostname()}`

const userName = (): string => {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
