/** What TypeScript files import, read from their text: comments, strings and patterns are told apart from code. */

// model

export interface Token {
  /** `text` is a string, a template or a pattern, with its quotes. */
  readonly kind: 'word' | 'text' | 'sign'
  readonly value: string
  readonly line: number
}

export interface Import {
  /** As written; `undefined` where it is computed. */
  readonly specifier: string | undefined
  /** `import type` and `export type`: nothing of it is left at run time. */
  readonly isType: boolean
  readonly line: number
}

// readers

export const tokensOf = (source: string): readonly Token[] => {
  const tokens: Token[] = []
  const open: string[] = []
  let offset = 0
  let line = 1

  const take = (pattern: RegExp): string => {
    pattern.lastIndex = offset
    const [taken = source.charAt(offset)] = pattern.exec(source) ?? []
    offset += taken.length
    return taken
  }
  const push = (kind: Token['kind'], value: string): void => {
    tokens.push({ kind, value, line })
    line += breaksIn(value)
  }
  const pushTemplate = (opening: string): void => {
    const rest = take(templatePart)
    push('text', opening + rest)
    if (rest.endsWith('${')) open.push('${')
  }

  while (offset < source.length) {
    line += breaksIn(take(blank))
    const next = source.charAt(offset)
    if (next === '') break
    if (next === "'" || next === '"') push('text', take(quoted))
    else if (next === '/' && startsPattern(tokens.at(-1))) push('text', take(pattern))
    else if (next === '`') pushTemplate(take(anything))
    else if (next === '}' && open.at(-1) === '${') {
      open.pop()
      pushTemplate(take(anything))
    } else if (wordStart.test(next)) push('word', take(word))
    else {
      if (next === '{') open.push(next)
      if (next === '}') open.pop()
      push('sign', take(anything))
    }
  }
  return tokens
}

/** Static and dynamic imports, re-exports, and what is required. */
export const importsOf = (source: string): readonly Import[] => {
  const tokens = tokensOf(source)
  const found: Import[] = []
  for (const [index, { kind, value, line }] of tokens.entries()) {
    if (kind !== 'word' || tokens[index - 1]?.value === '.') continue
    const [next, afterNext] = [tokens[index + 1], tokens[index + 2]]
    const isType =
      next?.value === 'type' && (afterNext?.kind === 'word' || /[{*]/.test(afterNext?.value ?? ''))
    if ((value === 'import' || value === 'require') && next?.value === '(')
      found.push({ specifier: specifierOf(afterNext, tokens[index + 3]), isType: false, line })
    else if ((value === 'import' && next?.value !== '.') || isReexport(value, isType ? afterNext : next)) {
      const from = fromOf(tokens, index + 1)
      if (from !== undefined) found.push({ specifier: specifierOf(from), isType, line })
    }
  }
  return found
}

// helpers

const blank = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y
const quoted = /(['"])(?:[^\\\n]|\\[\s\S])*?\1/y
const pattern = /\/(?:[^\\/[\n]|\\.|\[(?:[^\\\]\n]|\\.)*\])+\/[a-z]*/y
const templatePart = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y
const wordStart = /[\p{ID_Start}\p{Nd}$_]/u
const word = /[\p{ID_Continue}$]+/uy
const anything = /[\s\S]/y

const breaksIn = (text: string): number => text.split('\n').length - 1

/** After a value a slash divides; elsewhere it begins a pattern. */
const startsPattern = (before: Token | undefined): boolean => {
  if (before === undefined) return true
  if (before.kind === 'word')
    return /^(?:return|typeof|case|in|of|void|delete|await|yield)$/.test(before.value)
  return before.kind === 'sign' && !/[)\]}]/.test(before.value)
}

const isReexport = (value: string, next: Token | undefined): boolean =>
  value === 'export' && (next?.value === '{' || next?.value === '*')

/** The text that ends an import's or re-export's clause; `undefined` for an export of what is declared here. */
const fromOf = (tokens: readonly Token[], start: number): Token | undefined => {
  const index = tokens.findIndex(({ kind, value }, at) => at >= start && (kind === 'text' || value === '}'))
  const end = tokens[index]
  if (end?.value !== '}') return end
  return tokens[index + 1]?.value === 'from' ? tokens[index + 2] : undefined
}

const specifierOf = (token: Token | undefined, after?: Token): string | undefined => {
  const isWhole = token?.kind === 'text' && !token.value.endsWith('${')
  const isAlone = after === undefined || after.value === ')' || after.value === ','
  return isWhole && isAlone ? token.value.slice(1, -1) : undefined
}
