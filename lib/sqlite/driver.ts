/** Loading better-sqlite3, which is there only if the user installed it. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Database, Options } from 'better-sqlite3'
import type { Either } from 'fp-ts/lib/Either.js'
import { capture } from '../core/captured.js'
import { left, right } from '../core/result.js'
import { type ResourceError, resourceError } from '../ports/resource.js'

// model

/** What makes a connection; the driver's own, unless a test puts a fault into it. */
export type Connect = (path: string, options: Options) => Database

type NodeVersions = Readonly<{ node: string; napi?: string }>

// loading

/** `resource`: on whose behalf. */
export const loadDriver = async (resource: string): Promise<Either<ResourceError, Connect>> => {
  const refused = (message: string) => left(resourceError(resource, message))
  try {
    const { default: Database } = await import('better-sqlite3')
    const folder = folderOf(Database)
    const flaw = folder === undefined ? undefined : flawOf(folder)
    if (flaw !== undefined) return refused(flaw)
    return right((path, options) => new Database(path, options))
  } catch (error) {
    // The lines that follow say what has required it.
    const why = capture(error).message.split('\n')[0]
    return refused(
      `better-sqlite3 cannot be loaded (${why}); install it: npm install better-sqlite3@${rangeFor(process.versions)}`
    )
  }
}

/** What is wrong with the better-sqlite3 in a folder if it would take the process down. */
export const flawOf = (folder: string, versions: NodeVersions = process.versions): string | undefined => {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly version: string
  }
  const isOnNodeApi = Number.parseInt(version, 10) >= 13
  if (isOnNodeApi && isTooOldFor13(versions))
    return `better-sqlite3 ${version} does not run on Node ${versions.node}; install better-sqlite3@12`
  if (
    !isOnNodeApi &&
    Number.parseInt(versions.node, 10) >= 24 &&
    diesOfGarbage(join(folder, 'build', 'Release', 'better_sqlite3.node'))
  )
    return `better-sqlite3 ${version} aborts when it is built for Node ${versions.node}; install better-sqlite3@13`
  return undefined
}

// helpers

/** Version 13 wants Node-API 10, and takes the process down where it is missing (WiseLibs/better-sqlite3#1514). */
const isTooOldFor13 = ({ napi }: NodeVersions): boolean => Number(napi) < 10

const rangeFor = (versions: NodeVersions): string => (isTooOldFor13(versions) ? '^12.11.1' : '^13.0.0')

/**
 * What was compiled with the headers of Node 24.19 or newer calls this for each object that is no longer used, where
 * Node ends the process for it. What was compiled with older ones, as the binaries that are downloaded were, does not.
 */
const diesOfGarbage = (binary: string): boolean =>
  existsSync(binary) && readFileSync(binary).includes('RemoveEnvironmentCleanupHook')

/** The folder of a loaded package whose main file is one folder down. */
const folderOf = (loaded: unknown): string | undefined => {
  const { cache } = createRequire(process.execPath)
  const file = Object.keys(cache).find((path) => cache[path]?.exports === loaded)
  return file === undefined ? undefined : join(dirname(file), '..')
}
