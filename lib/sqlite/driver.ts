/** Loading better-sqlite3, which is there only if the user installed it. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Database, Options } from 'better-sqlite3'
import type { Either } from 'fp-ts/lib/Either.js'
import { capture } from '../core/captured.js'
import { type ResourceError, resourceError } from '../core/resource.js'
import { left, right } from '../core/result.js'

// model

/** What makes a connection; the driver's own, unless a test puts a fault into it. */
export type Connect = (path: string, options: Options) => Database

// loading

/** `resource`: on whose behalf. */
export const loadDriver = async (resource: string): Promise<Either<ResourceError, Connect>> => {
  const refused = (message: string) => left(resourceError(resource, message))
  try {
    const { default: Database } = await import('better-sqlite3')
    const version = versionOf(Database)
    // Version 13 wants Node-API 10, and takes the process down where it is missing (WiseLibs/better-sqlite3#1514).
    if (version !== undefined && version >= 13 && Number(process.versions.napi) < 10) {
      return refused(
        `better-sqlite3 ${version} does not run on Node ${process.versions.node}; install better-sqlite3@12`
      )
    }
    return right((path, options) => new Database(path, options))
  } catch (error) {
    // The lines that follow say what has required it.
    const why = capture(error).message.split('\n')[0]
    return refused(
      `better-sqlite3 cannot be loaded (${why}); install it: npm install better-sqlite3@^12.11.1`
    )
  }
}

// helpers

/** The major version of a loaded package, read beside the file that it was loaded from. */
const versionOf = (loaded: unknown): number | undefined => {
  const { cache } = createRequire(process.execPath)
  const file = Object.keys(cache).find((path) => cache[path]?.exports === loaded)
  if (file === undefined) return undefined
  const { version } = JSON.parse(readFileSync(join(dirname(file), '..', 'package.json'), 'utf8')) as {
    version: string
  }
  return Number.parseInt(version, 10)
}
