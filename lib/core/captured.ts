/** What was thrown, as plain and bounded data: whatever it is, reading it cannot throw again. */
import { cut, toJson } from './json.js'

// model

/** What was thrown, as data: names are cut at 256 characters, messages at 2048, stacks at 8192. */
export interface Captured {
  readonly name: string
  readonly message: string
  readonly stack?: string
  /** The causes of an error, and the members of an aggregate one. */
  readonly causes?: readonly Captured[]
}

// constructors

export const capture = (thrown: unknown, depth = 4, budget = { errors: maxErrors }): Captured => {
  const name = textField(thrown, 'name')
  const message = textField(thrown, 'message')
  if (name === undefined && message === undefined)
    return { name: typeName(thrown), message: cut(shown(thrown), 2_048) }
  const stack = textField(thrown, 'stack')
  const causes =
    depth === 0
      ? []
      : causesOf(thrown).flatMap((cause) =>
          (budget.errors -= 1) > 0 ? [capture(cause, depth - 1, budget)] : []
        )
  return {
    name: cut(name ?? 'Error', 256),
    message: cut(message ?? '', 2_048),
    ...(stack === undefined ? {} : { stack: cut(stack, 8_192) }),
    ...(causes.length === 0 ? {} : { causes })
  }
}

/** Hears the rejection of what should not have been a promise, so that it does not end the process. */
export const hush = (value: unknown): void => void Promise.resolve(value).catch(() => undefined)

/** Refuses what was given for a Task. */
export const noTask = (given: unknown): never => {
  hush(given)
  throw new TypeError('gave something that is no Task; give a function that gives a Promise')
}

// helpers

const maxCauses = 8
/** In all of a tree of causes. */
const maxErrors = 24

const causesOf = (thrown: unknown): readonly unknown[] => {
  try {
    const cause = field(thrown, 'cause')
    const errors = field(thrown, 'errors')
    const members = Array.isArray(errors) ? errors.slice(0, maxCauses) : []
    return cause === undefined || cause === thrown ? members : [cause, ...members]
  } catch {
    return []
  }
}

const field = (value: unknown, key: string): unknown => {
  if (typeof value !== 'object' || value === null) return undefined
  try {
    return (value as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

const textField = (value: unknown, key: string): string | undefined => {
  const text = field(value, key)
  return typeof text === 'string' ? text : undefined
}

const typeName = (value: unknown): string => (value === null ? 'null' : typeof value)

const shown = (value: unknown): string => {
  try {
    // Of a call that is asynchronous, where what that gives should have been thrown.
    if (value instanceof Promise) hush(value)
    return typeof value === 'object' && value !== null ? JSON.stringify(toJson(value)) : String(value)
  } catch {
    return 'unreadable'
  }
}
