/** The processor of `--through`: what a module of the user exports. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Defect, defect } from '../core/failure.js'
import type { Processor } from '../core/processor.js'
import { printable, renderFailure } from '../failures/render.js'
import { refuseToRun } from '../interpreters/run-main.js'
import { type App, toResource } from '../ports/app.js'
import { isResource } from '../ports/resource.js'
import { using } from './answer.js'
import { type Io, Stop } from './io.js'

export const throughOption = [
  '--through <module>',
  'whose default export is the processor, or a resource of it'
] as const

/** Opens what the processor needs once, and closes it after. */
export const withProcessor = async <A>(
  io: Io,
  path: string,
  use: (processor: Processor) => Promise<A>
): Promise<A> => using(toResource(await loadApp(io, path)), 1, use)

/** The path of a module that is there. */
export const modulePath = ({ cwd }: Pick<Io, 'cwd'>, path: string): string => {
  const location = resolve(cwd, path)
  const stat = statSync(location, { throwIfNoEntry: false })
  if (stat?.isFile() === true) return location
  throw new Stop(
    2,
    printable(
      `${location} ${stat === undefined ? 'does not exist' : 'is no file'}; give the path of a module whose default export is the processor`
    )
  )
}

// helpers

const loadApp = async (io: Io, path: string): Promise<App> => {
  const location = modulePath(io, path)
  const app = defaultOf(await imported(location))
  if (isApp(app)) return app
  throw new Stop(
    2,
    printable(
      app === undefined
        ? `${location} has no default export; end it with \`export default\` and the processor, or a resource of it`
        : `the default export of ${location} is ${kindOf(app)}; it must be a processor, or a resource of one`
    )
  )
}

const imported = async (location: string): Promise<unknown> => {
  refuseToRun()
  try {
    return await import(pathToFileURL(location).href)
  } catch (thrown) {
    const code = (thrown as { readonly code?: unknown } | undefined)?.code
    throw new Stop(
      2,
      code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?tsx?$/.test(location)
        ? printable(
            `this Node does not run TypeScript by itself, and ${location} is that; install tsx, and run: node --import tsx node_modules/.bin/missive …`
          )
        : renderFailure(withoutOurs(defect(location, thrown)))
    )
  }
}

/** Without the frames of whoever imports it, Node and this file, which say nothing of the module. */
const withoutOurs = (failure: Defect): Defect => {
  if (failure.stack === undefined) return failure
  const frames = failure.stack.split('\n')
  const ours = frames.findIndex((frame) => /^\s+at (?:async )?imported \(/.test(frame))
  const theirs = frames.slice(0, ours < 0 ? undefined : ours)
  return { ...failure, stack: theirs.filter((frame) => !frame.includes('node:internal/')).join('\n') }
}

/** A CommonJS module that was made of an ES module has its default export one level deeper. */
const defaultOf = (loaded: unknown): unknown => {
  const outer = fieldOf(loaded, 'default')
  const inner = isApp(outer) ? undefined : fieldOf(outer, 'default')
  return inner ?? outer
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined

const isApp = (value: unknown): value is App => typeof value === 'function' || isResource(value)

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : `of type ${typeof value}`
