/** Where a file lies: what may lose it there, and whether it is still the one that was opened. */
import { existsSync, realpathSync, statSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { FileKind } from './file.js'

/** What speaks against where a file is or will be: `no` as it may lose data, `warning` as it may be gone some day. */
export const placeOf = (
  { shortName, content }: FileKind,
  location: string,
  typeOf: (folder: string) => number = (folder) => (existsSync(folder) ? statfsSync(folder).type : 0)
): { readonly no?: string; readonly warning?: string } => {
  // SQLite follows a link, and keeps the log there.
  const folder = dirname(existsSync(location) ? realpathSync(location) : location)
  const type = typeOf(folder) >>> 0
  const network = networks.get(type)
  if (network !== undefined) {
    return {
      no: `${folder} is on a network file system (${network}), on which SQLite loses data; keep the ${shortName} on a local disk`
    }
  }
  const passing = passings.get(type)
  return passing === undefined
    ? {}
    : {
        warning: `${folder} is on ${passing}: ${content} there are gone with it; keep the ${shortName} on a volume that stays`
      }
}

/**
 * SQLite goes on writing to a file that was removed or replaced, where nobody would find what it wrote. Throws when
 * that has happened to one of these since it was first called.
 */
export const staying = (...paths: readonly string[]): (() => void) => {
  const seen = new Map<string, number>()
  return () => {
    for (const path of paths) {
      const number = statSync(path, { throwIfNoEntry: false })?.ino
      if (number === undefined || number !== (seen.get(path) ?? number))
        throw Object.assign(new Error(`${path} was removed or replaced`), { code: 'SQLITE_READONLY_DBMOVED' })
      seen.set(path, number)
    }
  }
}

// helpers

/** By their numbers in Linux's linux/magic.h. */
const networks: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS']
])

const passings: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs, in memory'],
  [0x858458f6, 'ramfs, in memory'],
  [0x794c7630, 'overlay, the layer of a container']
])
