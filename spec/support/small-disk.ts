/** A disk that is full soon. */
import { spawnSync } from 'node:child_process'
import { inFolder } from './letters.js'

/** A file system in memory that has so much room. */
export const onSmallDisk = (kilobytes: number, use: (folder: string) => Promise<void>): Promise<void> =>
  inFolder(async (folder) => {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'none', folder])
    if (mounted.status !== 0) {
      throw new Error(
        `this spec mounts a small tmpfs, and is to be run where that is allowed (root, CAP_SYS_ADMIN): ${String(mounted.stderr ?? mounted.error)}`
      )
    }
    try {
      await use(folder)
    } finally {
      spawnSync('umount', ['-l', folder])
    }
  })
