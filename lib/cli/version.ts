/** The version of the package that this is. */
import { existsSync, readFileSync } from 'node:fs'
import { here } from '../here.js'

/** Builds lie deeper than sources, and have manifests of their own, without a name. */
export const version = (): string => {
  for (const path of ['../package.json', '../../package.json']) {
    const manifest = new URL(path, here)
    if (!existsSync(manifest)) continue
    const { name, version } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>
    if (name === 'missive-ts') return String(version)
  }
  return 'unknown'
}
